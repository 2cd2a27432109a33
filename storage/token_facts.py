"""Everything the database knows against an access token, in one statement."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import and_, bindparam, func, literal_column, or_, select

from domain.clock import to_text
from domain.durations import parse_duration
from domain.token_validity import TokenFacts
from domain.tokens import AccessToken
from storage.statements import Statement
from storage.tables import SessionTable
from storage.token_tables import (
    BlacklistTable,
    IssuedTokenTable,
    NotBeforeTable,
    SessionTokenTable,
    SigningKeyTable,
    TokenConfigTable,
)
from storage.unit_of_work import UnitOfWork

_S = SessionTable.__table__
_R = SessionTokenTable.__table__
_I = IssuedTokenTable.__table__
_B = BlacklistTable.__table__
_N = NotBeforeTable.__table__
_K = SigningKeyTable.__table__
_C = TokenConfigTable.__table__
_TENANT: Any = bindparam("tenant")

EVERYBODY = ""
"""The `user_id` of a cut-off that concerns the whole tenant: no user has this id."""


class TokenRecord(NamedTuple):
    """What is known of a token and of its session. None where there is no row."""

    blacklisted: str | None
    issued_until: str | None
    session_id: str | None = None
    session_user: str | None = None
    session_revoked_at: str | None = None
    session_expires_at: str | None = None
    session_idle_expires_at: str | None = None
    device_fingerprint: str | None = None
    generation: int | None = None
    successor_used: int | None = None
    created_at: str | None = None
    revoked_at: str | None = None
    key_id: str | None = None
    leeway: str | None = None


_one = select(literal_column("1").label("one")).subquery()
_BLACKLISTED = (
    select(_B.c.id)
    .where(
        _B.c.tenant_id == _TENANT,
        _B.c.token_hash == bindparam("hash"),
        _B.c.expires_at > bindparam("now"),
    )
    .scalar_subquery()
)


def issued_until(token_type: str) -> Any:
    """The latest cut-off for tokens of a type of `:user_id`, as a scalar."""
    return (
        select(func.max(_N.c.issued_until))
        .where(
            _N.c.tenant_id == _TENANT,
            or_(_N.c.user_id == bindparam("user_id"), _N.c.user_id == bindparam("everybody")),
            _N.c.token_type == bindparam("type_" + token_type),
        )
        .scalar_subquery()
    )


FACTS = Statement(
    select(
        _BLACKLISTED,
        issued_until("access"),
        _S.c.id,
        _S.c.user_id,
        _S.c.revoked_at,
        _S.c.expires_at,
        _S.c.idle_expires_at,
        _S.c.device_fingerprint,
        _R.c.generation,
        _R.c.successor_used,
        _I.c.created_at,
        _I.c.revoked_at,
        _K.c.id,
        _C.c.leeway,
    ).select_from(
        _one.outerjoin(_S, and_(_S.c.tenant_id == _TENANT, _S.c.id == bindparam("key")))
        .outerjoin(_R, and_(_R.c.tenant_id == _TENANT, _R.c.session_id == bindparam("key")))
        .outerjoin(_I, and_(_I.c.tenant_id == _TENANT, _I.c.token_hash == bindparam("hash")))
        .outerjoin(_K, and_(_K.c.id == bindparam("kid"), _K.c.retired_at.is_(None)))
        .outerjoin(_C, _C.c.tenant_id == _TENANT)
    )
)
FACTS_WITHOUT_SESSION = Statement(select(_BLACKLISTED, issued_until("access")))
"""The same for a token of another issuer that names no session of ours: nothing else can be known of it."""


async def record(unit: UnitOfWork, token: AccessToken, now: str) -> TokenRecord:
    """What is known of a token in the unit's tenant."""
    about: dict[str, Any] = {
        "hash": token.hash,
        "user_id": token.user,
        "everybody": EVERYBODY,
        "type_access": "access",
        "now": now,
    }
    if token.own or token.session is not None:
        row = await unit.one(FACTS, **about, key=token.session, kid=token.kid or "")
    else:
        row = await unit.one(FACTS_WITHOUT_SESSION, **about)
    if row is None:
        raise RuntimeError("a select without a condition returned no row")
    return TokenRecord(*row)


def facts(
    token: AccessToken,
    known: TokenRecord,
    now: datetime,
    leeway_seconds: float,
    device_fingerprint: str | None = None,
) -> TokenFacts:
    """What is wrong with a token `now`. `leeway_seconds` holds where the tenant has set none of its own."""
    seconds = now.timestamp()
    leeway = _seconds(known.leeway) if token.own and known.leeway is not None else leeway_seconds
    found = known.session_id is not None
    return TokenFacts(
        key_retired=token.own and known.key_id is None,
        not_yet_valid=max(token.not_before, token.issued) > seconds + leeway,
        expired=token.expires <= seconds - leeway,
        blacklisted=known.blacklisted is not None,
        token_revoked=known.revoked_at is not None,
        issued_before_cutoff=known.issued_until is not None and _issued_at(token, known) <= known.issued_until,
        session_not_found=token.session is not None and not found,
        session_revoked=known.session_revoked_at is not None,
        session_expired=found and _has_ended(known, to_text(now)),
        user_mismatch=found and token.own and known.session_user != token.user,
        device_mismatch=device_fingerprint is not None
        and known.device_fingerprint is not None
        and known.device_fingerprint != device_fingerprint,
    )


def _has_ended(known: TokenRecord, now: str) -> bool:
    return (known.session_expires_at or "") <= now or (known.session_idle_expires_at or "") <= now


def _issued_at(token: AccessToken, known: TokenRecord) -> str:
    return known.created_at or to_text(datetime.fromtimestamp(max(token.issued, 0), UTC))


@lru_cache(maxsize=1024)
def _seconds(duration: str) -> float:
    return parse_duration(duration).total_seconds()
