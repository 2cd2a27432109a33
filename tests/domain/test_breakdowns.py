"""A breakdown by a free text is bounded, and its sum is that of all."""

from hypothesis import given
from hypothesis import strategies as st

from sojourn.domain.breakdowns import MAX_KINDS, OTHER, largest

NUMBERS = st.dictionaries(st.sampled_from(["other", *"abcdefgh"]), st.integers(0, 9))


@given(NUMBERS, st.integers(1, 10))
def test_a_breakdown_has_at_most_so_many_kinds_and_loses_nothing(numbers: dict[str, int], limit: int) -> None:
    found = largest(numbers, limit)

    assert len(found) <= limit
    assert sum(found.values()) == sum(numbers.values())
    assert all(found[key] == numbers[key] for key in found if key != OTHER)
    assert len(numbers) > limit or found == numbers


@given(NUMBERS)
def test_what_is_left_out_is_no_larger_than_what_is_kept(numbers: dict[str, int]) -> None:
    found = largest(numbers, 3)
    left_out = [numbers[key] for key in numbers if key not in found and key != OTHER]

    assert max(left_out, default=0) <= min((value for key, value in found.items() if key != OTHER), default=9)


def test_a_thousand_and_one_kinds_fit_the_contract() -> None:
    assert len(largest({f"kind{number}": 1 for number in range(MAX_KINDS + 1)})) == MAX_KINDS
