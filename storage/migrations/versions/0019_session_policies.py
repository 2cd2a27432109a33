"""Policies of sessions: how many a tenant allows at once.

The program before does not know them: the sign-ins that it records are held to the limit of the server only.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Add the table; the program before does not read it."""
    table = "session_policies"
    instant: Any = sa.String(24).with_variant(postgresql.TIMESTAMP(timezone=True, precision=3), "postgresql")
    op.create_table(
        table,
        _text("tenant_id", 128, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("most_sessions", sa.Integer(), nullable=True),
        _text("counted_per", 16),
        _text("on_limit", 16),
        sa.Column("updated_at", instant, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id"),
    )
    if op.get_bind().dialect.name == "postgresql":
        tenant = "current_setting('sojourn.tenant', true)"
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY own_tenant ON {table} USING (tenant_id = {tenant})")


def _text(name: str, length: int, *, nullable: bool = True) -> sa.Column[str]:
    kind: Any = sa.String
    return sa.Column(name, kind(length).with_variant(kind(length, collation="C"), "postgresql"), nullable=nullable)
