"""Raises the assurance of a session: its user authenticated again, and its access tokens so far are refused."""

from collections.abc import Callable

from sojourn.domain.clock import to_text
from sojourn.domain.errors import SessionNotFound
from sojourn.handlers.context import Context
from sojourn.handlers.sessions.activity import idle_deadline
from sojourn.handlers.sessions.lookup import active_or_404
from sojourn.handlers.tokens.pairs import lifetimes
from sojourn.storage.queries import session_policies, sessions, token_configs
from sojourn.storage.queries.session_rows import SessionRow
from sojourn.storage.queries.sessions import Assurance


async def raise_session(ctx: Context, row: SessionRow, *, assured: Callable[[SessionRow], Assurance]) -> SessionRow:
    """The session once its assurance is what is `assured` of it; the idle deadline moves.

    Where another raised it meanwhile, what that one recorded stays. Raises SessionNotFound when it has ended.
    """
    span = lifetimes(ctx, await token_configs.terms(ctx.db, row.user_id, now=ctx.now_text))
    until = to_text(ctx.now + span.access + span.leeway)
    own_idle = (await session_policies.get(ctx.db)).timeouts.idle
    while True:
        idle = idle_deadline(ctx, row, own_idle=own_idle)
        if await sessions.raise_assurance(
            ctx.db, row, to=assured(row), now=ctx.now_text, idle=idle, tokens_until=until
        ):
            return await sessions.get(ctx.db, row.id) or row
        known = await sessions.get(ctx.db, row.id)
        if known is None or known.elevations == row.elevations:
            raise SessionNotFound()
        row = active_or_404(known, ctx.now_text)
