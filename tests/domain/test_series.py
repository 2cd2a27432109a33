"""Steps of time: each instant is in one of each size, and a window is made of whole ones."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.domain import series
from sojourn.domain.clock import from_text, to_text
from sojourn.domain.errors import ValidationFailed
from sojourn.domain.series import KEPT, MAX_POINTS, MAX_POINTS_SPLIT, STEPS, rise, window

NOW = datetime(2026, 4, 15, 8, 0, 30, tzinfo=UTC)
instants = st.datetimes(timezones=st.just(UTC))
near = st.integers(-(10**9), 10**9).map(lambda milliseconds: NOW + timedelta(milliseconds=milliseconds))
steps = st.sampled_from(sorted(STEPS))


@given(at=near, step=steps)
def test_every_instant_is_in_one_step(at: datetime, step: str) -> None:
    begin = series.begin_of(to_text(at), step)

    assert begin <= to_text(at) < series.following(begin, step)
    assert series.begin_of(begin, step) == begin


@given(since=st.none() | instants | near, until=st.none() | instants | near, step=steps, is_split=st.booleans())
def test_a_window_is_of_whole_steps_that_are_kept(
    since: datetime | None, until: datetime | None, step: str, *, is_split: bool
) -> None:
    most = MAX_POINTS_SPLIT if is_split else MAX_POINTS
    try:
        found = window(step, since=since, until=until, is_split=is_split, now=NOW)
    except ValidationFailed as refused:
        (violation,) = refused.violations
        if violation.code == "before":
            assert since is not None
            assert until is not None
            assert since >= until
        else:
            assert violation.params["points"] > violation.params["limit"] == most
        return
    points = found.points()
    assert len(points) <= most
    assert all(series.begin_of(at, step) == at for at in points)
    assert found.since >= NOW - KEPT[step] - STEPS[step]
    assert found.since <= found.until < max(NOW, found.since) + STEPS[step]


@given(at=near, step=steps)
def test_what_follows_an_instant_is_covered_without_a_gap_by_few_steps(at: datetime, step: str) -> None:
    begin = from_text(series.begin_of(to_text(at), step))

    parts = series.after(begin, step)

    assert parts[0][1] == to_text(begin)
    assert all(end == since for (_, _, end), (_, since, _) in pairwise(parts))
    assert parts[-1][0] == "24h"
    assert all(series.begin_of(since, name) == since for name, since, _ in parts)
    assert all(from_text(end) - from_text(since) <= timedelta(days=1) for _, since, end in parts[:-1])


@given(changes=st.lists(st.lists(st.integers(-9, 9), min_size=1, max_size=9), max_size=9))
def test_the_rise_of_steps_is_that_of_what_they_are_made_of(changes: list[list[int]]) -> None:
    level, most = 0, 0
    for change in (one for part in changes for one in part):
        level += change
        most = max(most, level)

    assert rise((sum(part), rise((one, 0) for one in part)) for part in changes) == most


def test_no_more_values_are_counted_apart_than_are_kept() -> None:
    values = series.Values([("app_id", "shop")])

    named = [values.named("app_id", f"app_{number}") for number in range(series.MAX_VALUES + 5)]

    assert named[: series.MAX_VALUES - 1] == [f"app_{number}" for number in range(series.MAX_VALUES - 1)]
    assert set(named[series.MAX_VALUES - 1 :]) == {series.OTHERS}
    assert values.named("app_id", "shop") == "shop"
    assert values.named("country", "FI") == "FI"


@pytest.mark.parametrize("step", STEPS)
def test_hours_and_days_are_kept_longer_than_what_they_are_made_of(step: str) -> None:
    assert KEPT[step] >= STEPS[step] * 100
