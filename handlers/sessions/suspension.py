"""Suspends a session for a while, and ends the suspension."""

from typing import Any

from sojourn.domain.clock import read_instant, to_text
from sojourn.domain.errors import SessionNotFound, ValidationFailed, Violation
from sojourn.handlers import auditing
from sojourn.handlers.context import Context
from sojourn.handlers.sessions.lookup import session_row
from sojourn.handlers.views.envelopes import View
from sojourn.handlers.views.sessions import session_record
from sojourn.storage.queries import sessions, suspensions
from sojourn.storage.queries.session_rows import SessionRow


async def suspend_session(ctx: Context, session_id: str, body: dict[str, Any] | None) -> View:
    """Refuse a session without ending it. Raises SessionNotFound, and ValidationFailed for an end that has passed."""
    said = body or {}
    until, then = said.get("until"), said.get("then", "reactivate")
    end = None if until is None else read_instant(until)
    if end is None and then == "revoke":
        raise ValidationFailed([Violation("until", "required")])
    if end is not None and end <= ctx.now:
        raise ValidationFailed([Violation("until", "minimum", {"limit": ctx.now_text}, until)])
    row = await session_row(ctx, session_id)
    then_at = None if end is None else to_text(end)
    await sessions.write_waiting_touches(ctx.db, [row.id], now=ctx.now_text)
    if not await suspensions.suspend(
        ctx.db, row.id, user_id=row.user_id, now=ctx.now_text, until=then_at, then=then, actor=ctx.caller.id
    ):
        raise SessionNotFound()
    about = {"session_id": session_id, "then": then} | ({} if until is None else {"until": until})
    await auditing.record(ctx, "session.suspended", target=await auditing.called(ctx, row.user_id), after=about)
    return await _shown(ctx, row)


async def reactivate_session(ctx: Context, session_id: str) -> View:
    """End the suspension of a session; an active one stays as it is. Raises SessionNotFound for one that has ended."""
    row = await session_row(ctx, session_id)
    at, actor = ctx.now_text, ctx.caller.id
    if await suspensions.reactivate(ctx.db, row.id, user_id=row.user_id, now=at, actor=actor):
        target = await auditing.called(ctx, row.user_id)
        await auditing.record(ctx, "session.reactivated", target=target, after={"session_id": session_id})
    return await _shown(ctx, row)


async def _shown(ctx: Context, row: SessionRow) -> View:
    """`GetSessionData` of a session that is still open. Raises SessionNotFound."""
    shown = session_record(await sessions.get(ctx.db, row.id) or row, ctx.now_text)
    if shown["status"] not in ("active", "suspended"):
        raise SessionNotFound()
    return {"session": shown}
