"""Who recorded a sign-in that the user did not, and which tokens a user refused without anybody's help.

Indexes find the sessions of others in which an administrator stands, for the day when that administrator is erased. On
SQLite writes wait while they are built, about a second for a million sessions. On PostgreSQL nothing waits: weeks that
hold sessions already stay without them, and leave with the retention.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_INDEXES = {
    "ix_sessions_ended_by": ("revoked_by", "revoked_by <> user_id"),
    "ix_sessions_impersonator": ("impersonator", "impersonator IS NOT NULL"),
}
_PARTITIONS = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'sessions'::regclass"


def upgrade() -> None:
    """Add columns and indexes; the program before writes beside them."""
    op.add_column("sessions", _text("recorded_by"))
    op.add_column("sessions", _text("impersonator"))
    op.add_column("blacklist", sa.Column("by_user", sa.Boolean(), nullable=False, server_default=sa.false()))
    for name, (column, where) in _INDEXES.items():
        if op.get_bind().dialect.name == "sqlite":
            op.create_index(name, "sessions", ["tenant_id", column], sqlite_where=sa.text(where))
        else:
            _index_what_is_empty(name, column, where=where)


def _index_what_is_empty(name: str, column: str, *, where: str) -> None:
    """Make the index on the partitioned table, which partitions to come inherit, and on those without rows."""
    connection = op.get_bind()
    op.execute(f"CREATE INDEX {name} ON ONLY sessions (tenant_id, {column}) WHERE {where}")
    for (partition,) in connection.execute(sa.text(_PARTITIONS)).all():
        if not connection.execute(sa.text(f"SELECT pg_relation_size('{partition}')")).scalar():
            own = f"{partition}_{name.removeprefix('ix_sessions_')}_idx"
            op.execute(f"CREATE INDEX {own} ON {partition} (tenant_id, {column}) WHERE {where}")
            op.execute(f"ALTER INDEX {name} ATTACH PARTITION {own}")


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(255).with_variant(sa.String(255, collation="C"), "postgresql"), nullable=True)
