"""The rows that every server of a run starts from: the same ones, always.

20 tenants, 10,000 users, ten sessions each. Of an ordinary user three sessions are active, four have expired and
three were revoked; of every tenth user all ten are active, so that a list of ten has ten rows. Active sessions end
in 2099 and ended ones ended in 2025: the rows do not depend on the day of the run.
"""

import hashlib
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

TENANTS = 20
USERS = 10_000
SESSIONS_PER_USER = 10
SESSIONS = USERS * SESSIONS_PER_USER

_FIRST_DAY = datetime(2025, 1, 1, tzinfo=UTC)
_FAR_EXPIRY = "2099-01-01T00:00:00.000Z"
_FAR_IDLE_EXPIRY = "2098-12-31T12:00:00.000Z"
_ACTIVE_OF_ORDINARY_USER = 3
_EXPIRED_OF_ORDINARY_USER = 4
_DEVICE_TYPES = ("desktop", "mobile", "desktop", "tablet", "mobile", "desktop", "mobile")
_METHODS = ("password", "password,totp", "webauthn")
_CITIES = ("Beijing, CN", "Berlin, DE", "Lagos, NG", "São Paulo, BR", "Tokyo, JP")
_BROWSERS = ("Chrome 138", "Firefox 140", "Safari 18")
_SYSTEMS = ("Windows 11", "Android 15", "macOS 15")
_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


class Session(NamedTuple):
    """One session, instants as texts. The first fourteen members and the status are what the wire shows."""

    id: str
    tenant_id: str
    user_id: str
    created_at: str
    authenticated_at: str
    last_active_at: str
    expires_at: str
    idle_expires_at: str
    amr: str
    device_id: str
    device_type: str
    ip: str
    user_agent: str
    geoip: str
    revoked_at: str | None
    role: str | None
    app_id: str
    device_fingerprint: str
    browser: str
    os: str

    @property
    def active(self) -> bool:
        """Whether the session is active on the day of any run."""
        return self.expires_at == _FAR_EXPIRY

    @property
    def due_at(self) -> str | None:
        """The earlier deadline of a session that has not ended."""
        return self.idle_expires_at if self.active else None


def tenant_of(user: int) -> str:
    """The tenant of a user, by the user's number."""
    return f"tnt_{user % TENANTS:02d}"


def user_id(user: int) -> str:
    """The id of a user, by the user's number."""
    return f"usr_{user:05d}"


def has_only_active_sessions(user: int) -> bool:
    """Whether the user is one of the tenth whose ten sessions are all active."""
    return (user // TENANTS) % 10 == 0


def sessions_of(user: int) -> list[Session]:
    """The ten sessions of a user, oldest first."""
    return [_session(user, place) for place in range(SESSIONS_PER_USER)]


def all_sessions() -> Iterator[Session]:
    """Every session, user by user."""
    for user in range(USERS):
        yield from sessions_of(user)


def _session(user: int, place: int) -> Session:
    number = user * SESSIONS_PER_USER + place
    created = _FIRST_DAY + timedelta(days=place, seconds=user)
    ended_places = 0 if has_only_active_sessions(user) else SESSIONS_PER_USER - _ACTIVE_OF_ORDINARY_USER
    active = place >= ended_places
    revoked = not active and place >= _EXPIRED_OF_ORDINARY_USER
    return Session(
        id=f"sess_{_uuid7(created, number)}",
        tenant_id=tenant_of(user),
        user_id=user_id(user),
        created_at=_text(created),
        authenticated_at=_text(created),
        last_active_at=_text(created + timedelta(minutes=20)),
        expires_at=_FAR_EXPIRY if active else _text(created + timedelta(hours=24)),
        idle_expires_at=_FAR_IDLE_EXPIRY if active else _text(created + timedelta(hours=4)),
        amr=_METHODS[number % len(_METHODS)],
        device_id=f"dev_{number:06d}",
        device_type=_DEVICE_TYPES[number % len(_DEVICE_TYPES)],
        ip=f"203.0.113.{number % 254 + 1}",
        user_agent=_AGENT,
        geoip=_CITIES[number % len(_CITIES)],
        revoked_at=_text(created + timedelta(hours=1)) if revoked else None,
        role=None,
        app_id="app_portal",
        device_fingerprint=f"sha256:{number:064x}",
        browser=_BROWSERS[number % len(_BROWSERS)],
        os=_SYSTEMS[number % len(_SYSTEMS)],
    )


def _uuid7(instant: datetime, number: int) -> uuid.UUID:
    """A UUID version 7 whose random part is made from the session's number."""
    noise = int.from_bytes(hashlib.sha256(number.to_bytes(8, "big")).digest()[:10], "big")
    value = int(instant.timestamp() * 1000) << 80 | noise
    value = value & ~(0xF << 76) | 7 << 76
    return uuid.UUID(int=value & ~(3 << 62) | 2 << 62)


def _text(instant: datetime) -> str:
    return instant.isoformat(timespec="milliseconds")[:-6] + "Z"
