"""Ends every session of a user and every sign-in that began before, or erases everything that is stored about the
user."""

import asyncio
from datetime import timedelta
from functools import partial

from sojourn.domain.clock import Instant, to_text
from sojourn.domain.endings import Ending
from sojourn.domain.ids import session_key
from sojourn.domain.sessions import is_open
from sojourn.handlers.context import Context
from sojourn.storage.queries import erasure, procedures, session_revocation, sign_ins, tenants, token_configs
from sojourn.storage.queries.erasure import Erased
from sojourn.storage.queries.session_rows import SessionRow

_MILLISECOND = timedelta(milliseconds=1)


async def end_active(ctx: Context, session_id: str, *, ending: Ending, of_user: str | None = None) -> bool:
    """End a session that is active, without reading it first; False for any other, and for one that is not `of_user`.

    Where it is True, nothing more is written in the request.
    """
    key = session_key(session_id)
    return key is not None and await procedures.revoke(ctx.db, key, now=ctx.now_text, ending=ending, of_user=of_user)


async def end_session(ctx: Context, row: SessionRow, *, ending: Ending) -> None:
    """End a session that was read. Ending an ended session changes nothing."""
    if is_open(row, ctx.now_text):  # by its deadlines: it may have been settled by a clock that was ahead
        await session_revocation.revoke(ctx.db, row.id, now=ctx.now_text, ending=ending)


async def end_user(ctx: Context, user_id: str, *, ending: Ending, but: str | None = None) -> int:
    """End every session of a user, perhaps all `but` one; how many ended.

    A sign-in that began before opens no session afterwards. A session that is being created at this moment is waited
    for and ended. The cut-off is dated once all sessions have ended, a millisecond later at most, and the response is
    sent after that instant: a sign-in that begins after the response begins after the end. A tenant without a row has
    no sessions, and no row is made for it.
    """
    if not await tenants.exists(ctx.db):
        return 0
    await sign_ins.stop(ctx.db, user_id)
    count = await session_revocation.revoke_all_of_user(ctx.db, user_id, now=ctx.now_text, ending=ending, but=but)
    cut_off = _answered_after(ctx)
    await token_configs.refuse_issued(ctx.db, user_id, token_type=sign_ins.SIGN_IN, reason=ending.reason, now=cut_off)
    return count


async def erase_user(ctx: Context, user_id: str) -> Erased:
    """Erase what is known of a user; how much it was. Idempotent.

    Cut-offs are dated as in `end_user`, and the response is sent after them. A tenant without a row has no users, and
    no row is made for it.
    """
    if not await tenants.exists(ctx.db):
        return Erased(0, 0, 0, 0)
    await sign_ins.stop(ctx.db, user_id)
    return await erasure.erase(ctx.db, user_id, until=_answered_after(ctx))


def _answered_after(ctx: Context) -> Instant:
    """The instant of the end that the request makes, in text form. The response is sent after it, never at it."""
    done = ctx.service.clock()
    if done == ctx.now:
        return ctx.now_text
    ctx.db.after_commit(partial(asyncio.sleep, _MILLISECOND.total_seconds()))
    return to_text(done + _MILLISECOND)
