"""What a token knew when it was issued: the key that signed it, and how many cut-offs there had been.

A cut-off is counted, so that "issued before it" does not depend on any host's clock. Tokens of the first release know
no count and are told by their instants, as before.

The first release counted sessions twice that one process settled and another, whose clock was behind, ended: the
numbers are counted anew.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

from sojourn.storage.schema.backfills import Backfill, Batch

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the columns; the program before writes beside them."""
    key = sa.String(64).with_variant(sa.String(64, collation="C"), "postgresql")
    op.add_column("issued_tokens", sa.Column("key_id", key, nullable=True))
    op.add_column("issued_tokens", sa.Column("cut_offs", sa.Integer(), nullable=True))
    op.add_column("not_before", sa.Column("count", sa.Integer(), nullable=False, server_default=sa.text("0")))


_BOTH_SIDES = """
    SELECT -1, kind, device_type, CAST(sum(value) AS bigint) FROM session_counters
        WHERE tenant_id = :tenant GROUP BY kind, device_type
    UNION ALL SELECT 1, 'created', coalesce(device_type, 'unknown'), count(*) FROM sessions
        WHERE tenant_id = :tenant GROUP BY device_type
    UNION ALL SELECT 1, 'revoked', '', count(revoked_at) FROM sessions WHERE tenant_id = :tenant
    UNION ALL SELECT 1, 'expired', '', count(*) FROM sessions
        WHERE tenant_id = :tenant AND revoked_at IS NULL AND due_at IS NULL
"""
"""The maintained numbers and the true counts, in one statement: as of one instant."""
_ADD = """
    INSERT INTO session_counters (tenant_id, kind, device_type, shard, value)
    VALUES (:tenant, :kind, :device_type, 0, :missing)
    ON CONFLICT (tenant_id, kind, device_type, shard)
    DO UPDATE SET value = session_counters.value + excluded.value
"""


def _read(connection: sa.Connection, tenant: str, *, after: str) -> Batch:
    """What is missing from each number. One look is enough: both sides are read as of one instant."""
    missing: Counter[tuple[str, str]] = Counter()
    if after:
        return Batch([], after)
    if connection.dialect.name == "postgresql":  # so does `sojourn check --repair`
        connection.execute(sa.text("SELECT id FROM tenants WHERE id = :tenant FOR UPDATE"), {"tenant": tenant})
    for sign, kind, device_type, value in connection.execute(sa.text(_BOTH_SIDES), {"tenant": tenant}):
        missing[kind, device_type] += sign * value
    return Batch([(*name, by) for name, by in sorted(missing.items()) if by], "counted")


def _write(connection: sa.Connection, tenant: str, *, rows: Sequence[Any]) -> None:
    """Add what is missing: what others have counted since the look stays counted."""
    for kind, device_type, by in rows:
        values = {"tenant": tenant, "kind": kind, "device_type": device_type, "missing": by}
        connection.execute(sa.text(_ADD), values)


backfill = Backfill("the numbers of sessions, counted anew", read=_read, write=_write)
