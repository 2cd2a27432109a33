"""A session of another system, as a line of a file tells of it: the instants it may name, and the deadlines it gets."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sojourn.domain.clock import read_instant, to_text
from sojourn.domain.errors import ValidationFailed, Violation
from sojourn.domain.sessions import Deadlines, Timeouts


class Moments(NamedTuple):
    """When a session began, when its user authenticated, when it was used last, and when it ends by itself."""

    created_at: datetime
    authenticated_at: datetime
    last_active_at: datetime
    deadlines: Deadlines


def moments_of(line: Mapping[str, Any], now: datetime, *, timeouts: Timeouts) -> Moments:
    """The instants of a line that fits its schema. No deadline is later than `timeouts` allow.

    Raises ValidationFailed for instants to come, a last use before the beginning and an end that is not after it.
    """
    found = {name: read_instant(line[name]) for name in ("created_at", "last_active_at", "auth_time") if name in line}
    created = found["created_at"]
    violations = [
        Violation(name, "maximum", {"limit": to_text(now)}, line[name]) for name, at in found.items() if at > now
    ]
    last_active = found.get("last_active_at", created)
    end = read_instant(line["expires_at"]) if "expires_at" in line else None
    earliest = Violation("", "minimum", {"limit": to_text(created)})
    if last_active < created:
        violations.append(Violation("last_active_at", earliest.code, earliest.params, line["last_active_at"]))
    if end is not None and end <= created:
        violations.append(Violation("expires_at", earliest.code, earliest.params, line["expires_at"]))
    if violations:
        raise ValidationFailed(violations)
    absolute = created + timeouts.absolute if end is None else min(end, created + timeouts.absolute)
    deadlines = Deadlines(absolute, min(last_active + timeouts.idle, absolute))
    return Moments(created, found.get("auth_time", created), last_active, deadlines)


def identity_of(source: str, source_id: str) -> str:
    """What is remembered of a session that was taken: a hash of where it comes from and of its id there."""
    return hashlib.sha256(json.dumps(["import", source, source_id]).encode()).hexdigest()
