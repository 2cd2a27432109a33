"""The tables of tenants' own rules."""

from sqlalchemy import BigInteger, Column, Integer
from sqlmodel import Field

from sojourn.domain.clock import Instant
from sojourn.domain.ids import TenantId
from sojourn.storage.schema.columns import Stored, instant, key_text, short_text


class SessionPolicyTable(Stored, table=True):
    """A tenant's policy of sessions. A policy that was cleared keeps its row, without rules: its version goes on.

    `most_sessions` is how many there may be at once, `counted_per` of what, `on_limit` what one too many does: all null
    where the tenant limits nothing. `bind_asn` and `bind_country` are what happens where a session is used from
    elsewhere, null where the tenant does not say. `idle_timeout` and `absolute_timeout` are in milliseconds, null where
    the server's own apply.
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
    idle_timeout: int | None = Field(sa_column=Column(BigInteger))
    absolute_timeout: int | None = Field(sa_column=Column(BigInteger))


class SessionTighteningTable(Stored, table=True):
    """A time-out that became shorter, until the rows of the sessions of before say so.

    From `since` on no session of the tenant lasts longer than `lasts` milliseconds after it was created, where `rule`
    is `absolute_timeout`, or after its last activity, where it is `idle_timeout`. Creations and activities from
    `counts_until` on are not meant: the time-out is longer again. `version` is the policy's. `walked_at` is when a walk
    through all rows began that came to its end: null before the first.
    """

    __tablename__ = "session_tightenings"

    tenant_id: TenantId = Field(sa_column=key_text(128))
    version: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    rule: str = Field(sa_column=key_text(16))
    lasts: int = Field(sa_column=Column(BigInteger, nullable=False))
    since: Instant = Field(sa_column=instant())
    counts_until: Instant = Field(sa_column=instant())
    walked_at: Instant | None = Field(sa_column=instant(nullable=True))
