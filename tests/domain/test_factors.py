"""The factors of a session: the law that times never go back, whatever is raised."""

from typing import Any, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from sojourn.domain import details, factors
from sojourn.domain.sessions import MAX_METHODS

METHODS = st.sampled_from([f"m{number}" for number in range(20)])
TIMES = st.integers(0, 9).map(lambda second: f"2026-04-15T08:00:0{second}.000Z")


class Authenticated(NamedTuple):
    amr: str | None
    authenticated_at: Any
    factors: str | None


@given(st.lists(st.tuples(METHODS, TIMES), max_size=MAX_METHODS), st.lists(METHODS, max_size=3), TIMES, TIMES)
def test_what_is_raised_has_at_least_the_times_of_before_and_those_of_now(
    said: list[tuple[str, Any]], methods: list[str], at: Any, since: Any
) -> None:
    before = factors.gathered(said)
    after = factors.raised(Authenticated(",".join(before) or None, since, factors.write(before)), methods, at=at)

    assert len(after) <= MAX_METHODS
    assert all(after[method] >= at for method in methods)
    assert all(after[method] >= time for method, time in before.items() if method in after)
    assert {part["method"]: part["verified_at"] for part in factors.read(factors.write(after))} == after


@given(st.dictionaries(st.text(max_size=9), st.text(max_size=9), max_size=3))
def test_metadata_is_read_as_it_was_written(metadata: dict[str, str]) -> None:
    written = details.write({details.AS_ORG: None, details.METADATA: metadata})

    assert details.read(written) == ({details.METADATA: metadata} if metadata else {})
