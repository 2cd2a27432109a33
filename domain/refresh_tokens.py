"""The rules of refresh tokens, as pure functions.

A refresh token reads `rt_<session uuid>.<tenant>.<generation>.<secret>.<mac>`. Its secret is derived from a nonce that
the session's row holds and a key that the database does not: the same successor can be computed again (two tabs
racing, a lost response) without storing any token. The MAC covers everything before it, so a forged token is detected
before anything is looked up, and the tenant in it can be trusted.
"""

import base64
import hmac
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from sojourn.domain.ids import SessionKey, TenantId
from sojourn.domain.token_identity import TokenHash, identity

_REFRESH = re.compile(
    r"rt_([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.([A-Za-z0-9_-]{2,172})\.(0|[1-9][0-9]{0,8})"
    r"\.([A-Za-z0-9_-]{43})\.([A-Za-z0-9_-]{43})"
)


@dataclass(frozen=True, slots=True)
class RefreshKeys:
    """The two keys of refresh tokens, 32 bytes each; never in the database.

    They are those of one `epoch`: a token of another epoch has no good MAC.
    """

    derive: bytes
    mac: bytes
    epoch: str | None = None

    def __repr__(self) -> str:
        return "RefreshKeys(...)"


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A refresh token whose MAC was found good with the keys of an `epoch`."""

    session: SessionKey
    tenant: TenantId
    generation: int
    hash: TokenHash
    epoch: str | None = None


@dataclass(frozen=True, slots=True)
class RefreshState:
    """What a session's row says of its refresh tokens.

    `first_generation` began the present family, `expires_at` is the current token's own end.
    """

    first_generation: int
    generation: int
    token_hash: TokenHash
    previous_hash: str | None
    rotated_at: datetime
    expires_at: datetime
    successor_used: bool


@dataclass(frozen=True, slots=True)
class Rotate:
    """The current token: a new generation follows."""


@dataclass(frozen=True, slots=True)
class SameSuccessor:
    """The parent of the current token, from a second tab or after a lost response: it gets the same successor again."""


@dataclass(frozen=True, slots=True)
class Reuse:
    """A token that was spent is used again: the session must end (RFC 9700 section 4.14.2)."""


@dataclass(frozen=True, slots=True)
class Invalid:
    """Not a token of this session's family, or past its end: refused, nothing changes."""


Verdict = Rotate | SameSuccessor | Reuse | Invalid


def write_refresh_token(
    keys: RefreshKeys, tenant: TenantId, *, session: SessionKey, generation: int, nonce: str
) -> str:
    """The one refresh token of a session's generation; the same arguments give the same text."""
    head = f"rt_{session}.{_encode(tenant.encode())}.{generation}"
    head += "." + _encode(_hmac(keys.derive, f"{head}.{nonce}"))
    return f"{head}.{_encode(_hmac(keys.mac, head))}"


def has_refresh_form(text: str) -> bool:
    """Whether a text looks like a refresh token, of any secret and epoch."""
    return _REFRESH.fullmatch(text) is not None


def read_refresh_token(keys: RefreshKeys, text: str) -> RefreshToken | None:
    """What a refresh token says, or None for anything that we never wrote."""
    match = _REFRESH.fullmatch(text)
    if match is None:
        return None
    session, tenant, generation, _, mac = match.groups()
    if not hmac.compare_digest(mac, _encode(_hmac(keys.mac, text[: -len(mac) - 1]))):
        return None
    return RefreshToken(
        session=SessionKey(session),
        tenant=TenantId(_decode(tenant).decode()),
        generation=int(generation),
        hash=identity(text),
        epoch=keys.epoch,
    )


def decide(token: RefreshToken, state: RefreshState, *, now: datetime, reuse_interval: timedelta) -> Verdict:
    """What a refresh with `token` means for a live session in `state`.

    | presented                                                    | answer                                        |
    |--------------------------------------------------------------|-----------------------------------------------|
    | the present token                                            | Rotate: a new generation                      |
    | its parent, within `reuse_interval` of the rotation, or      | SameSuccessor: the same successor             |
    | later while the successor was never used                     |                                               |
    | its parent, later                                            | Reuse: the session ends (RFC 9700 §4.14.2)    |
    | anything older of the family                                 | Reuse, at once                                |
    | past its end, of an earlier family                           | Invalid: refused, and nothing changes         |

    A family begins when tokens are generated for the session. A token of an earlier family ends no session.
    """
    if not state.first_generation <= token.generation <= state.generation:
        return Invalid()
    if token.generation == state.generation:
        good = hmac.compare_digest(token.hash, state.token_hash) and now < state.expires_at
        return Rotate() if good else Invalid()
    if token.generation < state.generation - 1:
        return Reuse()
    if state.previous_hash is None or not hmac.compare_digest(token.hash, state.previous_hash):
        return Invalid()
    if now < state.rotated_at + reuse_interval or not state.successor_used:
        return SameSuccessor() if now < state.expires_at else Invalid()
    return Reuse()


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
