"""Instants have one text form, which sorts like time."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.domain.clock import day_of, from_text, to_text, utc_now

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
