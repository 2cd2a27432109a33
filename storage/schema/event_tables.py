"""The table of events: what happened, told once, in one order for all readers."""

from sqlalchemy import BigInteger, Column, Index
from sqlmodel import Field

from sojourn.storage.schema.columns import Stored, instant, key_text, long_text, partial_index, session_key, short_text


class EventTable(Stored, table=True):
    """An event, written by the transaction that made it so.

    `number` is its position among the events of all tenants. SQLite gives it at once: writes come one after the other.
    On PostgreSQL it is null until the transaction is committed (`sojourn.storage.upkeep.numbering`); `place` says in
    which order the events that wait were written. `forget_at` is the instant from which a verifier of tokens need not
    know the event any more. `recorded_at` is when it was written, `occurred_at` when it happened. `status_index` is the
    place of the session in the status lists, where one ended.
    """

    __tablename__ = "events"
    __table_args__ = (
        Index("ux_events_number", "number", unique=True),
        Index("ix_events_tenant", "tenant_id", "number"),
        partial_index("ix_events_waiting", "place", null="number"),
        partial_index("ix_events_user", "tenant_id", "user_id", not_null="user_id"),
        partial_index("ix_events_actor", "tenant_id", "actor", not_null="actor"),
        partial_index("ix_events_kept", "forget_at", not_null="forget_at"),
    )

    tenant_id: str = Field(sa_column=key_text(128))
    id: str = Field(sa_column=key_text(64))
    type: str = Field(sa_column=short_text(32, nullable=False))
    place: int | None = Field(sa_column=Column(BigInteger))
    number: int | None = Field(sa_column=Column(BigInteger))
    occurred_at: str = Field(sa_column=instant())
    recorded_at: str = Field(sa_column=instant())
    session_id: str | None = Field(sa_column=session_key(nullable=True))
    user_id: str | None = Field(sa_column=short_text())
    app_id: str | None = Field(sa_column=short_text())
    reason_code: str | None = Field(sa_column=short_text(32))
    reason: str | None = Field(sa_column=short_text())
    initiated_by: str | None = Field(sa_column=short_text(16))
    actor: str | None = Field(sa_column=short_text())
    forget_at: str | None = Field(sa_column=instant(nullable=True))
    data: str | None = Field(sa_column=long_text())
    status_index: int | None = Field(sa_column=Column(BigInteger))
