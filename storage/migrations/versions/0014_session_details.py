"""Sessions remember the network they began in, their factors with times, a name and metadata.

All of it is empty in the rows that are there, and the program before writes beside it and fills none of it.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Add the columns."""
    text: Any = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    op.add_column("sessions", sa.Column("asn", sa.BigInteger(), nullable=True))
    op.add_column("sessions", sa.Column("factors", text, nullable=True))
    op.add_column("sessions", sa.Column("details", text, nullable=True))
