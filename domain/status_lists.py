"""Token Status Lists (draft-ietf-oauth-status-list-20): their bits, and which place in a list is whose.

A session has one place, in the list of its tenant and of the week it began in, so that a list goes with its week. Which
place it is tells nothing: neither when the session began nor how many there are.
"""

import zlib
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import blake2b

from sojourn.domain.ids import SessionKey

INDEX_BITS = 20
SIZE = 1 << INDEX_BITS
"""So many places a list has. Where they do not suffice for a week, the week has another list."""
STATUS_BITS = 2
INVALID, SUSPENDED = 0b01, 0b10
"""Status types (section 7.1); what is not said is 0, valid."""

_HALF = INDEX_BITS // 2
_LOW = (1 << _HALF) - 1
_ROUNDS = 8
_WEEK = timedelta(weeks=1)


def compressed(statuses: Mapping[int, int], *, size: int = SIZE, bits: int = STATUS_BITS) -> bytes:
    """The compressed byte array (section 4.1) of a list of `size` places, given the statuses that are not 0."""
    array = bytearray(size * bits // 8)
    for index, status in statuses.items():
        bit = index * bits
        array[bit >> 3] |= status << (bit & 7)
    return zlib.compress(bytes(array), 9)


def encoded(statuses: Mapping[int, int], *, size: int = SIZE, bits: int = STATUS_BITS) -> str:
    """The member `lst` (section 4.2)."""
    return urlsafe_b64encode(compressed(statuses, size=size, bits=bits)).rstrip(b"=").decode()


def place(secret: bytes, position: int) -> int:
    """The place in a list of the session with a position in it, both from 0 to `SIZE` - 1: no two have the same.

    A balanced Feistel network is a permutation; without the secret nobody can turn it round (Luby and Rackoff, 1988).
    """
    left, right = position >> _HALF, position & _LOW
    for number in range(_ROUNDS):
        mixed = blake2b(bytes((number, right >> 8, right & 0xFF)), key=secret, digest_size=2).digest()
        left, right = right, left ^ int.from_bytes(mixed) & _LOW
    return left << _HALF | right


def week_of(key: SessionKey) -> str:
    """The week in which a session began, by its id: the date of the Monday, in UTC."""
    milliseconds = int(key[:8] + key[9:13], 16)
    began = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return (began.date() - timedelta(days=began.weekday())).isoformat()


def retires_at(week: str, longest: timedelta) -> datetime:
    """When the lists of a week are needed no longer, if no session lasts longer than `longest`."""
    return datetime.fromisoformat(week).replace(tzinfo=UTC) + _WEEK + longest
