"""A session that is used from elsewhere than where it began, and what a tenant wants done then."""

from typing import Literal, NamedTuple

Bind = Literal["off", "report", "end"]


class Place(NamedTuple):
    """Where an address is: the number of its network (RFC 6793) and the code of its country; None where unknown."""

    asn: int | None
    country: str | None


class Binding(NamedTuple):
    """What happens where a session is used from another network or country; None was left out and is off.

    The fields are those of `Place`.
    """

    asn: Bind | None = None
    country: Bind | None = None


NO_BINDING = Binding()
"""Of a tenant that binds no session."""


class Move(NamedTuple):
    """What a use from elsewhere leads to, and the fields of `Place` for which it does."""

    outcome: Literal["ended", "reported"]
    changed: tuple[str, ...]


def elsewhere(first: Place, now: Place) -> tuple[str, ...]:
    """What is known to be another now than where the session began. What is unknown is no other."""
    pairs = zip(Place._fields, first, now, strict=True)
    return tuple(name for name, one, other in pairs if one is not None and other is not None and one != other)


def judge_move(binding: Binding, first: Place, *, before: Place, now: Place) -> Move | None:
    """What a use leads to that comes from `now`, where the one before came from `before`; None for nothing.

    A session that is bound by its end ends. Else each change is reported once: what is the same as at the use before
    was reported then, or was not to be.
    """
    others = elsewhere(first, now)
    if ends := tuple(name for name in others if getattr(binding, name) == "end"):
        return Move("ended", ends)
    told = [name for name in others if getattr(binding, name) == "report"]
    changed = tuple(name for name in told if getattr(before, name) != getattr(now, name))
    return Move("reported", changed) if changed else None
