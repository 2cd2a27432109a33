"""When a correctly signed token is valid: one list of facts against it, and which check refuses it for which fact.

Everything that checks a token (the bearer check, validation, introspection, exchange, refresh and rotation, the
inventory) uses the same facts and `RULES`. No rule hides another.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple

from sojourn.domain.clock import FIRST_INSTANT, Instant, from_text, to_text
from sojourn.domain.refresh_tokens import Invalid, RefreshState, RefreshToken, Reuse, Verdict, decide
from sojourn.domain.sessions import Status, status_of
from sojourn.domain.tokens import LAST_SECOND, AccessToken

Judge = Literal["bearer", "validation", "introspection", "exchange", "refresh", "inventory"]
"""The operations that judge tokens. `refresh` includes rotation of the access token."""

Shown = Literal["revoked", "expired"]
"""The status that lists show for a token that is not good."""

_HOLDS_ACCESS: frozenset[Judge] = frozenset({"bearer", "validation", "introspection", "exchange"})
_ALL: frozenset[Judge] = _HOLDS_ACCESS | {"refresh", "inventory"}


class TokenFacts(NamedTuple):
    """Everything that can be wrong with a token whose signature or MAC holds. True means wrong.

    In the order in which a reason is named when there are several.
    """

    key_retired: bool = False
    issued_before_restore: bool = False
    not_yet_valid: bool = False
    expired: bool = False
    tenant_mismatch: bool = False
    foreign_issuer: bool = False
    audience_mismatch: bool = False
    blacklisted: bool = False
    issued_before_cutoff: bool = False
    superseded: bool = False
    assurance_raised: bool = False
    session_not_found: bool = False
    session_revoked: bool = False
    session_expired: bool = False
    session_suspended: bool = False
    user_mismatch: bool = False
    device_mismatch: bool = False


class Rule(NamedTuple):
    """Which judges refuse a token for a fact, and the status that lists show then (None: no list knows the fact)."""

    refused_by: frozenset[Judge]
    shown: Shown | None


RULES: Mapping[str, Rule] = {
    # The fact                   who refuses                                  in lists
    "key_retired":          Rule(_ALL - {"refresh"},                          "revoked"),
    "issued_before_restore": Rule(_HOLDS_ACCESS | {"refresh"},                None),
    "not_yet_valid":        Rule(_HOLDS_ACCESS,                               None),
    "expired":              Rule(_ALL,                                        "expired"),
    "tenant_mismatch":      Rule(_ALL - {"bearer", "refresh", "inventory"},   None),
    "foreign_issuer":       Rule(frozenset({"exchange"}),                     None),
    "audience_mismatch":    Rule(frozenset({"bearer", "validation"}),         None),
    "blacklisted":          Rule(_ALL,                                        "revoked"),
    "issued_before_cutoff": Rule(_ALL,                                        "revoked"),
    "superseded":           Rule(frozenset({"refresh", "introspection", "inventory"}), "revoked"),
    "assurance_raised":     Rule(_HOLDS_ACCESS | {"inventory"},                "revoked"),
    "session_not_found":    Rule(_ALL,                                        "revoked"),
    "session_revoked":      Rule(_ALL,                                        "revoked"),
    "session_expired":      Rule(_ALL,                                        "expired"),
    "session_suspended":    Rule(_ALL,                                        "revoked"),
    "user_mismatch":        Rule(_ALL - {"refresh"},                          "revoked"),
    "device_mismatch":      Rule(frozenset({"validation"}),                   None),
}  # fmt: skip
"""All rules. The reason in a response is the name of the fact. A refresh token is superseded when it is neither
the present one of its session nor a parent that still gets the same successor."""


class TokenRecord(NamedTuple):
    """What is known of an access token and of its session. None where there is no row; instants in text form.

    `cut_offs_then` and `cut_offs_now` count the cut-offs for its user when it was issued and now, `elevations_then` and
    `elevations_now` how often its session's assurance had been raised; `leeway` is the tenant's own, a duration in text
    form.
    """

    blacklisted: bool
    issued_until: Instant | None
    cut_offs_now: int
    session_id: str | None = None
    session_user: str | None = None
    session_revoked_at: Instant | None = None
    session_expires_at: Instant | None = None
    session_idle_expires_at: Instant | None = None
    device_fingerprint: str | None = None
    generation: int | None = None
    successor_used: bool | None = None
    created_at: Instant | None = None
    cut_offs_then: int | None = None
    key_id: str | None = None
    leeway: str | None = None
    elevations_then: int | None = None
    elevations_now: int | None = None
    epoch: str | None = None
    suspended_until: Instant | None = None
    suspended_then: str | None = None


@dataclass(frozen=True, slots=True)
class RefreshRecord:
    """What is known of a refresh token and of its session, which exists. Instants in text form.

    `session_is_over` says that it is not active. `state` is None for a session that never had refresh tokens.
    `issued_at`, `cut_offs_then` and `expires_at` are None for a token that is not kept in the inventory any more: it
    has ended.
    """

    state: RefreshState | None
    session_is_over: Literal["revoked", "expired", "suspended"] | None
    blacklisted: bool
    issued_until: Instant | None
    cut_offs_now: int
    issued_at: Instant | None
    cut_offs_then: int | None
    expires_at: Instant | None
    epoch: str | None = None


class _Standing(NamedTuple):
    expires_at: str
    idle_expires_at: str
    revoked_at: str | None
    suspended_until: str | None
    suspended_then: str | None


def reasons(facts: TokenFacts, judge: Judge) -> tuple[str, ...]:
    """The facts for which a judge refuses a token, by name; empty for a good token."""
    if not any(facts):
        return ()
    wrong = zip(facts._fields, facts, strict=True)
    return tuple(name for name, is_wrong in wrong if is_wrong and judge in RULES[name].refused_by)


def shown_status(wrong: tuple[str, ...]) -> Literal["active", "expired", "revoked"]:
    """What lists call a token with these facts against it. Revocation outlasts expiry."""
    shown = {RULES[name].shown for name in wrong}
    if "revoked" in shown:
        return "revoked"
    return "expired" if "expired" in shown else "active"


def facts_of_access(
    token: AccessToken,
    known: TokenRecord,
    *,
    now: datetime,
    leeway: timedelta,
    audience: str,
    wanted_audience: str | None = None,
    device_fingerprint: str | None = None,
) -> TokenFacts:
    """What is wrong with an access token `now`, in the tenant it names.

    `leeway` is how far clocks may be off, `audience` our own, `device_fingerprint` the device it was shown on.
    `wanted_audience` is the audience that the caller asks for instead (RFC 9068 §4); without it, a token of another
    issuer was held to the setting for its audience when its signature was.
    """
    seconds, grace = now.timestamp(), leeway.total_seconds()
    found = known.session_id is not None
    standing = _standing(known, to_text(now)) if found else "active"
    return TokenFacts(
        key_retired=token.own and known.key_id is None,
        issued_before_restore=token.own and token.epoch != known.epoch,
        not_yet_valid=max(token.not_before, token.issued) > seconds + grace,
        expired=token.expires <= seconds - grace,
        foreign_issuer=not token.own,
        audience_mismatch=wanted_audience not in token.audience
        if wanted_audience is not None
        else token.own and audience not in token.audience,
        blacklisted=known.blacklisted,
        issued_before_cutoff=_is_cut_off(
            known.cut_offs_then,
            known.cut_offs_now,
            issued_at=known.created_at or _issued(token),
            issued_until=known.issued_until,
        ),
        assurance_raised=token.own and (known.elevations_then or 0) < (known.elevations_now or 0),
        session_not_found=token.session is not None and not found,
        session_revoked=standing == "revoked",
        session_expired=found and _is_past_deadline(known, to_text(now)),
        session_suspended=standing == "suspended",
        user_mismatch=found and token.own and known.session_user != token.user,
        device_mismatch=device_fingerprint is not None
        and known.device_fingerprint is not None
        and known.device_fingerprint != device_fingerprint,
    )


def judge_refresh(token: RefreshToken, known: RefreshRecord, *, now: datetime, reuse_interval: timedelta) -> Verdict:
    """What a refresh with `token` means, all facts considered; introspection asks the same.

    A session that is over is ended for nothing any more, so reuse is not looked for in it. A blacklisted or cut-off
    token of a live session may still be one that was spent: that is reuse. One of another epoch is not.
    """
    if known.session_is_over or known.state is None:
        return Invalid()
    if reasons(TokenFacts(issued_before_restore=token.epoch != known.epoch), "refresh"):
        return Invalid()
    verdict = decide(token, known.state, now=now, reuse_interval=reuse_interval)
    if isinstance(verdict, Reuse):
        return verdict
    refused = reasons(
        TokenFacts(
            expired=known.expires_at is None or now >= from_text(known.expires_at),
            blacklisted=known.blacklisted,
            issued_before_cutoff=_is_cut_off(
                known.cut_offs_then,
                known.cut_offs_now,
                issued_at=known.issued_at or FIRST_INSTANT,
                issued_until=known.issued_until,
            ),
        ),
        "refresh",
    )
    return Invalid() if refused else verdict


def _is_cut_off(then: int | None, now: int, *, issued_at: Instant, issued_until: Instant | None) -> bool:
    """Whether everything issued so far was refused after the token was issued.

    Our own tokens know how many cut-offs there had been: clocks play no part. Others are told by their instant.
    """
    if then is not None:
        return now > then
    return issued_until is not None and issued_at <= issued_until


def _standing(known: TokenRecord, now: Instant) -> Status:
    return status_of(
        _Standing(
            expires_at=known.session_expires_at or "",
            idle_expires_at=known.session_idle_expires_at or "",
            revoked_at=known.session_revoked_at,
            suspended_until=known.suspended_until,
            suspended_then=known.suspended_then,
        ),
        now,
    )


def _is_past_deadline(known: TokenRecord, now: Instant) -> bool:
    return (known.session_expires_at or "") <= now or (known.session_idle_expires_at or "") <= now


def _issued(token: AccessToken) -> Instant:
    return to_text(datetime.fromtimestamp(min(max(token.issued, 0), LAST_SECOND), UTC))
