"""The rule: what is wrong with a token whose signature holds. Nothing here reads a clock or a network.

The cases in `clients/cases` of the service's repository say what has to come of it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sojourn_verify.refusals import CutOff, Refusals

ASK = "ask"
"""In place of a reason: only the service knows, because two instants are nearer than clocks may be off."""

TOKEN_TYPE = "at+jwt"  # noqa: S105 - a name (RFC 9068 section 2.1)
_TEXTS = ("iss", "sub", "jti", "client_id", "tenant_id")
_NUMBERS = ("exp", "iat")
_OUR_ID = re.compile(r"tok_([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Terms:
    """What is asked of a token. `leeway`: by how many seconds clocks may be off. `tenant`, `issuer`: None for any."""

    audience: str
    leeway: float = 5.0
    tenant: str | None = None
    issuer: str | None = None


def is_ours(header: Mapping[str, Any]) -> bool:
    """Whether a header is one of an access token of the service (RFC 9068 section 4, RFC 7515 section 4.1.11)."""
    return (
        header.get("typ") == TOKEN_TYPE and isinstance(header.get("kid"), str) and not {"crit", "b64"} & header.keys()
    )


def is_whole(claims: Mapping[str, Any]) -> bool:
    """Whether the claims are those of an access token of the service (RFC 9068 section 2.2)."""
    return (
        all(isinstance(claims.get(name), str) for name in _TEXTS)
        and all(_is_number(claims.get(name)) for name in _NUMBERS)
        and _is_number(claims.get("nbf", 0))
        and isinstance(claims.get("aud"), str | list)
        and isinstance(claims.get("sid", ""), str)
    )


def judge(
    kid: str, claims: Mapping[str, Any], *, known: Refusals, terms: Terms, now: float, asked_at: int = -1
) -> str | None:
    """The first reason against a token, ASK, or None for a good one.

    `now` in seconds since 1970. `asked_at` is the version of the refusals when the service said that it was good.
    """
    tenant: str = claims["tenant_id"]
    if terms.tenant not in (None, tenant) or (known.tenants is not None and tenant not in known.tenants):
        return "tenant_mismatch"
    if kid in known.keys:
        return "key_retired"
    if terms.issuer not in (None, claims["iss"]):
        return "invalid_token"
    if max(claims.get("nbf", 0), claims["iat"]) > now + terms.leeway:
        return "not_yet_valid"
    if claims["exp"] <= now - terms.leeway:
        return "expired"
    audience = claims["aud"]
    if terms.audience != audience and (isinstance(audience, str) or terms.audience not in audience):
        return "audience_mismatch"
    if (tenant, claims["jti"]) in known.tokens:
        return "blacklisted"
    return _of_others(claims, known, leeway=terms.leeway, now=now, asked_at=asked_at)


def _of_others(claims: Mapping[str, Any], known: Refusals, *, leeway: float, now: float, asked_at: int) -> str | None:
    """What the user, the tenant and the session have against a token."""
    tenant, sid = claims["tenant_id"], claims.get("sid")
    issued = issued_at(claims)
    cuts = [known.cut_offs.get((tenant, whose)) for whose in ("", claims["sub"])]
    raised = None if sid is None else known.raised.get((tenant, sid))
    if any(cut is not None and issued <= cut.until - leeway for cut in cuts):
        return "issued_before_cutoff"
    if raised is not None and issued <= raised.until - leeway:
        return "assurance_raised"
    if sid is not None and (ended := known.sessions.get((tenant, sid))) is not None:
        return ended[0]
    if sid is not None and (suspended := known.suspensions.get((tenant, sid))) is not None and now < suspended.until:
        return "session_suspended"
    return ASK if any(_is_near(cut, issued, leeway, asked_at) for cut in (*cuts, raised)) else None


def _is_near(cut: CutOff | None, issued: float, leeway: float, asked_at: int) -> bool:
    return cut is not None and cut.version > asked_at and cut.until - leeway < issued <= cut.until + leeway


def issued_at(claims: Mapping[str, Any]) -> float:
    """When a token was issued, in seconds since 1970: to the millisecond if its id says so (RFC 9562 section 5.7)."""
    ours = _OUR_ID.fullmatch(claims["jti"])
    return float(claims["iat"]) if ours is None else int(ours[1] + ours[2], 16) / 1000


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
