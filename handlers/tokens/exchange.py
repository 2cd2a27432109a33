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
from sojourn.handlers.tokens.pairs import NO_CLIENT, lifetimes, signed_token
from sojourn.handlers.views.envelopes import View
from sojourn.handlers.views.tokens import (
    ACCESS_TOKEN_TYPE,
)
from sojourn.storage.queries import refresh_states, token_configs
from sojourn.storage.queries.procedures import enter_token

GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
_JWT_TYPE = "urn:ietf:params:oauth:token-type:jwt"


@takes_token("subject_token")
async def exchange_token(ctx: Context, body: dict[str, Any]) -> View:
    """Another access token for the same subject and another audience (RFC 8693), never longer-lived."""
    await require_tenant(ctx)
    if body["grant_type"] != GRANT:
        raise UnsupportedGrant()
    if body.get("subject_token_type", ACCESS_TOKEN_TYPE) not in (ACCESS_TOKEN_TYPE, _JWT_TYPE):
        raise UnsupportedGrant()
    subject = ctx.presented
    if not isinstance(subject, AccessToken) or await is_refused(ctx, subject, judge="exchange"):
        raise InvalidSubjectToken()
    session = await refresh_states.session(ctx.db, subject.session) if subject.session is not None else None
    terms = await token_configs.terms(ctx.db, subject.user, now=ctx.now_text)
    audience = body.get("audience", ctx.service.tokens.audience)
    issued = int(ctx.now.timestamp())
    expires = min(int(subject.expires), issued + int(lifetimes(ctx, terms).access.total_seconds()))
    claims = _exchanged(ctx, subject, audience=audience, issued=issued, expires=expires)
    end = datetime.fromtimestamp(expires, UTC)
    issued_token = await signed_token(ctx, claims, end=end, session=session, terms=terms)
    await auditing.record(
        ctx, "token.exchanged", target=await auditing.called(ctx, subject.user), after={"audience": audience}
    )
    await enter_token(ctx.db, issued_token.entry)
    return {
        "access_token": issued_token.text,
        "issued_token_type": ACCESS_TOKEN_TYPE,
        "token_type": "Bearer",
        "expires_in": max(0, expires - issued),
        "audience": audience,
        "grant_type": GRANT,
    }


def _exchanged(ctx: Context, subject: AccessToken, *, audience: str, issued: int, expires: int) -> View:
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
        "aud": audience,
        "iat": issued,
        "exp": expires,
        "jti": mint("tok", ctx.now),
        "tenant_id": ctx.tenant.id,
        "client_id": str(subject.claims.get("client_id", NO_CLIENT)),
        "roles": sorted(subject.roles),
        "act": actor,
        **kept,
    }
