"""Settings that production refuses: weak keys, a large leeway, secrets sent in clear text.

`weaknesses` are reasons not to start, `cautions` are warnings in the log. Neither shows a secret.
"""

import ipaddress
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Protocol
from urllib.parse import urlsplit

from sojourn.domain.durations import format_duration

LEAST_CHARACTERS = 32
"""Of a key or secret that people chose."""
LEAST_UNFORESEEN = 16
"""So many of its characters must not follow from those before them."""
LEAST_DISTINCT = 8
MOST_LEEWAY = timedelta(minutes=2)
"""RFC 7519 §4.1.4: usually no more than a few minutes."""

_LONG_SESSION = timedelta(days=30)
"""NIST SP 800-63B-4 §2.1.3: the longest a session may last at the lowest level of assurance."""
_LONG_ACCESS = timedelta(hours=24)
_SHORTEST_REPEAT = 3
_POSTGRESQL = re.compile(
    r"postgresql://(?:(?P<user>[A-Za-z0-9._-]*)(?::[^@/?#]*)?@)?(?P<hosts>(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])?(?::[0-9]*)?"
    r"(?:,(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?)*)(?P<name>/[A-Za-z0-9._~-]*)?(?:\?[^@#]*)?"
)


class Weighed(Protocol):
    """The settings that can be too weak."""

    @property
    def internal_api_keys(self) -> tuple[str, ...]: ...
    @property
    def jwt_secret(self) -> str | None: ...
    @property
    def jwt_secret_previous(self) -> str | None: ...
    @property
    def refresh_secret(self) -> str | None: ...
    @property
    def refresh_secret_previous(self) -> str | None: ...
    @property
    def jwt_leeway(self) -> timedelta: ...
    @property
    def jwt_jwks(self) -> str | None: ...
    @property
    def host(self) -> str: ...
    @property
    def behind_proxy(self) -> bool: ...
    @property
    def tls_certificate(self) -> str | None: ...
    @property
    def absolute_timeout(self) -> timedelta: ...
    @property
    def access_expiry(self) -> timedelta: ...


def weaknesses(settings: Weighed) -> Iterator[str]:
    """What is too weak for production, one sentence each, beginning with the variable."""
    for key in settings.internal_api_keys:
        if reason := guessable(key):
            yield f"SOJOURN_INTERNAL_API_KEYS: a key {reason}; `sojourn api-key create` makes a good one"
    for name, secret in (
        ("SOJOURN_JWT_SECRET", settings.jwt_secret),
        ("SOJOURN_JWT_SECRET_PREVIOUS", settings.jwt_secret_previous),
        ("SOJOURN_REFRESH_SECRET", settings.refresh_secret),
        ("SOJOURN_REFRESH_SECRET_PREVIOUS", settings.refresh_secret_previous),
    ):
        # A secret that is too short is refused where the required length is known.
        if secret is not None and len(secret.encode()) >= LEAST_CHARACTERS and (reason := guessable(secret)):
            yield f"{name}: {reason}"
    if settings.jwt_leeway > MOST_LEEWAY:
        yield f"SOJOURN_JWT_LEEWAY: must not be longer than {format_duration(MOST_LEEWAY)}"
    if settings.jwt_jwks is not None and not _may_be_fetched(settings.jwt_jwks):
        yield "SOJOURN_JWT_JWKS: whoever is on the way could change the keys; use https, or http on this machine only"
    if not is_loopback(settings.host) and not settings.behind_proxy and settings.tls_certificate is None:
        yield (
            "SOJOURN_HOST: keys and tokens would cross the network in clear; set SOJOURN_TLS_CERTIFICATE and"
            " SOJOURN_TLS_KEY, or SOJOURN_BEHIND_PROXY when a proxy on the way ends TLS"
        )


def cautions(settings: Weighed) -> Iterator[str]:
    """What works, and is more than most should allow."""
    if settings.absolute_timeout > _LONG_SESSION:
        span = format_duration(settings.absolute_timeout)
        yield f"SOJOURN_ABSOLUTE_TIMEOUT: sessions last {span}; NIST SP 800-63B allows 720h at most"
    if settings.access_expiry > _LONG_ACCESS:
        yield f"SOJOURN_ACCESS_EXPIRY: access tokens live {format_duration(settings.access_expiry)}; minutes are usual"


def guessable(secret: str) -> str | None:
    """Why a secret is too easy to guess; None when it may be good.

    A character is foreseen when it continues a repetition of what came before, or a row such as `abc` or `321`.
    """
    if len(secret) < LEAST_CHARACTERS:
        return f"is shorter than {LEAST_CHARACTERS} characters"
    if len(set(secret)) < LEAST_DISTINCT or _unforeseen(secret) < LEAST_UNFORESEEN:
        return "is repetitive"
    return None


def _unforeseen(text: str) -> int:
    place, count = 0, 0
    while place < len(text):
        count += 1
        place += max(1, _repeated(text, place), _row(text, place))
    return count


def _repeated(text: str, place: int) -> int:
    """How many characters from `place` stood together earlier, overlapping or not; 0 for fewer than three."""
    length = _SHORTEST_REPEAT
    if text.find(text[place : place + length], 0, place + length - 1) < 0 or place + length > len(text):
        return 0
    while place + length < len(text) and text.find(text[place : place + length + 1], 0, place + length) >= 0:
        length += 1
    return length


def _row(text: str, place: int) -> int:
    """How many characters from `place` on go up or down by one each time; 0 for fewer than three."""
    steps = [ord(after) - ord(before) for before, after in zip(text[place:], text[place + 1 :], strict=False)]
    length = 1
    while length - 1 < len(steps) and steps[length - 1] == steps[0] and abs(steps[0]) == 1:
        length += 1
    return length if length >= _SHORTEST_REPEAT else 0


def is_loopback(host: str) -> bool:
    """Whether an address to listen on, or the host of a URL, is this machine and no other can reach it."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def names_ports(url: str) -> bool:
    """Whether every port in a PostgreSQL URL is a number: what drivers say of another one repeats it."""
    authority = url.partition("://")[2].partition("?")[0].partition("/")[0].rpartition("@")[2]
    ports = (host.rpartition("]")[2].rpartition(":") for host in authority.split(","))
    return all(not colon or re.fullmatch(r"[0-9]{0,5}", port, re.ASCII) for _, colon, port in ports)


def _may_be_fetched(source: str) -> bool:
    """Whether a key set comes from a file, over TLS, or from this machine."""
    if not source.lower().startswith("http://"):
        return True
    try:
        return is_loopback(urlsplit(source).hostname or "")
    except ValueError:
        return False


def shown_url(url: str) -> str:
    """A URL as it may be printed: never with a password or a parameter. What has an odd form shows its scheme only.

    >>> shown_url("postgresql://me:p@ss@db.example:5432/sojourn?sslmode=require")
    'postgresql://...'
    """
    scheme, separator, _ = url.partition("://")
    if not separator or scheme == "sqlite":
        return url
    if scheme == "postgresql":
        match = _POSTGRESQL.fullmatch(url)
        if match is None:
            return "postgresql://..."
        user = f"{match['user']}@" if match["user"] else ""
        return f"postgresql://{user}{match['hosts']}{match['name'] or ''}"
    try:
        parts = urlsplit(url)
        if "@" in parts.path + parts.query + parts.fragment:
            return f"{scheme}://..."
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
        return f"{scheme}://{host}{'' if parts.port is None else f':{parts.port}'}{parts.path}"
    except ValueError:
        return f"{scheme}://..."
