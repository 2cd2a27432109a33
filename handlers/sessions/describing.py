"""What a caller says of a new session beyond its form: its factors, how long it lasts, its name and metadata."""

from datetime import timedelta
from typing import Any

from sojourn.domain import details, factors
from sojourn.domain.clock import Instant
from sojourn.domain.durations import MAX_DURATION, DurationTooLong, format_duration, parse_duration
from sojourn.domain.errors import ValidationFailed, Violation
from sojourn.domain.sessions import MAX_METHODS, Deadlines, methods_with, shortened
from sojourn.handlers.context import Context, Network
from sojourn.handlers.sessions.vouching import past_instant

SHORTEST = timedelta(seconds=1)
"""A session lasts at least as long."""


def assured(ctx: Context, body: dict[str, Any], *, authenticated_at: Instant) -> tuple[str | None, str | None]:
    """The methods and the factors of a session, as they are stored; a factor without a time is of the sign-in.

    Raises ValidationFailed for a time to come or before 1970, and where factors and `amr` name too many methods.
    """
    amr = ",".join(body["amr"]) if body.get("amr") else None
    if "factors" not in body:
        return amr, None
    said = []
    for number, part in enumerate(body["factors"]):
        field, at = f"factors[{number}].verified_at", part.get("verified_at")
        said.append((part["method"], authenticated_at if at is None else past_instant(ctx, at, field=field)))
    found = factors.gathered(said)
    methods = methods_with(amr, tuple(found))
    if len(methods) > MAX_METHODS:
        raise ValidationFailed([Violation("amr", "max_items", {"limit": MAX_METHODS}, body.get("amr"))])
    return ",".join(methods), factors.write(found)


def lasting(ctx: Context, said: str | None, *, deadlines: Deadlines) -> Deadlines:
    """The deadlines of a session for which a caller wants a shorter life; what is longer than allowed changes nothing.

    Raises ValidationFailed for less than a second.
    """
    if said is None:
        return deadlines
    try:
        duration = parse_duration(said)
    except DurationTooLong:
        duration = MAX_DURATION
    if duration < SHORTEST:
        raise ValidationFailed([Violation("expires_in", "minimum", {"limit": format_duration(SHORTEST)}, said)])
    return shortened(deadlines, ctx.now + duration)


def described(body: dict[str, Any], network: Network | None) -> str | None:
    """What few sessions have, as it is stored."""
    organisation = None if network is None else network.organisation
    if organisation is None and "name" not in body and "metadata" not in body:
        return None
    return details.write(
        {details.AS_ORG: organisation, details.NAME: body.get("name"), details.METADATA: body.get("metadata")}
    )
