"""A provider's token as evidence of a sign-in: it must be recent and counts once."""

from sojourn.domain.clock import to_text
from sojourn.domain.errors import NotEntitledToVouch
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
