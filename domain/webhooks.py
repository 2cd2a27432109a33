"""What is sent to webhooks and when: signatures by Standard Webhooks 1.0, tries over three days."""

import base64
import hmac
import secrets
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Literal, NamedTuple, get_args

from sojourn.domain.clock import Instant

Outcome = Literal[
    "delivered",
    "status",
    "redirect",
    "gone",
    "timeout",
    "unreachable",
    "unresolved",
    "address_refused",
    "tls_failed",
    "secret_unreadable",
]
"""What became of one attempt. `status` is any status but those that have a word of their own."""
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
DisabledBecause = Literal["administrator", "gone", "failing"]

SECRET_PREFIX = "whsec_"  # noqa: S105 - a prefix
_SECRET_BYTES = 32
_WAITS = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 300, 1800, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 20 * 3600)
)
TRIES = len(_WAITS) + 1
"""So often an event is sent in all, over three days; then the endpoint is disabled."""
_JITTER = 0.2
LONGEST_WAIT = timedelta(hours=25)
"""No try is further away, whatever the receiver asks for."""


def mint_secret() -> str:
    """A new secret, as it is shown once."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def signature(secret: str, message_id: str, *, timestamp: int, body: bytes) -> str:
    """The signature of a message in the form `v1,…` (Standard Webhooks 1.0): HMAC-SHA256 of `id.timestamp.body`."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    digest = hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, "sha256")
    return f"v1,{base64.b64encode(digest).decode()}"


def outcome_of(status: int) -> Outcome:
    """What a status means: 2xx is delivered, a redirect is none, 410 wants no more."""
    if 200 <= status < 300:
        return "delivered"
    if 300 <= status < 400:
        return "redirect"
    return "gone" if status == 410 else "status"


def wait_after(tries: int, *, draw: float, asked: timedelta | None = None) -> timedelta | None:
    """How long to wait after so many tries; None after the last one.

    `draw` from 0 to 1 spreads the tries of many events; `asked` is what `Retry-After` said.
    """
    if tries >= TRIES:
        return None
    wait = _WAITS[tries - 1] * (1 - _JITTER / 2 + _JITTER * draw)
    return min(max(wait, asked or timedelta(0)), LONGEST_WAIT)


def retry_after(text: str | None, now: datetime) -> timedelta | None:
    """What a `Retry-After` asks for, in seconds or as a date (RFC 9110 §10.2.3); None for what says nothing."""
    if text is None:
        return None
    if text.isascii() and text.isdigit() and len(text) <= 9:
        return min(timedelta(seconds=int(text)), LONGEST_WAIT)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return min(max(moment - now, timedelta(0)), LONGEST_WAIT)


class Attempt(NamedTuple):
    """One attempt to deliver an event: when it began, in text form; what came of it; how long it took.

    `asked` is how long the receiver wants to be left alone.
    """

    at: Instant
    outcome: Outcome
    status: int | None
    duration_ms: int
    asked: timedelta | None = None

    @property
    def was_delivered(self) -> bool:
        """Whether the receiver has it."""
        return self.outcome == "delivered"
