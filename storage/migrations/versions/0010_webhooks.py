"""Events are sent to endpoints of the tenants: two tables, which the program before does not read.

A unit for every tenant (`*`) sees the rows of all: one process at a time sends for an endpoint, whosever it is.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"

TENANT = "current_setting('sojourn.tenant', true)"
DELIVERIES = "webhook_deliveries"


def upgrade() -> None:
    """Add the tables; the program before writes beside them, and sends nothing."""
    op.create_table(
        "webhooks",
        _text("tenant_id", 128, nullable=False),
        _text("id", 64, nullable=False),
        _text("url", nullable=False),
        _text("events", nullable=False),
        _text("description", 255),
        _instant("created_at", nullable=False),
        _text("sealed_secret", nullable=False),
        _text("previous_secret"),
        _instant("previous_until"),
        sa.Column("position", sa.BigInteger(), nullable=False),
        _instant("held_until"),
        _instant("disabled_at"),
        _text("disabled_because", 255),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
    )
    op.create_index("ux_webhooks_id", "webhooks", ["id"], unique=True)
    op.create_table(
        DELIVERIES,
        _text("tenant_id", 128, nullable=False),
        _text("webhook_id", 64, nullable=False),
        _text("id", 128, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        _text("type", 32, nullable=False),
        sa.Column(
            "session_id", sa.String(36).with_variant(postgresql.UUID(as_uuid=False), "postgresql"), nullable=True
        ),
        _instant("created_at", nullable=False),
        _instant("due_at"),
        sa.Column("tries", sa.Integer(), nullable=False),
        _instant("delivered_at"),
        _text("attempts"),
        sa.PrimaryKeyConstraint("tenant_id", "webhook_id", "id"),
    )
    op.create_index("ux_webhook_deliveries", DELIVERIES, ["webhook_id", "number"], unique=True)
    op.create_index("ix_webhook_deliveries_number", DELIVERIES, ["number"])
    _index_of_unsent("ix_webhook_deliveries_unsent", "number")
    _index_of_unsent("ix_webhook_deliveries_due", "webhook_id", "due_at")
    _index_of_unsent("ix_webhook_deliveries_order", "webhook_id", "session_id", "number")
    if op.get_bind().dialect.name == "postgresql":
        for table in ("webhooks", DELIVERIES):
            op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
            op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
            op.execute(f"CREATE POLICY own_tenant ON {table} USING (tenant_id = {TENANT} OR {TENANT} = '*')")


def _index_of_unsent(name: str, *columns: str) -> None:
    where = sa.text("due_at IS NOT NULL")
    op.create_index(name, DELIVERIES, columns, sqlite_where=where, postgresql_where=where)


def _text(name: str, length: int | None = None, *, nullable: bool = True) -> sa.Column[str]:
    kind: Any = sa.Text if length is None else sa.String
    return sa.Column(name, kind(length).with_variant(kind(length, collation="C"), "postgresql"), nullable=nullable)


def _instant(name: str, *, nullable: bool = True) -> sa.Column[str]:
    kind: Any = sa.String(24).with_variant(postgresql.TIMESTAMP(timezone=True, precision=3), "postgresql")
    return sa.Column(name, kind, nullable=nullable)
