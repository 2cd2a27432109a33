"""What tells the tokens of a restored database from those issued before: the epoch, which all of them carry.

A database without an epoch is one that was never restored since the release before: its tokens carry none.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the table; the program before reads and writes beside it."""
    op.create_table(
        "epochs",
        sa.Column("name", sa.String(16).with_variant(sa.String(16, collation="C"), "postgresql"), primary_key=True),
        sa.Column("value", sa.String(64).with_variant(sa.String(64, collation="C"), "postgresql"), nullable=False),
    )
