"""A session by its public id, or 404: the same for an id that cannot be ours, one of another tenant and one deleted."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from sojourn.domain.clock import Instant
from sojourn.domain.errors import SessionNotFound
from sojourn.domain.ids import SessionKey, session_key
from sojourn.domain.sessions import Session, is_active
from sojourn.handlers.context import Context
from sojourn.storage.queries import sessions
from sojourn.storage.queries.session_rows import SessionRow
from sojourn.storage.unit_of_work import UnitOfWork

Row = TypeVar("Row")
ActiveRow = TypeVar("ActiveRow", bound=Session)


async def session_or_404(
    ctx: Context, session_id: str | None, *, read: Callable[[UnitOfWork, SessionKey], Awaitable[Row | None]]
) -> Row:
    """What `read` finds of a session of any status. Raises SessionNotFound."""
    key = session_key(session_id) if session_id is not None else None
    row = await read(ctx.db, key) if key is not None else None
    if row is None:
        raise SessionNotFound()
    return row


async def session_row(ctx: Context, session_id: str) -> SessionRow:
    """The row of a session of any status. Raises SessionNotFound."""
    return await session_or_404(ctx, session_id, read=sessions.get)


def active_or_404(row: ActiveRow, now: Instant) -> ActiveRow:
    """The session itself. Raises SessionNotFound when it is not active."""
    if not is_active(row, now):
        raise SessionNotFound()
    return row
