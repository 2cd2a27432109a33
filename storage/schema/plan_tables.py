"""The table of revocation plans: which sessions are to end, and how far that is."""

from sqlalchemy import BigInteger, Column
from sqlmodel import Field

from sojourn.domain.clock import Instant
from sojourn.domain.ids import TenantId
from sojourn.storage.schema.columns import Stored, instant, key_text, long_text, partial_index, short_text


class RevocationPlanTable(Stored, table=True):
    """A plan, and what became of it once it was applied: then it is a revocation.

    `filter` is a JSON object, the filters as they were given; `except_ids` holds ids of sessions, each between commas,
    and `numbers` is a JSON object of what was counted. The columns from `user_id` to `active_before` hold the filters
    once more, as `sojourn.storage.queries.filter_conditions` compares them: null where none is given.

    `open_since` is the instant from which the tokens are refused, as long as not every row has ended. `matched` is how
    many sessions that concerned; `ended` of them have ended and `remaining` are left. The row may go at `kept_until`.
    """

    __tablename__ = "revocation_plans"
    __table_args__ = (partial_index("ix_revocation_plans_open", "tenant_id", "open_since", not_null="open_since"),)

    tenant_id: TenantId = Field(sa_column=key_text(128))
    id: str = Field(sa_column=key_text(36))
    created_at: Instant = Field(sa_column=instant())
    expires_at: Instant = Field(sa_column=instant())
    kept_until: Instant = Field(sa_column=instant())
    reason: str = Field(sa_column=short_text(nullable=False))
    reason_code: str = Field(sa_column=short_text(32, nullable=False))
    trusted_devices: str = Field(sa_column=short_text(8, nullable=False))
    filter: str = Field(sa_column=long_text(nullable=False))
    except_ids: str | None = Field(sa_column=long_text())
    numbers: str = Field(sa_column=long_text(nullable=False))
    user_id: str | None = Field(sa_column=short_text())
    app_id: str | None = Field(sa_column=short_text())
    device_id: str | None = Field(sa_column=short_text())
    device_type: str | None = Field(sa_column=short_text(32))
    device_fingerprint: str | None = Field(sa_column=short_text(512))
    ip: str | None = Field(sa_column=short_text(64))
    country: str | None = Field(sa_column=short_text(8))
    asn: int | None = Field(sa_column=Column(BigInteger))
    user_agent_contains: str | None = Field(sa_column=short_text())
    amr: str | None = Field(sa_column=short_text())
    auth_time_before: Instant | None = Field(sa_column=instant(nullable=True))
    created_after: Instant | None = Field(sa_column=instant(nullable=True))
    created_before: Instant | None = Field(sa_column=instant(nullable=True))
    active_after: Instant | None = Field(sa_column=instant(nullable=True))
    active_before: Instant | None = Field(sa_column=instant(nullable=True))
    applied_at: Instant | None = Field(sa_column=instant(nullable=True))
    applied_by: str | None = Field(sa_column=short_text())
    initiated_by: str | None = Field(sa_column=short_text(16))
    open_since: Instant | None = Field(sa_column=instant(nullable=True))
    finished_at: Instant | None = Field(sa_column=instant(nullable=True))
    matched: int | None = Field(sa_column=Column(BigInteger))
    ended: int | None = Field(sa_column=Column(BigInteger))
    remaining: int | None = Field(sa_column=Column(BigInteger))
