"""What sessions and their tokens say of assurance, and which provider's tokens have vouched for a sign-in.

A session has its context class (`acr`) and counts how often its assurance was raised; a token notes the count at its
issue, so that those of before are told without any host's clock.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add columns and a table; the program before writes beside them."""
    op.add_column("sessions", _text("acr", 255, nullable=True))
    op.add_column("sessions", sa.Column("elevations", sa.Integer(), nullable=False, server_default=sa.text("0")))
    op.add_column("issued_tokens", sa.Column("elevations", sa.Integer(), nullable=True))
    op.create_table(
        "presented_tokens",
        _text("tenant_id", 128),
        _text("token_hash", 64),
        sa.Column("expires_at", _instant(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "token_hash"),
    )
    op.create_index("ix_presented_tokens_expiry", "presented_tokens", ["tenant_id", "expires_at"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE presented_tokens ENABLE ROW LEVEL SECURITY")
        op.execute("ALTER TABLE presented_tokens FORCE ROW LEVEL SECURITY")
        op.execute(
            "CREATE POLICY own_tenant ON presented_tokens USING (tenant_id = current_setting('sojourn.tenant', true))"
        )


def _text(name: str, length: int, *, nullable: bool = False) -> sa.Column[str]:
    kind = sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")
    return sa.Column(name, kind, nullable=nullable)


def _instant() -> Any:
    return sa.String(24).with_variant(postgresql.TIMESTAMP(timezone=True, precision=3), "postgresql")
