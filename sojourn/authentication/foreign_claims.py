"""What the claims of another issuer may be (RFC 7519 §4.1, RFC 7662 §2.2, RFC 7493), held once where a token is read.

What passes here can be compared, stored and returned without further checks. Claims that are not registered may be any
JSON within 64-bit numbers. A registered claim that is null is the same as absent.
"""

import re
from collections.abc import Mapping
from typing import Any

from sojourn.domain.errors import InvalidToken
from sojourn.domain.ids import is_user_id
from sojourn.domain.tokens import LAST_SECOND

MAX_CLAIMS = 64

_MAX_INTEGER = 2**63 - 1
_DATES = ("exp", "nbf", "iat", "auth_time")
_PRINTABLE = re.compile(r"[^\x00-\x1f\x7f]{1,1024}")
_NAMES = ("sub", "sid", "client_id")
"""What others give: the contract's ids of users."""
_TEXTS = ("iss", "jti", "acr", "scope")
_LISTS = ("aud", "amr")
_REGISTERED = (*_DATES, *_NAMES, *_TEXTS, *_LISTS, "nonce", "at_hash", "c_hash", "events")

_ACCESS_TYPES = frozenset({"at+jwt"})
_TYPES = _ACCESS_TYPES | {"jwt"}
_KIND_CLAIMS = ("typ", "token_use", "token_type", "type")
_ACCESS_KINDS = frozenset({"bearer", "access", "access_token", "at+jwt"})
_OTHER_KINDS = frozenset(
    {"id", "id_token", "id+jwt", "refresh", "refresh_token", "offline", "logout", "logout+jwt", "secevent+jwt"}
)


def bounded(claims: Mapping[str, Any]) -> dict[str, Any]:
    """The claims, each registered one of its type; `scope` as one text, `amr` as a list, as some issuers have them not.

    Raises InvalidToken for claims of another type or size.
    """
    kept = {name: value for name, value in claims.items() if value is not None or name not in _REGISTERED}
    if len(kept) > MAX_CLAIMS:
        raise InvalidToken().because("claim", f"claims: {len(kept)}, at most {MAX_CLAIMS} are read")
    _bound_numbers(kept)
    scope = kept.get("scope")
    if isinstance(scope, list) and _are_texts(scope):
        kept["scope"] = " ".join(scope)
    if kept.get("scope") == "":
        del kept["scope"]
    if isinstance(kept.get("amr"), str):
        kept["amr"] = [kept["amr"]]
    _check(kept)
    return kept


def _check(claims: Mapping[str, Any]) -> None:
    for name in _DATES:
        if name in claims:
            numeric_date(claims[name], name)
    for name in _NAMES:
        if name in claims and not (isinstance(claims[name], str) and is_user_id(claims[name])):
            raise InvalidToken().because("claim", f"{name}: not 1 to 255 printable characters")
    for name in _TEXTS:
        if name in claims and not (isinstance(claims[name], str) and _PRINTABLE.fullmatch(claims[name])):
            raise InvalidToken().because("claim", f"{name}: not a text of the registered form")
    for name in _LISTS:
        value = claims.get(name, [])
        if not isinstance(value, str) and not (isinstance(value, list) and _are_texts(value)):
            raise InvalidToken().because("claim", f"{name}: neither a text nor a list of texts")


def numeric_date(value: Any, name: str = "date") -> float:
    """Seconds since 1970 (RFC 7519 §2). Raises InvalidToken for anything that is no instant of four-digit years."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= LAST_SECOND:
        raise InvalidToken().because("claim", f"{name}: not seconds since 1970, up to the year 9999")
    return float(value)


def require_access_token(typ: Any, claims: Mapping[str, Any]) -> None:
    """Raises InvalidToken for what its issuer meant for something else (RFC 8725 §3.11, RFC 9068 §4).

    `typ` is the header's. ID tokens are told by what OpenID Connect Core §2 and §3.1.3.6 puts into them, unless the
    token says that it is an access token; logout tokens and other security events by `events` (RFC 8417 §2.2).
    """
    media_type = typ.lower().removeprefix("application/") if isinstance(typ, str) else None
    kinds = {str(claims.get(name)).lower() for name in _KIND_CLAIMS}
    if media_type not in _TYPES or "events" in claims or not kinds.isdisjoint(_OTHER_KINDS):
        raise InvalidToken().because(
            "token_type", "typ: a token of another kind (ID, refresh, logout or event), want an access token"
        )
    says_so = media_type in _ACCESS_TYPES or not kinds.isdisjoint(_ACCESS_KINDS)
    if not says_so and not claims.keys().isdisjoint(("nonce", "at_hash", "c_hash")):
        raise InvalidToken().because(
            "token_type", "typ: it has nonce, at_hash or c_hash, so it is an ID token, want an access token"
        )


def _are_texts(values: list[Any]) -> bool:
    return all(isinstance(value, str) for value in values)


def _bound_numbers(value: Any) -> None:
    """Raises InvalidToken for an integer beyond 64 bits. Nesting was bounded where the JSON was read."""
    if isinstance(value, dict):
        for inner in value.values():
            _bound_numbers(inner)
    elif isinstance(value, list):
        for inner in value:
            _bound_numbers(inner)
    elif isinstance(value, int) and abs(value) > _MAX_INTEGER:
        raise InvalidToken().because("claim", "claims: an integer of more than 64 bits")
