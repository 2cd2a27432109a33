"""The token endpoint: refresh (RFC 6749 §6) and token exchange (RFC 8693) for clients that speak OAuth."""

from typing import Any

from sojourn.domain.errors import InvalidSubjectToken, UnsupportedGrant, ValidationFailed, Violation
from sojourn.domain.tokens import AccessToken
from sojourn.handlers.context import Context, takes_actor, takes_refresh_credential, takes_token
from sojourn.handlers.tokens.exchange import exchanged
from sojourn.handlers.tokens.judging import is_refused
from sojourn.handlers.tokens.refresh import refresh_tokens
from sojourn.handlers.views.envelopes import View
from sojourn.handlers.views.tokens import ACCESS_TOKEN_TYPE, EXCHANGE_GRANT
from sojourn.storage.queries.procedures import enter_token


@takes_token("subject_token")
@takes_actor("actor_token")
@takes_refresh_credential("refresh_token")
async def generate_oauth_tokens(ctx: Context, body: dict[str, Any]) -> View:
    """The tokens of a grant. Raises UnsupportedGrant, ValidationFailed, and what the two grants do."""
    match body["grant_type"]:
        case "refresh_token":
            _require(body, "refresh_token")
            return await refresh_tokens(ctx, body)
        case grant if grant == EXCHANGE_GRANT:
            _require(body, "subject_token", "subject_token_type")
            return await _exchange(ctx, body)
        case _:
            raise UnsupportedGrant()


def _require(body: dict[str, Any], *names: str) -> None:
    missing = [Violation(name, "required") for name in names if name not in body]
    if missing:
        raise ValidationFailed(missing)


async def _exchange(ctx: Context, body: dict[str, Any]) -> View:
    """A token for the resources and audiences that are named, or this service; of a scope that the subject's covers."""
    if ("actor_token" in body) != ("actor_token_type" in body):
        raise ValidationFailed([Violation("actor_token_type", "not_together", {"other": "actor_token"})])
    scope = _scope(ctx, body.get("scope"))
    named = [*body.get("resource", []), *body.get("audience", [])]
    issued = await exchanged(
        ctx, list(dict.fromkeys(named)) or [ctx.service.tokens.audience], actor=await _actor(ctx), scope=scope
    )
    await enter_token(ctx.db, issued.entry)
    view = {
        "access_token": issued.text,
        "issued_token_type": ACCESS_TOKEN_TYPE,
        "token_type": "Bearer",
        "expires_in": issued.seconds,
    }
    return view if scope is None else view | {"scope": scope}


async def _actor(ctx: Context) -> str:
    """Who acts: the subject of the actor token, or the client. Raises InvalidSubjectToken for a token not valid."""
    if ctx.actor is None:
        return ctx.caller.id
    if not isinstance(ctx.actor, AccessToken) or await is_refused(ctx, ctx.actor, judge="exchange"):
        raise InvalidSubjectToken()
    return ctx.actor.user


def _scope(ctx: Context, wanted: str | None) -> str | None:
    """The scope that is wanted. Raises ValidationFailed for one that the subject token does not have."""
    if wanted is None or not isinstance(ctx.presented, AccessToken):
        return None
    granted = str(ctx.presented.claims.get("scope", "")).split()
    if not set(wanted.split()) <= set(granted):
        raise ValidationFailed([Violation("scope", "enum", {"allowed": ", ".join(granted)})])
    return wanted
