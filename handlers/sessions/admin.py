"""What administrators see of their tenant's sessions, and how they end them."""

from dataclasses import replace
from typing import Any

from sojourn.domain.endings import UNSTATED_REASON, Ending
from sojourn.domain.ids import session_key
from sojourn.handlers import auditing
from sojourn.handlers.context import Context, commits_itself
from sojourn.handlers.sessions.ending import end_user
from sojourn.handlers.tenancy import require_tenant
from sojourn.handlers.views.envelopes import View, simple_response
from sojourn.handlers.views.sessions import all_sessions_item, session_stats_response
from sojourn.storage.queries import session_revocation, sessions, statistics
from sojourn.storage.queries.statistics import SessionStats
from sojourn.storage.unit_of_work import UnitOfWork


async def get_session_stats(ctx: Context) -> View:
    """The tenant's numbers, right at this moment."""
    return session_stats_response(await _stats(ctx), ctx.caller.id, now=ctx.now_text)


async def count_active_sessions(ctx: Context) -> View:
    """How many sessions of the tenant are active at this moment."""
    return {"count": (await _stats(ctx)).active, "timestamp": ctx.now_text}


async def list_all_sessions(ctx: Context, limit: int, cursor: str | None) -> View:
    """The tenant's active sessions as `AllSessionsResponse`; `total` counts all of them."""
    after = cursor.lower() if cursor is not None else None
    rows, total = await sessions.list_active_with_users(ctx.db, ctx.now_text, limit=limit, after=after)
    return {"sessions": [all_sessions_item(row) for row in rows], "total": total}


async def revoke_sessions(ctx: Context, body: dict[str, Any]) -> View:
    """End up to a hundred sessions and report for each whether it was ended. An id given twice counts once."""
    await require_tenant(ctx)
    reason = body.get("reason", UNSTATED_REASON)
    keys = {public_id: session_key(public_id) for public_id in body["session_ids"]}
    known = [key for key in keys.values() if key is not None]
    ending = Ending(ctx.caller.id, reason, "bulk", "admin")
    ended = await session_revocation.revoke_many(ctx.db, known, now=ctx.now_text, ending=ending)
    succeeded = [public_id for public_id, key in keys.items() if key in ended]
    failed = [public_id for public_id, key in keys.items() if key not in ended]
    await auditing.record(ctx, "sessions.ended", after={"session_ids": succeeded})
    return {"succeeded": succeeded, "failed": failed, "total": len(succeeded) + len(failed)}


async def revoke_sessions_in_bulk(ctx: Context, body: dict[str, Any]) -> View:
    """The same as a POST, for clients behind proxies that drop the body of a DELETE."""
    return await revoke_sessions(ctx, body)


async def revoke_sessions_of_user(ctx: Context, user_id: str, body: dict[str, Any] | None) -> View:
    """End every active session of a user."""
    await require_tenant(ctx)
    reason = (body or {}).get("reason", UNSTATED_REASON)
    count = await end_user(ctx, user_id, ending=Ending(ctx.caller.id, reason, "revoked_by_admin", "admin"))
    await auditing.record(ctx, "sessions.ended", target=await auditing.called(ctx, user_id), after={"sessions": count})
    return simple_response(f"{count} sessions revoked", ctx.now_text)


@commits_itself
async def purge_expired_sessions(ctx: Context) -> View:
    """Delete the tenant's sessions that ended longer ago than they are kept."""
    await require_tenant(ctx)
    await ctx.db.pause()  # a purge is many transactions of its own: none may wait for this one's connection

    async def note(unit: UnitOfWork) -> None:
        await auditing.record(replace(ctx, db=unit), "sessions.purged")

    count = await ctx.service.purge(ctx.tenant, ctx.now, note=note)
    return simple_response(f"{count} sessions deleted", ctx.now_text)


async def _stats(ctx: Context) -> SessionStats:
    stats = await statistics.session_stats(ctx.db, ctx.now_text)
    if stats.total == 0:  # without a session nothing tells a new tenant from an unknown one
        await require_tenant(ctx)
    return stats
