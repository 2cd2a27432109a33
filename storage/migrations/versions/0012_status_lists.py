"""Status lists: where a session stands in one, and which lists there are.

Sessions and events remember the place, so that a list can be written when their rows are gone. The program before
leaves it empty, and its sessions stand in no list.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add the columns and the tables; the program before writes beside them."""
    op.add_column("sessions", sa.Column("status_index", sa.BigInteger(), nullable=True))
    op.add_column("events", sa.Column("status_index", sa.BigInteger(), nullable=True))
    instant: Any = sa.String(24).with_variant(postgresql.TIMESTAMP(timezone=True, precision=3), "postgresql")
    op.create_table(
        "status_lists",
        _text("id", 64),
        _text("of_tenant", 128),
        _text("week", 10),
        sa.Column("block", sa.Integer(), nullable=False),
        _text("secret", 64),
        sa.Column("created_at", instant, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ux_status_lists_of", "status_lists", ["of_tenant", "week", "block"], unique=True)
    op.create_table(
        "status_positions",
        _text("name", 64),
        sa.Column("next", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def _text(name: str, length: int) -> sa.Column[str]:
    kind: Any = sa.String
    return sa.Column(name, kind(length).with_variant(kind(length, collation="C"), "postgresql"), nullable=False)
