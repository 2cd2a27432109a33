"""Answers are kept for retries, and sessions remember the identity provider's session.

Both only add: the program before writes beside them, and keeps and remembers nothing. The index finds sessions by the
provider's. On PostgreSQL nothing waits for it: weeks that hold sessions already stay without it.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"

TENANT = "current_setting('sojourn.tenant', true)"
_INDEX = "ix_sessions_provider"
_KNOWN = "idp_session_id IS NOT NULL"
_PARTITIONS = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'sessions'::regclass"


def upgrade() -> None:
    """Add a table, two columns and an index."""
    op.create_table(
        "kept_answers",
        _text("tenant_id", 128, nullable=False),
        _text("id", 64, nullable=False),
        _text("user_id", 255),
        _text("sealed", nullable=False),
        _instant("expires_at"),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
    )
    known = sa.text("user_id IS NOT NULL")
    op.create_index(
        "ix_kept_answers_user", "kept_answers", ["tenant_id", "user_id"], sqlite_where=known, postgresql_where=known
    )
    op.create_index("ix_kept_answers_expiry", "kept_answers", ["tenant_id", "expires_at"])
    op.add_column("sessions", _text("idp_issuer", 255))
    op.add_column("sessions", _text("idp_session_id", 255))
    if op.get_bind().dialect.name == "sqlite":
        op.create_index(_INDEX, "sessions", ["tenant_id", "idp_session_id"], sqlite_where=sa.text(_KNOWN))
        return
    op.execute("ALTER TABLE kept_answers ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE kept_answers FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY own_tenant ON kept_answers USING (tenant_id = {TENANT})")
    _index_sessions()


def _index_sessions() -> None:
    """Make the index on the partitioned table, which partitions to come inherit, and on those without rows."""
    connection = op.get_bind()
    columns = f"(tenant_id, idp_session_id) WHERE {_KNOWN}"
    op.execute(f"CREATE INDEX {_INDEX} ON ONLY sessions {columns}")
    for (partition,) in connection.execute(sa.text(_PARTITIONS)).all():
        if not connection.execute(sa.text(f"SELECT pg_relation_size('{partition}')")).scalar():
            op.execute(f"CREATE INDEX {partition}_provider_idx ON {partition} {columns}")
            op.execute(f"ALTER INDEX {_INDEX} ATTACH PARTITION {partition}_provider_idx")


def _text(name: str, length: int | None = None, *, nullable: bool = True) -> sa.Column[str]:
    kind: Any = sa.Text if length is None else sa.String
    return sa.Column(name, kind(length).with_variant(kind(length, collation="C"), "postgresql"), nullable=nullable)


def _instant(name: str) -> sa.Column[str]:
    kind: Any = sa.String(24).with_variant(postgresql.TIMESTAMP(timezone=True, precision=3), "postgresql")
    return sa.Column(name, kind, nullable=False)
