"""What a session's row says at the instant `:now`: where "active" and "over" are spelled, once for all statements."""

from typing import Any

from sqlalchemy import BindParameter, and_, bindparam, or_

from storage.extremes import earliest
from storage.tables import SessionTable

_S = SessionTable.__table__

NOW: BindParameter[Any] = bindparam("now")
NOT_REVOKED = _S.c.revoked_at.is_(None)
ACTIVE = and_(NOT_REVOKED, _S.c.expires_at > NOW, _S.c.idle_expires_at > NOW)
OVER = or_(_S.c.expires_at <= NOW, _S.c.idle_expires_at <= NOW)
"""A deadline has passed; the session may have been revoked before."""
DEADLINE = earliest(_S.c.expires_at, _S.c.idle_expires_at)
