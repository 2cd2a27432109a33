"""Applications that are sent logout tokens stand beside the endpoints of events.

The columns only add. The program before takes such a row for an endpoint whose secret it cannot read: it sends nothing
there, and what it leaves waits. The index is of a small table, and made in an instant.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Add the columns and the index."""
    op.add_column("webhooks", _text("client", 128))
    op.add_column("webhooks", sa.Column("session_required", sa.Boolean(), nullable=True))
    op.add_column("webhooks", _text("apps"))
    op.create_index("ux_webhooks_client", "webhooks", ["tenant_id", "client"], unique=True)


def _text(name: str, length: int | None = None) -> sa.Column[str]:
    kind: Any = sa.Text if length is None else sa.String
    return sa.Column(name, kind(length).with_variant(kind(length, collation="C"), "postgresql"), nullable=True)
