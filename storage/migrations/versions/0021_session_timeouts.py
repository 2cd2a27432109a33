"""Time-outs of sessions in a tenant's policy, and those that became shorter.

The program before does not know them: the sessions that it begins and keeps alive last as long as its own settings
allow, and where a policy shortens them it goes on accepting what the rows do not say yet.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Add the columns and the table; the program before reads neither."""
    for name in ("idle_timeout", "absolute_timeout"):
        op.add_column("session_policies", sa.Column(name, sa.BigInteger(), nullable=True))
    table = "session_tightenings"
    op.create_table(
        table,
        _text("tenant_id", 128),
        sa.Column("version", sa.Integer(), nullable=False),
        _text("rule", 16),
        sa.Column("lasts", sa.BigInteger(), nullable=False),
        _instant("since", nullable=False),
        _instant("counts_until", nullable=False),
        _instant("walked_at", nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "version", "rule"),
    )
    if op.get_bind().dialect.name == "postgresql":
        tenant = "current_setting('sojourn.tenant', true)"
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY own_tenant ON {table} USING (tenant_id = {tenant} OR {tenant} = '*')")


def _text(name: str, length: int) -> sa.Column[str]:
    kind: Any = sa.String
    return sa.Column(name, kind(length).with_variant(kind(length, collation="C"), "postgresql"), nullable=False)


def _instant(name: str, *, nullable: bool) -> sa.Column[str]:
    kind: Any = sa.String(24).with_variant(postgresql.TIMESTAMP(timezone=True, precision=3), "postgresql")
    return sa.Column(name, kind, nullable=nullable)
