"""On SQLite, a user's active sessions are found by an index of open ones, which mostly says it without their rows.

It takes the place of the index of what is not revoked, which leaves with `--contract`: the program before reads that
one. Writes wait while the new one is built, about two seconds for a million sessions. On PostgreSQL nothing changes.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add the index; the program before goes on with its own."""
    if _is_sqlite():
        columns = ["tenant_id", "user_id", "due_at"]
        op.create_index("ix_sessions_open", "sessions", columns, sqlite_where=sa.text("due_at IS NOT NULL"))


def contract() -> None:
    """Remove the index that only the program before reads."""
    if _is_sqlite():
        op.drop_index("ix_sessions_active", "sessions")


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"
