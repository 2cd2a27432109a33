"""Token exchange (RFC 8693)."""

from datetime import UTC, datetime
from typing import Any

from sojourn.domain.errors import (
    InvalidSubjectToken,
    UnsupportedGrant,
)
from sojourn.domain.ids import mint, session_id
from sojourn.domain.tokens import (
    AccessToken,
)
from sojourn.handlers import auditing
from sojourn.handlers.context import Context, takes_token
from sojourn.handlers.tenancy import require_tenant
from sojourn.handlers.tokens.judging import is_refused
from sojourn.handlers.tokens.pairs import NO_CLIENT, NewAccessToken, lifetimes, signed_token
from sojourn.handlers.views.envelopes import View
from sojourn.handlers.views.tokens import (
    ACCESS_TOKEN_TYPE,
    EXCHANGE_GRANT,
)
from sojourn.storage.queries import refresh_states, token_configs
from sojourn.storage.queries.procedures import enter_token

_JWT_TYPE = "urn:ietf:params:oauth:token-type:jwt"


@takes_token("subject_token")
async def exchange_token(ctx: Context, body: dict[str, Any]) -> View:
    """Another access token for the same subject and another audience (RFC 8693), never longer-lived."""
    await require_tenant(ctx)
    if body["grant_type"] != EXCHANGE_GRANT:
        raise UnsupportedGrant()
    if body.get("subject_token_type", ACCESS_TOKEN_TYPE) not in (ACCESS_TOKEN_TYPE, _JWT_TYPE):
        raise UnsupportedGrant()
    audience = body.get("audience", ctx.service.tokens.audience)
    issued = await exchanged(ctx, [audience], actor=ctx.caller.id)
    await auditing.record(
        ctx, "token.exchanged", target=await auditing.called(ctx, issued.entry.user_id), after={"audience": audience}
    )
    await enter_token(ctx.db, issued.entry)
    return {
        "access_token": issued.text,
        "issued_token_type": ACCESS_TOKEN_TYPE,
        "token_type": "Bearer",
        "expires_in": issued.seconds,
        "audience": audience,
        "grant_type": EXCHANGE_GRANT,
    }


async def exchanged(ctx: Context, audiences: list[str], *, actor: str, scope: str | None = None) -> NewAccessToken:
    """A token for other audiences, of the presented token's subject; `actor` acts for it. It is still to be entered.

    `scope` replaces the subject token's, None leaves it. Raises InvalidSubjectToken.
    """
    subject = ctx.presented
    if not isinstance(subject, AccessToken) or await is_refused(ctx, subject, judge="exchange"):
        raise InvalidSubjectToken()
    session = await refresh_states.session(ctx.db, subject.session) if subject.session is not None else None
    terms = await token_configs.terms(ctx.db, subject.user, now=ctx.now_text)
    issued = int(ctx.now.timestamp())
    expires = min(int(subject.expires), issued + int(lifetimes(ctx, terms).access.total_seconds()))
    claims = _exchanged(ctx, subject, audience=audiences, issued=issued, expires=expires)
    claims["act"]["sub"] = actor
    if scope is not None:
        claims["scope"] = scope
    end = datetime.fromtimestamp(expires, UTC)
    return await signed_token(ctx, claims, end=end, session=session, terms=terms)


def _exchanged(ctx: Context, subject: AccessToken, *, audience: list[str], issued: int, expires: int) -> View:
    """The claims of an exchanged token: the subject's own, and in `act` who acts for it (RFC 8693 §4.1)."""
    actor: View = {"sub": ctx.caller.id}
    if "act" in subject.claims:
        actor["act"] = subject.claims["act"]
    kept = {
        name: subject.claims[name] for name in ("acr", "amr", "auth_time", "scope", "status") if name in subject.claims
    }
    if subject.session is not None:
        kept["sid"] = session_id(subject.session)
    return {
        "sub": subject.user,
        "aud": audience[0] if len(audience) == 1 else audience,
        "iat": issued,
        "exp": expires,
        "jti": mint("tok", ctx.now),
        "tenant_id": ctx.tenant.id,
        "client_id": str(subject.claims.get("client_id", NO_CLIENT)),
        "roles": sorted(subject.roles),
        "act": actor,
        **kept,
    }
