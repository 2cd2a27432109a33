"""What a token knew when it was issued: the key that signed it, and how many cut-offs there had been.

A cut-off is counted, so that "issued before it" does not depend on any host's clock. Tokens of the first release know
no count and are told by their instants, as before.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the columns; the program before writes beside them."""
    key = sa.String(64).with_variant(sa.String(64, collation="C"), "postgresql")
    op.add_column("issued_tokens", sa.Column("key_id", key, nullable=True))
    op.add_column("issued_tokens", sa.Column("cut_offs", sa.Integer(), nullable=True))
    op.add_column("not_before", sa.Column("count", sa.Integer(), nullable=False, server_default=sa.text("0")))
