"""Rollups: how many sessions were created and ended in each minute, hour and day, counted from the events.

The program before does not know them: it writes events, and does not count them. It erases a user without moving the
sessions to those of which no application, device and country is known: there they end.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Add the tables; the program before does not read them."""
    op.create_table(
        "rollups",
        _text("tenant_id", 128, nullable=False),
        _text("step", 4, nullable=False),
        _text("dimension", 16, nullable=False),
        sa.Column("begins_at", _INSTANT, nullable=False),
        _text("value", 255, nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("created", "ended", "opened", "rise")),
        sa.PrimaryKeyConstraint("tenant_id", "step", "dimension", "begins_at", "value"),
    )
    op.create_table(
        "rollup_positions",
        _text("tenant_id", 128, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("is_anchored", sa.Boolean(), nullable=False),
        sa.Column("as_of", _INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("tenant_id"),
    )
    op.create_table(
        "rollup_suspensions",
        _text("tenant_id", 128, nullable=False),
        sa.Column(
            "session_id", sa.String(36).with_variant(postgresql.UUID(as_uuid=False), "postgresql"), nullable=False
        ),
        sa.PrimaryKeyConstraint("tenant_id", "session_id"),
    )
    if op.get_bind().dialect.name == "postgresql":
        tenant = "current_setting('sojourn.tenant', true)"
        for table in ("rollups", "rollup_positions", "rollup_suspensions"):
            op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
            op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
            op.execute(f"CREATE POLICY own_tenant ON {table} USING (tenant_id = {tenant} OR {tenant} = '*')")


_INSTANT: Any = sa.String(24).with_variant(postgresql.TIMESTAMP(timezone=True, precision=3), "postgresql")


def _text(name: str, length: int, *, nullable: bool = True) -> sa.Column[str]:
    kind: Any = sa.String
    return sa.Column(name, kind(length).with_variant(kind(length, collation="C"), "postgresql"), nullable=nullable)
