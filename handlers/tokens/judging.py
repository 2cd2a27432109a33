"""Whether one of the checks refuses a token now."""

from sojourn.domain.token_validity import Judge, reasons
from sojourn.domain.tokens import (
    AccessToken,
)
from sojourn.handlers.context import Context


async def is_refused(ctx: Context, token: AccessToken, *, judge: Judge) -> bool:
    """Whether a judge (an operation that judges tokens) refuses an access token now."""
    facts = await ctx.service.tokens.judge(ctx.db, token, now=ctx.now)
    return bool(reasons(facts, judge))
