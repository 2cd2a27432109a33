"""Sessions get another name or other metadata, from their users, administrators and services."""

from collections.abc import Callable
from typing import Any

from sojourn.domain import details
from sojourn.domain.errors import PreconditionFailed, SessionNotFound
from sojourn.domain.preconditions import is_met
from sojourn.handlers.context import Context
from sojourn.handlers.sessions.lookup import session_row
from sojourn.handlers.views.envelopes import View
from sojourn.handlers.views.sessions import session_record
from sojourn.storage.queries import sessions
from sojourn.storage.queries.session_rows import SessionRow


async def update_session_as_service(ctx: Context, session_id: str, if_match: str | None, body: dict[str, Any]) -> View:
    """Change the name and the metadata of any user's session.

    Raises PreconditionFailed when the session is not what the caller has read.
    """

    def require_seen(row: SessionRow) -> None:
        if not is_met(if_match, ctx.service.tag_of({"session": session_record(row, ctx.now_text)})):
            raise PreconditionFailed()

    row = await described(ctx, await session_row(ctx, session_id), members=body, require=require_seen)
    return {"session": session_record(row, ctx.now_text)}


async def described(
    ctx: Context, row: SessionRow, *, members: dict[str, Any], require: Callable[[SessionRow], None] | None = None
) -> SessionRow:
    """The session once these members are different, whatever else of it was changed meanwhile.

    `require` looks at it before, and raises where it must not be changed. Raises SessionNotFound when it is gone.
    """
    while True:
        if require is not None:
            require(row)
        changed = details.write(details.read(row.details) | members)
        if changed == row.details or await sessions.describe(ctx.db, row, details=changed):
            return row._replace(details=changed)
        known = await sessions.get(ctx.db, row.id)
        if known is None:
            raise SessionNotFound()
        row = known
