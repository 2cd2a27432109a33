"""Why a session ended, as one of a closed set beside the free reason; where its last activity came from.

What ended before has no code and is shown as `unspecified`, but for a refresh token that was used twice: risk counts
those, and who wrote the reason tells them from a text that merely reads so.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from sojourn.storage.schema.backfills import BATCH, Backfill, Batch

revision = "0004"
down_revision = "0003"

_REUSE = "refresh_token_reuse"


def upgrade() -> None:
    """Add the columns; the program before writes beside them."""
    op.add_column("sessions", _text("reason_code", 32))
    op.add_column("sessions", _text("last_ip", 45))
    op.add_column("sessions", _text("last_user_agent"))


_SESSIONS = sa.table(
    "sessions",
    sa.column("tenant_id"),
    sa.column("id", sa.String(36).with_variant(postgresql.UUID(as_uuid=False), "postgresql")),
    *(sa.column(name) for name in ("revoked_at", "revoked_by", "revoke_reason", "reason_code")),
)
_S = _SESSIONS.c
_OLD_REUSE = sa.and_(_S.revoked_by == "sojourn", _S.revoke_reason == _REUSE, _S.reason_code.is_(None))


def _read(connection: sa.Connection, tenant: str, *, after: str) -> Batch:
    """The next sessions that ended for a refresh token used twice and have no code, by id."""
    wanted = sa.select(_S.id).where(_S.tenant_id == tenant, _S.revoked_at.is_not(None), _OLD_REUSE)
    wanted = wanted.where(_S.id > (after or str(UUID(int=0)))).order_by(_S.id).limit(BATCH)
    keys = [str(key) for (key,) in connection.execute(wanted)]
    return Batch(keys, keys[-1] if keys else "")


def _write(connection: sa.Connection, tenant: str, *, rows: Sequence[Any]) -> None:
    one = sa.update(_SESSIONS).where(_S.tenant_id == tenant, _S.id == sa.bindparam("one"), _OLD_REUSE)
    connection.execute(one.values(reason_code=_REUSE), [{"one": key} for key in rows])


backfill = Backfill("the code of endings for a refresh token that was used twice", read=_read, write=_write)


def _text(name: str, length: int | None = None) -> sa.Column[str]:
    plain: sa.Text | sa.String = sa.Text() if length is None else sa.String(length)
    ordered = sa.Text(collation="C") if length is None else sa.String(length, collation="C")
    return sa.Column(name, plain.with_variant(ordered, "postgresql"), nullable=True)
