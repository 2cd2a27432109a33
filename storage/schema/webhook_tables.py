"""The tables of webhooks: where events are sent, and what became of each of them there."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer
from sqlmodel import Field

from sojourn.storage.schema.columns import Stored, instant, key_text, long_text, partial_index, session_key, short_text


class WebhookTable(Stored, table=True):
    """An endpoint of a tenant. `events` is a JSON array of the types that it is sent.

    `position` is the number up to which events were handed to it: an event behind that is not yet decided upon.
    Nothing is sent to it before `held_until`, and nothing from `disabled_at` on.

    A row with a `client` is an application that is sent logout tokens: one for each end of a session that was recorded
    for one of `apps`, a JSON array; null are all. Its `sealed_secret` is empty: a program that knows no such rows can
    sign nothing for them, and sends nothing.
    """

    __tablename__ = "webhooks"
    __table_args__ = (
        Index("ux_webhooks_id", "id", unique=True),
        Index("ux_webhooks_client", "tenant_id", "client", unique=True),
    )

    tenant_id: str = Field(sa_column=key_text(128))
    id: str = Field(sa_column=key_text(64))
    url: str = Field(sa_column=long_text(nullable=False))
    events: str = Field(sa_column=long_text(nullable=False))
    description: str | None = Field(sa_column=short_text())
    created_at: str = Field(sa_column=instant())
    sealed_secret: str = Field(sa_column=long_text(nullable=False))
    previous_secret: str | None = Field(sa_column=long_text())
    previous_until: str | None = Field(sa_column=instant(nullable=True))
    position: int = Field(sa_column=Column(BigInteger, nullable=False))
    held_until: str | None = Field(sa_column=instant(nullable=True))
    disabled_at: str | None = Field(sa_column=instant(nullable=True))
    disabled_because: str | None = Field(sa_column=short_text())
    client: str | None = Field(sa_column=short_text(128))
    session_required: bool | None = Field(sa_column=Column(Boolean))
    apps: str | None = Field(sa_column=long_text())


class DeliveryTable(Stored, table=True):
    """An event that an endpoint is to be told: made from the event's number, and gone with the event.

    `id` is what the receiver sees as `webhook-id`. `due_at` is when it is tried next, null once it was delivered or
    given up. `attempts` is a JSON array of the last attempts.
    """

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        Index("ux_webhook_deliveries", "webhook_id", "number", unique=True),
        Index("ix_webhook_deliveries_number", "number"),
        partial_index("ix_webhook_deliveries_unsent", "number", not_null="due_at"),
        partial_index("ix_webhook_deliveries_due", "webhook_id", "due_at", not_null="due_at"),
        partial_index("ix_webhook_deliveries_order", "webhook_id", "session_id", "number", not_null="due_at"),
    )

    tenant_id: str = Field(sa_column=key_text(128))
    webhook_id: str = Field(sa_column=key_text(64))
    id: str = Field(sa_column=key_text(128))
    number: int = Field(sa_column=Column(BigInteger, nullable=False))
    type: str = Field(sa_column=short_text(32, nullable=False))
    session_id: str | None = Field(sa_column=session_key(nullable=True))
    created_at: str = Field(sa_column=instant())
    due_at: str | None = Field(sa_column=instant(nullable=True))
    tries: int = Field(sa_column=Column(Integer, nullable=False))
    delivered_at: str | None = Field(sa_column=instant(nullable=True))
    attempts: str | None = Field(sa_column=long_text())
