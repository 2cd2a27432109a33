"""The country in a place."""

import pytest

from sojourn.domain.places import country_of


@pytest.mark.parametrize(
    ("place", "country"),
    [("Turku, FI", "FI"), ("Washington, D.C., US", "US"), ("FI, SE", "SE"), ("Turku", None), ("", None), (None, None),
     ("Turku, Finland", None), ("Turku, fi", None)],
)  # fmt: skip
def test_a_country_is_the_code_behind_the_city(place: str | None, country: str | None) -> None:
    assert country_of(place) == country
