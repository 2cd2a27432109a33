"""The audit trail: records that chain by hash, the head of each chain, and who stands behind a pseudonym."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the tables; the program before reads and writes beside them."""
    op.create_table(
        "audit_records",
        _text("tenant_id", 128),
        sa.Column("position", sa.BigInteger(), nullable=False, autoincrement=False),
        _text("id", 64),
        sa.Column("at", _instant(), nullable=False),
        _text("actor_kind", 16),
        _text("actor_id", 255, nullable=True),
        _text("action", 64),
        _text("target", 255, nullable=True),
        _text("before", nullable=True),
        _text("after", nullable=True),
        _text("request_id", 128, nullable=True),
        _text("hash", 64),
        sa.PrimaryKeyConstraint("tenant_id", "position"),
    )
    op.create_table(
        "audit_heads",
        _text("tenant_id", 128),
        sa.Column("position", sa.BigInteger(), nullable=False),
        _text("hash", 64),
        _text("signature"),
        sa.PrimaryKeyConstraint("tenant_id"),
    )
    op.create_table(
        "audit_pseudonyms",
        _text("tenant_id", 128),
        _text("user_id", 255),
        _text("pseudonym", 64),
        sa.PrimaryKeyConstraint("tenant_id", "user_id"),
    )
    op.create_index("ux_audit_pseudonyms", "audit_pseudonyms", ["tenant_id", "pseudonym"], unique=True)
    if op.get_bind().dialect.name == "postgresql":
        for table in ("audit_records", "audit_heads", "audit_pseudonyms"):
            op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
            op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
            op.execute(
                f"CREATE POLICY own_tenant ON {table} USING (tenant_id = current_setting('sojourn.tenant', true))"
            )


def _text(name: str, length: int | None = None, *, nullable: bool = False) -> sa.Column[str]:
    plain: sa.Text | sa.String = sa.Text() if length is None else sa.String(length)
    ordered = sa.Text(collation="C") if length is None else sa.String(length, collation="C")
    return sa.Column(name, plain.with_variant(ordered, "postgresql"), nullable=nullable)


def _instant() -> Any:
    return sa.String(24).with_variant(postgresql.TIMESTAMP(timezone=True, precision=3), "postgresql")
