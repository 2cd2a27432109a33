"""Cursors of lists of sessions: where a walk goes on, and of which list it is a place.

To callers a cursor is opaque. It is no secret and opens nothing: every list is read for its caller's tenant, whatever
a cursor says. It is tied to its list so that a mistake (another tenant, another filter) is refused and not answered.
"""

import hashlib
import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Any, NamedTuple

from sojourn.domain.clock import Instant, from_text
from sojourn.domain.ids import SessionKey
from sojourn.domain.paging import MOST_LOOKED_AT

_KEY = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_DIGITS = 16
_MAX_SHOWN = 2**53 - 1


class Place(NamedTuple):
    """Behind which session a walk goes on, and how many sessions it has shown.

    In the order of activity also: when that session was last active, the newest and the oldest session among which the
    walk looks, and how many those were at its first step.
    """

    after: SessionKey
    shown: int
    last_active_at: Instant | None = None
    newest: SessionKey | None = None
    oldest: SessionKey | None = None
    window: int | None = None


def list_name(tenant_id: str, wanted: Mapping[str, Any], *, sort: str) -> str:
    """What tells a list from any other: 16 hexadecimal digits, of its tenant, its filters (None: not one) and order."""
    filters = sorted((name, value) for name, value in wanted.items() if value is not None)
    return hashlib.sha256(json.dumps([tenant_id, filters, sort]).encode()).hexdigest()[:_DIGITS]


def write_cursor(name: str, place: Place) -> str:
    """The cursor of a place in the list that has this name: URL-safe text."""
    parts = [name, *place]
    while parts[-1] is None:
        parts.pop()
    return urlsafe_b64encode(json.dumps(parts, separators=(",", ":")).encode()).rstrip(b"=").decode()


def read_cursor(name: str, text: str) -> Place:
    """The place that a cursor is. Raises ValueError for a text that is no cursor of the list that has this name."""
    try:
        parts = json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except RecursionError:
        raise ValueError("not a cursor") from None
    if not isinstance(parts, list) or len(parts) not in (3, 7) or parts[0] != name:
        raise ValueError("not a cursor of this list")
    place = Place(*parts[1:])
    keys = [place.after, *([place.newest, place.oldest] if len(parts) == 7 else [])]
    if not all(isinstance(key, str) and _KEY.fullmatch(key) for key in keys):
        raise ValueError("not a cursor of this list")
    if type(place.shown) is not int or not 0 <= place.shown <= _MAX_SHOWN:
        raise ValueError("not a cursor of this list")
    if len(parts) == 7 and (type(place.window) is not int or not 1 <= place.window <= MOST_LOOKED_AT):
        raise ValueError("not a cursor of this list")
    if place.last_active_at is not None:
        from_text(str(place.last_active_at))
    return place
