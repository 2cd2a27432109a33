"""What happened to one session, for administrators."""

from sojourn.handlers.context import Context, reads_at_length
from sojourn.handlers.sessions.lookup import session_row
from sojourn.handlers.views.envelopes import View
from sojourn.handlers.views.events import session_event
from sojourn.storage.queries import session_events


@reads_at_length
async def list_session_events(ctx: Context, session_id: str) -> View:
    """The events of a session in any state that are kept, the newest last. Raises SessionNotFound."""
    row = await session_row(ctx, session_id)
    found, has_more = await session_events.of_session(ctx.db, row.id, user_id=row.user_id)
    return {"items": [session_event(event) for event in found], "has_more": has_more}
