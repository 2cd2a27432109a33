"""What an API key may do, when it was last used, and the secret that it had before it was rotated.

A key without scopes is one of before: it keeps what it could do.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the columns; the program before writes beside them."""
    op.add_column("api_keys", _text("scopes"))
    op.add_column("api_keys", sa.Column("last_used_at", _instant(), nullable=True))
    op.add_column("api_keys", _text("previous_hash", 64))
    op.add_column("api_keys", sa.Column("previous_until", _instant(), nullable=True))


def _text(name: str, length: int | None = None) -> sa.Column[str]:
    plain: sa.Text | sa.String = sa.Text() if length is None else sa.String(length)
    ordered = sa.Text(collation="C") if length is None else sa.String(length, collation="C")
    return sa.Column(name, plain.with_variant(ordered, "postgresql"), nullable=True)


def _instant() -> Any:
    return sa.String(24).with_variant(postgresql.TIMESTAMP(timezone=True, precision=3), "postgresql")
