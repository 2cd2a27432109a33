"""Where an address is, as sessions keep it: `City, CC`, the country by its code of two letters (ISO 3166-1 alpha-2)."""

import re

_PLACE = re.compile(r".*, ([A-Z]{2})", re.DOTALL)


def country_of(place: str | None) -> str | None:
    """The country's code in a place; None where none is known."""
    found = None if place is None else _PLACE.fullmatch(place)
    return None if found is None else found[1]
