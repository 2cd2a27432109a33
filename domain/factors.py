"""The factors of a session: each method with which its user authenticated, and when it was last verified.

Most sessions say no more than their methods (`amr`), all of one instant. What is kept beside them begins where a caller
tells the times, or where the session's assurance is raised.
"""

import json
from collections.abc import Iterable
from typing import Any, Protocol

from sojourn.domain.clock import Instant
from sojourn.domain.sessions import MAX_METHODS

Factors = dict[str, Instant]
"""When each method was last verified, in the order of the methods."""


class Authenticated(Protocol):
    """As much of a session as its factors depend on."""

    @property
    def amr(self) -> str | None:
        """Its methods, joined by commas."""

    @property
    def authenticated_at(self) -> Instant:
        """When its user last authenticated."""

    @property
    def factors(self) -> str | None:
        """Its factors as they are stored; None where they are its methods, all of the same instant."""


def gathered(said: Iterable[tuple[str, Instant]]) -> Factors:
    """Factors as a caller says them; of a method that is named twice, the latest time."""
    found: Factors = {}
    for method, at in said:
        found[method] = max(at, found.get(method, at))
    return found


def raised(session: Authenticated, methods: Iterable[str], *, at: Instant) -> Factors:
    """The factors once some methods were verified at an instant. A time never goes back; the last methods are kept."""
    found = {part["method"]: part["verified_at"] for part in read(session.factors)}
    for method in session.amr.split(",") if session.amr else ():
        found.setdefault(method, session.authenticated_at)
    for method in methods:
        found[method] = max(at, found.get(method, at))
    return dict(list(found.items())[-MAX_METHODS:])


def write(factors: Factors) -> str | None:
    """The JSON that is stored, which is what responses show; None for none."""
    shown = [{"method": method, "verified_at": at} for method, at in factors.items()]
    return json.dumps(shown, separators=(",", ":")) if shown else None


def read(stored: str | None) -> list[dict[str, Any]]:
    """The factors that were stored, as responses show them."""
    found: list[dict[str, Any]] = [] if stored is None else json.loads(stored)
    return found
