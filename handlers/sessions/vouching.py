"""What vouches for a sign-in: a provider's token, which must be recent and counts once, or the word of a service."""

from datetime import UTC, datetime

from sojourn.domain.clock import Instant, read_instant, to_text
from sojourn.domain.errors import NotEntitledToVouch, ValidationFailed, Violation
from sojourn.domain.tokens import AccessToken
from sojourn.domain.vouching import SignIn, attested_sign_in, end_of_presentation, presentation
from sojourn.handlers.context import Context
from sojourn.storage.queries import sign_ins


def evidence(ctx: Context) -> tuple[AccessToken, SignIn]:
    """The caller's token and the sign-in that it proves now. Raises NotEntitledToVouch when it proves none."""
    token = ctx.caller.token
    if token is None:
        raise NotEntitledToVouch("own_token")
    leeway = ctx.service.tokens.lifetimes.leeway
    return token, attested_sign_in(token, ctx.now, max_age=ctx.service.sign_in_max_age, leeway=leeway)


async def present(ctx: Context, token: AccessToken, *, sign_in: SignIn) -> None:
    """Let a token vouch. Raises NotEntitledToVouch when it did so before."""
    leeway = ctx.service.tokens.lifetimes.leeway
    end = end_of_presentation(token, sign_in, max_age=ctx.service.sign_in_max_age, leeway=leeway)
    if not await sign_ins.present(ctx.db, presentation(token), until=to_text(end)):
        raise NotEntitledToVouch("spent")


EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
"""The first instant that a token can tell as `auth_time`."""


def past_instant(ctx: Context, said: str, *, field: str) -> Instant:
    """The instant at which somebody authenticated, as a caller says it at `field`: never later than now.

    Raises ValidationFailed for one that is later than the leeway of clocks allows, and for one before 1970.
    """
    at = read_instant(said)
    if at > ctx.now + ctx.service.tokens.lifetimes.leeway:
        raise ValidationFailed([Violation(field, "maximum", {"limit": ctx.now_text}, said)])
    if at < EARLIEST:
        raise ValidationFailed([Violation(field, "minimum", {"limit": to_text(EARLIEST)}, said)])
    return to_text(min(at, ctx.now))
