"""The rules of refresh tokens and of token lifetimes, as pure functions.

A refresh token reads `rt_<session uuid>.<tenant>.<generation>.<secret>.<mac>`. Its secret is derived from a
nonce that the session's row holds and a key that the database does not: the same successor can be given twice
(two tabs racing, a lost answer) without any token being kept. The MAC covers all that stands before it, so a
forged token is told apart before anything is looked up, and the tenant in it can be believed.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

_REFRESH = re.compile(
    r"rt_([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.([A-Za-z0-9_-]{2,172})\.(0|[1-9][0-9]{0,8})"
    r"\.([A-Za-z0-9_-]{43})\.([A-Za-z0-9_-]{43})"
)
_JWT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
MAX_JITTER = 0.05
LAST_SECOND = 253402300799
"""The last second that can be written as an instant: 9999-12-31T23:59:59Z."""


@dataclass(frozen=True, slots=True)
class RefreshKeys:
    """The two keys of refresh tokens, 32 bytes each; never in the database."""

    derive: bytes
    mac: bytes

    def __repr__(self) -> str:
        return "RefreshKeys(...)"


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A refresh token whose MAC was found good."""

    session: str
    tenant: str
    generation: int
    hash: str


@dataclass(frozen=True, slots=True)
class RefreshState:
    """What a session's row says of its refresh tokens.

    `first_generation` began the present family, `expires_at` is the current token's own end.
    """

    first_generation: int
    generation: int
    token_hash: str
    previous_hash: str | None
    rotated_at: datetime
    expires_at: datetime
    successor_used: bool


@dataclass(frozen=True, slots=True)
class Rotate:
    """The current token: a new generation follows."""


@dataclass(frozen=True, slots=True)
class SameSuccessor:
    """The parent of the current token, by a second tab or after a lost answer: the same successor again."""


@dataclass(frozen=True, slots=True)
class Reuse:
    """A spent token in somebody's hands: the session must end."""


@dataclass(frozen=True, slots=True)
class Invalid:
    """Not a token of this session's family, or past its end: refused, nothing changes."""


Verdict = Rotate | SameSuccessor | Reuse | Invalid


def write_refresh_token(keys: RefreshKeys, tenant: str, session: str, *, generation: int, nonce: str) -> str:
    """The one refresh token of a session's generation; the same arguments give the same text."""
    head = f"rt_{session}.{_encode(tenant.encode())}.{generation}"
    head += "." + _encode(_hmac(keys.derive, f"{head}.{nonce}"))
    return f"{head}.{_encode(_hmac(keys.mac, head))}"


def read_refresh_token(keys: RefreshKeys, text: str) -> RefreshToken | None:
    """What a refresh token says, or None for anything that we never wrote."""
    match = _REFRESH.fullmatch(text)
    if match is None:
        return None
    session, tenant, generation, _, mac = match.groups()
    if not hmac.compare_digest(mac, _encode(_hmac(keys.mac, text[: -len(mac) - 1]))):
        return None
    return RefreshToken(session, _decode(tenant).decode(), int(generation), identity(text))


def decide(token: RefreshToken, state: RefreshState, now: datetime, reuse_interval: timedelta) -> Verdict:
    """What a refresh with `token` means for a live session in `state`.

    | presented                                                    | answer                                        |
    |--------------------------------------------------------------|-----------------------------------------------|
    | the present token                                            | Rotate: a new generation                      |
    | its parent, within `reuse_interval` of the rotation, or      | SameSuccessor: the same successor             |
    | later while the successor was never used                     |                                               |
    | its parent, later                                            | Reuse: the session ends (RFC 9700 §4.14.2)    |
    | anything older of the family                                 | Reuse, at once                                |
    | past its end, of an earlier family                           | Invalid: refused, and nothing changes         |

    A family begins when tokens are generated for the session. Nobody is signed out for a token of an earlier family.
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


def has_jwt_form(text: str) -> bool:
    """Whether a text is three parts of base64url without padding (RFC 7515 §2): all that is read as a JWT."""
    return _JWT.fullmatch(text) is not None


def identity(token: str) -> str:
    """The hash under which a verified token is known.

    Of a JWT only what the signature covers counts: its last characters have bits that readers ignore, so the
    same token could be written in several ways. Never asked for a text that was not verified: see `text_identity`.
    """
    signed = token.rpartition(".")[0] if has_jwt_form(token) else token
    return hashlib.sha256(signed.encode()).hexdigest()


def text_identity(text: str) -> str:
    """The hash under which a text is known that could not be verified: never that of a verified token."""
    return hashlib.sha256(b"text:" + text.encode("utf-8", "surrogatepass")).hexdigest()


def end_of_refresh(now: datetime, lifetime: timedelta, session_end: datetime) -> datetime:
    """When a refresh token issued `now` ends: never after its session."""
    return min(now + lifetime, session_end)


SHORTEST_LIFETIME = timedelta(seconds=2)
"""What a tenant may set at least: an end in whole seconds takes up to one of them."""
LONGEST_LIFETIME = timedelta(hours=87_600)
"""What a tenant may set at most, ten years: `expires_in` and every end stay numbers that all clients can read."""


def end_of_access(now: datetime, lifetime: timedelta, session_end: datetime | None, chance: float) -> datetime:
    """When an access token issued `now` ends, to the second: up to 5 % early by `chance` (0..1), never late.

    Tokens that were issued together are thus not renewed together.
    """
    spread = lifetime * MAX_JITTER
    end = now + lifetime - (spread * chance if spread >= timedelta(seconds=1) else timedelta(0))
    if session_end is not None:
        end = min(end, session_end)
    return max(end.replace(microsecond=0), now.replace(microsecond=0))


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long tokens live, and how far clocks may be off."""

    access: timedelta
    refresh: timedelta
    leeway: timedelta


@dataclass(frozen=True, slots=True)
class AccessToken:
    """What an access token says whose signature holds; whether it is good now is another question.

    `own` tells tokens that we signed from those of a configured issuer. `session` is the UUID inside `sid`,
    None when `sid` is absent or names a session of somebody else. Instants are seconds since 1970. `text_hash` is what
    the text was known by while it could not be verified, before its key was.
    """

    own: bool
    kid: str | None
    hash: str
    text_hash: str
    tenant: str
    user: str
    sid: str | None
    session: str | None
    roles: frozenset[str]
    issued: float
    not_before: float
    expires: float
    claims: Mapping[str, Any]

    @property
    def audience(self) -> tuple[str, ...]:
        """Whom it is for; empty when it says nothing."""
        named = self.claims.get("aud", ())
        return (named,) if isinstance(named, str) else tuple(named)

    @property
    def generation(self) -> int | None:
        """The refresh generation it was issued with."""
        value = self.claims.get("gen")
        return value if isinstance(value, int) else None


@dataclass(frozen=True, slots=True)
class UnverifiedText:
    """A text shown as a token that nobody we know has signed. Nothing is known of it but itself."""

    hash: str


PresentedToken = AccessToken | RefreshToken | UnverifiedText
"""What a text shown as a token turned out to be."""


class SignedToken(NamedTuple):
    """A token that was just signed, and the id of the key that signed it."""

    text: str
    key_id: str
