"""Records activity of a session: it stays alive, and where it is used is noted."""

from datetime import timedelta

from sojourn.domain.clock import Instant, from_text, to_text
from sojourn.domain.errors import SessionNotFound
from sojourn.domain.session_binding import Binding
from sojourn.domain.session_policies import OwnTimeouts, shorter
from sojourn.domain.sessions import idle_deadline_after_activity
from sojourn.handlers.context import Context
from sojourn.handlers.sessions.binding import settle_move
from sojourn.handlers.views.envelopes import View, simple_response
from sojourn.storage.queries.session_rows import SessionRow
from sojourn.storage.touches import Touch


async def keep_alive(
    ctx: Context,
    row: SessionRow,
    *,
    own_idle: timedelta | None,
    binding: Binding,
    ip: str | None = None,
    user_agent: str | None = None,
) -> View:
    """`SimpleResponse`: the idle deadline of an active session moves, the absolute one never does.

    `own_idle` is the idle time-out of the tenant's policy, None where it has none, and `binding` is its binding. `ip`
    and `user_agent` say where it is used now, None where that is not told. Raises SessionNotFound when the session has
    ended meanwhile, or ends because it is used from elsewhere.
    """
    touch = Touch(
        last_active_at=ctx.now_text,
        idle_expires_at=idle_deadline(ctx, row, own_idle=own_idle),
        written_until=row.idle_expires_at,
        last_ip=ip,
        last_user_agent=user_agent,
    )
    if ip is not None and await settle_move(ctx, row, binding=binding, ip=ip, touch=touch):
        return simple_response("activity recorded", ctx.now_text)
    if not await ctx.service.touch(ctx.db, row.id, at=ctx.now, touch=touch):
        raise SessionNotFound()
    return simple_response("activity recorded", ctx.now_text)


def idle_deadline(ctx: Context, row: SessionRow, *, own_idle: timedelta | None) -> Instant:
    """The idle deadline after an activity now, in text form, by the shorter of the two time-outs."""
    timeouts = shorter(ctx.service.timeouts, OwnTimeouts(idle=own_idle))
    return to_text(idle_deadline_after_activity(ctx.now, from_text(row.expires_at), timeouts=timeouts))
