"""The table of tenants' own rules."""

from sqlalchemy import Column, Integer
from sqlmodel import Field

from sojourn.domain.clock import Instant
from sojourn.domain.ids import TenantId
from sojourn.storage.schema.columns import Stored, instant, key_text, short_text


class SessionPolicyTable(Stored, table=True):
    """A tenant's policy of sessions. A policy that was cleared keeps its row, without rules: its version goes on.

    `most_sessions` is how many there may be at once, `counted_per` of what, `on_limit` what one too many does: all null
    where the tenant limits nothing. `bind_asn` and `bind_country` are what happens where a session is used from
    elsewhere, null where the tenant does not say.
    """

    __tablename__ = "session_policies"

    tenant_id: TenantId = Field(sa_column=key_text(128))
    version: int = Field(sa_column=Column(Integer, nullable=False))
    most_sessions: int | None = Field(sa_column=Column(Integer))
    counted_per: str | None = Field(sa_column=short_text(16))
    on_limit: str | None = Field(sa_column=short_text(16))
    updated_at: Instant = Field(sa_column=instant())
    bind_asn: str | None = Field(sa_column=short_text(8))
    bind_country: str | None = Field(sa_column=short_text(8))
