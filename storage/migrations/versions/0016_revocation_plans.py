"""Revocation plans: which sessions are to end, and how far that is.

The program before does not know them: while an applied plan is not finished, it goes on accepting tokens of sessions
whose rows have not ended yet.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"

_INSTANTS = (
    "auth_time_before",
    "created_after",
    "created_before",
    "active_after",
    "active_before",
)


def upgrade() -> None:
    """Add the table; the program before does not read it."""
    table = "revocation_plans"
    op.create_table(
        table,
        _text("tenant_id", 128, nullable=False),
        _text("id", 36, nullable=False),
        *(_instant(name, nullable=False) for name in ("created_at", "expires_at", "kept_until")),
        _text("reason", 255, nullable=False),
        _text("reason_code", 32, nullable=False),
        _text("trusted_devices", 8, nullable=False),
        _long_text("filter", nullable=False),
        _long_text("except_ids"),
        _long_text("numbers", nullable=False),
        _text("user_id", 255),
        _text("app_id", 255),
        _text("device_id", 255),
        _text("device_type", 32),
        _text("device_fingerprint", 512),
        _text("ip", 64),
        _text("country", 8),
        sa.Column("asn", sa.BigInteger(), nullable=True),
        _text("user_agent_contains", 255),
        _text("amr", 255),
        *map(_instant, _INSTANTS),
        _instant("applied_at"),
        _text("applied_by", 255),
        _text("initiated_by", 16),
        _instant("open_since"),
        _instant("finished_at"),
        *(sa.Column(name, sa.BigInteger(), nullable=True) for name in ("matched", "ended", "remaining")),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
    )
    is_open = sa.text("open_since IS NOT NULL")
    op.create_index(
        "ix_revocation_plans_open",
        table,
        ["tenant_id", "open_since"],
        sqlite_where=is_open,
        postgresql_where=is_open,
    )
    if op.get_bind().dialect.name == "postgresql":
        tenant = "current_setting('sojourn.tenant', true)"
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY own_tenant ON {table} USING (tenant_id = {tenant} OR {tenant} = '*')")


def _text(name: str, length: int, *, nullable: bool = True) -> sa.Column[str]:
    kind: Any = sa.String
    return sa.Column(name, kind(length).with_variant(kind(length, collation="C"), "postgresql"), nullable=nullable)


def _long_text(name: str, *, nullable: bool = True) -> sa.Column[str]:
    kind: Any = sa.Text
    return sa.Column(name, kind().with_variant(kind(collation="C"), "postgresql"), nullable=nullable)


def _instant(name: str, *, nullable: bool = True) -> sa.Column[str]:
    kind: Any = sa.String(24).with_variant(postgresql.TIMESTAMP(timezone=True, precision=3), "postgresql")
    return sa.Column(name, kind, nullable=nullable)
