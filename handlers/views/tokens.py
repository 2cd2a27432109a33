"""How tokens look on the wire: one function per schema of the contract."""

from typing import Any

from sojourn.domain.clock import from_text
from sojourn.domain.token_identity import TokenHash
from sojourn.domain.token_validity import shown_status
from sojourn.domain.tokens import AccessToken, PresentedToken
from sojourn.handlers.views.envelopes import View
from sojourn.storage.queries.blacklist import BlacklistEntry
from sojourn.storage.queries.refresh_states import Family
from sojourn.storage.queries.tokens import IssuedTokenRow

EXCHANGE_GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - a name, RFC 8693 §3


def token_pair_response(access: str, seconds: int, *, refresh: str) -> View:
    """`TokenPairResponse`."""
    return {
        "access_token": access,
        "expires_in": seconds,
        "refresh_token": refresh,
        "token_type": "Bearer",
    }


def token_validation_response(claims: Any, wrong: tuple[str, ...]) -> View:
    """`TokenValidationResponse`: the claims of a good token, or the first reason against it."""
    return {"valid": False, "error": wrong[0]} if wrong else {"valid": True, "claims": claims}


def token_introspection_response(token: AccessToken, username: str | None) -> View:
    """`TokenIntrospectionResponse` of a good access token."""
    claims = token.claims
    view = {
        "active": True,
        "sub": token.user,
        "token_type": "access",
        "exp": int(token.expires),
        "iat": int(token.issued),
        "username": username,
        "iss": claims.get("iss"),
        "client_id": claims.get("client_id"),
        "scope": claims.get("scope"),
    }
    return {name: value for name, value in view.items() if value is not None}


def refresh_introspection_response(family: Family, issuer: str) -> View:
    """`TokenIntrospectionResponse` of a good refresh token: it ends and was issued as the present one of its family."""
    session, state = family.session, family.state
    if state is None:
        raise RuntimeError("a family without a state has no good token")
    view = {
        "active": True,
        "sub": session.user_id,
        "token_type": "refresh",
        "exp": int(from_text(state.expires_at).timestamp()),
        "iat": int(from_text(state.rotated_at).timestamp()),
        "iss": issuer,
        "client_id": state.client_id,
        "username": session.username,
    }
    return {name: value for name, value in view.items() if value is not None}


def oauth_introspection(view: View, token: PresentedToken | None) -> View:
    """`OAuthIntrospection`: what administrators are shown of a token, in the words of RFC 7662 and with more."""
    kept = {name: value for name, value in view.items() if name != "token_type"}
    if not view["active"] or not isinstance(token, AccessToken):
        return kept
    more = {"sid": token.sid, "jti": token.claims.get("jti"), "aud": list(token.audience) or None}
    return kept | {"token_type": "Bearer"} | {name: value for name, value in more.items() if value is not None}


def token_info_response(row: IssuedTokenRow) -> View:
    """`TokenInfoResponse`."""
    view = {
        "id": row.id,
        "user_id": row.user_id,
        "token_type": row.token_type,
        "status": shown_status(row.wrong),
        "created_at": row.created_at,
        "expires_at": row.expires_at,
        "ip": row.ip,
        "user_agent": row.user_agent,
    }
    return {name: value for name, value in view.items() if value is not None}


def blacklisted_token_response(entry: BlacklistEntry) -> View:
    """`BlacklistedTokenResponse`."""
    view = entry._asdict()
    del view["token_type"]
    return {name: value for name, value in view.items() if value is not None}


def blacklist_check_response(token_hash: TokenHash, entry: BlacklistEntry | None) -> View:
    """`BlacklistCheckResponse`. The token is told by the beginning of its hash, never by itself."""
    view: View = {"blacklisted": entry is not None, "token": token_hash[:6] + "..."}
    if entry is not None and entry.reason is not None:
        view["reason"] = entry.reason
    return view
