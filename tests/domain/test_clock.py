"""Instants have one text form, which sorts like time."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.domain.clock import (
    SECOND_LOOK_SECONDS,
    STEP_SECONDS,
    Reading,
    TrustedTime,
    day_of,
    from_text,
    to_text,
    utc_now,
)

ZONES = st.timezones() | st.just(UTC)
instants = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29), timezones=ZONES)  # noqa: DTZ001 - the bounds are naive


@given(instants)
def test_a_text_is_read_back_to_the_millisecond(instant: datetime) -> None:
    read = from_text(to_text(instant))

    assert read.utcoffset() == timedelta(0)
    assert timedelta(0) <= instant.astimezone(UTC) - read < timedelta(milliseconds=1)
    assert to_text(read) == to_text(instant)


@given(instants, instants)
def test_texts_sort_like_the_instants_they_name(one: datetime, other: datetime) -> None:
    earlier, later = sorted((one, other), key=lambda instant: instant.astimezone(UTC))

    assert to_text(earlier) <= to_text(later)


@given(instants)
def test_a_text_has_24_characters_and_the_form_of_rfc_3339(instant: datetime) -> None:
    text = to_text(instant)

    assert len(text) == 24
    assert text == instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert day_of(instant) == text[:10]


@given(instants, st.data())
def test_an_instant_has_the_same_text_in_every_zone(instant: datetime, data: st.DataObject) -> None:
    assert to_text(instant.astimezone(data.draw(ZONES))) == to_text(instant)


OTHER_FORMS = (
    "",
    "now",
    "2026-04-15",
    "2026-04-15T08:00:00",
    "2026-04-15T08:00:00Z",
    "2026-04-15T08:00:00.123",
    "2026-04-15 08:00:00.123Z",
    "2026-04-15T08:00:00,123Z",
    "2026-W16-3T08:00:00.123Z",
    "2026-04-15T08:00:00.123456Z",
    "2026-04-15T08:00:00.123+00:00",
    "2026-02-30T08:00:00.123Z",
    "2026-04-15T24:00:00.000Z",
    "2026-04-15T08:00:60.000Z",
    "２026-04-15T08:00:00.123Z",
    "2026-04-15T08:00:00.123Z\n",
)


@pytest.mark.parametrize("text", OTHER_FORMS)
def test_a_text_of_any_other_form_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        from_text(text)


@given(st.text() | instants.map(datetime.isoformat))
def test_whatever_is_read_is_what_would_be_written(text: str) -> None:
    try:
        read = from_text(text)
    except ValueError:
        return
    assert to_text(read) == text


def test_now_is_aware_and_in_utc() -> None:
    assert utc_now().tzinfo is UTC


class Machine:
    """A machine with two clocks: one that anybody may set, and one that nobody does."""

    def __init__(self, wall: float = 1_800_000_000.0) -> None:
        self.steady = 5_000.0
        self.wall = wall
        self.right = wall

    def run(self, seconds: float) -> None:
        self.steady += seconds
        self.wall += seconds
        self.right += seconds

    @property
    def reading(self) -> Reading:
        return Reading(self.wall, self.steady)


steps = st.floats(-1e7, 1e7).filter(lambda seconds: abs(seconds) > STEP_SECONDS + 1)


@given(st.lists(st.tuples(steps, st.floats(0, 50)), max_size=8), st.floats(0.01, 100))
def test_no_reading_of_a_clock_that_was_set_and_set_back_moves_the_time(
    faults: list[tuple[float, float]], between: float
) -> None:
    machine = Machine()
    time = TrustedTime(machine.reading)
    for step, seconds in faults:
        machine.run(between)
        machine.wall += step
        for _ in range(3):
            assert abs(time.at(machine.reading) - machine.right) <= STEP_SECONDS
            machine.run(seconds / 3)
        assert not time.has_lasted(machine.steady) or seconds >= SECOND_LOOK_SECONDS
        machine.wall -= step
        assert time.at(machine.reading) == machine.wall
        assert time.doubt is None
    assert time.steps == len(faults)


@given(steps, st.floats(0, 1e6))
def test_a_step_that_lasts_is_believed_at_the_second_look(step: float, slept: float) -> None:
    machine = Machine()
    time = TrustedTime(machine.reading)
    machine.wall += step
    machine.steady += 1
    time.at(machine.reading)
    assert not time.has_lasted(machine.steady)
    machine.run(SECOND_LOOK_SECONDS + slept)
    time.at(machine.reading)

    assert time.has_lasted(machine.steady)
    assert time.believe() == pytest.approx(step, abs=1.1)
    assert time.at(machine.reading) == machine.wall
    assert time.doubt is None


@given(steps, steps)
def test_a_second_step_begins_the_wait_anew(one: float, other: float) -> None:
    machine = Machine()
    time = TrustedTime(machine.reading)
    machine.wall += one
    time.at(machine.reading)
    machine.run(SECOND_LOOK_SECONDS - 1)
    machine.wall += other
    time.at(machine.reading)
    machine.run(2)
    time.at(machine.reading)

    assert not time.has_lasted(machine.steady)


@pytest.mark.parametrize(
    ("before", "now", "verdict"),
    [
        (0.0, 0.0, False),  # it stands where the wall clock stood
        (None, 0.0, False),
        (3600.0, 3600.0, True),  # it has long stood where the wall clock is now
        (None, 3600.0, None),  # it may have stepped with the wall clock
        (0.0, 3600.0, None),  # it did
        (900.0, 900.0, None),  # it agrees with neither
    ],
)
def test_another_clock_confirms_a_step_denies_it_or_cannot_tell(
    before: float | None, now: float, verdict: bool | None
) -> None:
    machine = Machine()
    time = TrustedTime(machine.reading)
    usual = machine.wall - machine.steady
    machine.wall += 3600
    time.at(machine.reading)

    assert time.confirmed_by(usual + now, before=None if before is None else usual + before) is verdict


@given(st.lists(st.floats(-STEP_SECONDS + 0.1, STEP_SECONDS - 0.1), max_size=20))
def test_small_corrections_are_followed(corrections: list[float]) -> None:
    machine = Machine()
    time = TrustedTime(machine.reading)
    for correction in corrections:
        machine.run(1)
        machine.wall += correction
        assert time.at(machine.reading) == machine.wall
    assert time.steps == 0
