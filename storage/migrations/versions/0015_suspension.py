"""Suspension: until when a session is suspended, and what becomes of it then.

The program before does not read it: to it, a suspended session is active until it is gone.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Add the columns, empty in every row there is."""
    instant: Any = sa.String(24).with_variant(postgresql.TIMESTAMP(timezone=True, precision=3), "postgresql")
    word: Any = sa.String(16).with_variant(sa.String(16, collation="C"), "postgresql")
    op.add_column("sessions", sa.Column("suspended_until", instant, nullable=True))
    op.add_column("sessions", sa.Column("suspended_then", word, nullable=True))
