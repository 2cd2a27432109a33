"""The rules of token lifetimes: their bounds, and how long a token of unknown end is refused."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.domain.clock import to_text
from sojourn.domain.durations import format_duration
from sojourn.domain.errors import ValidationFailed
from sojourn.domain.ids import mint
from sojourn.domain.token_lifetimes import (
    LONGEST_LIFETIME,
    MAX_LEEWAY,
    SHORTEST_LIFETIME,
    Lifetimes,
    chance_of,
    end_of_access,
    end_of_refresh,
    read_lifetimes,
    retention,
)

instants = st.datetimes(datetime(2000, 1, 1), datetime(2199, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the bounds are naive
seconds = st.integers(0, 2 * int(LONGEST_LIFETIME.total_seconds())).map(lambda count: timedelta(seconds=count))
allowed = st.integers(2, int(LONGEST_LIFETIME.total_seconds())).map(lambda count: timedelta(seconds=count))
leeways = st.integers(0, 600).map(lambda count: timedelta(seconds=count))


@given(seconds, seconds, leeways)
def test_lifetimes_are_read_as_written_or_each_that_is_out_of_bounds_is_named(
    access: timedelta, refresh: timedelta, leeway: timedelta
) -> None:
    wrong = {
        *(["access_expiry"] if not SHORTEST_LIFETIME <= access <= LONGEST_LIFETIME else []),
        *(["refresh_expiry"] if not SHORTEST_LIFETIME <= refresh <= LONGEST_LIFETIME else []),
        *(["leeway"] if leeway > MAX_LEEWAY else []),
    } or ({"refresh_expiry"} if refresh < access else set())
    texts = [format_duration(span) for span in (access, refresh, leeway)]

    if not wrong:
        assert read_lifetimes(texts[0], texts[1], leeway=texts[2]) == Lifetimes(access, refresh, leeway)
        return
    with pytest.raises(ValidationFailed) as refused:
        read_lifetimes(texts[0], texts[1], leeway=texts[2])
    assert {violation.field for violation in refused.value.violations} == wrong


@pytest.mark.parametrize("text", ["", "1", "h", "-1h", "1 h", "1d"])
def test_a_text_that_is_no_duration_is_named_for_its_format(text: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        read_lifetimes("1h", text, leeway=text)

    assert [(violation.field, violation.code) for violation in refused.value.violations] == [
        ("refresh_expiry", "format"),
        ("leeway", "format"),
    ]


@pytest.mark.parametrize(
    ("name", "most"), [("access_expiry", "87600h"), ("refresh_expiry", "87600h"), ("leeway", "5m")]
)
def test_a_duration_that_is_longer_than_any_that_is_read_is_told_what_is_allowed_at_most(name: str, most: str) -> None:
    texts = {"access_expiry": "1h", "refresh_expiry": "2h", "leeway": "0s", name: "999999999999999h"}

    with pytest.raises(ValidationFailed) as refused:
        read_lifetimes(texts["access_expiry"], texts["refresh_expiry"], leeway=texts["leeway"])

    assert [(v.field, v.code, v.params) for v in refused.value.violations] == [(name, "maximum", {"limit": most})]


@given(instants, allowed, allowed, leeways, st.floats(0, 1))
def test_a_token_of_unknown_end_is_refused_for_longer_than_any_issued_now_can_live(
    now: datetime, access: timedelta, refresh: timedelta, leeway: timedelta, chance: float
) -> None:
    span = Lifetimes(access, refresh, leeway)
    far = datetime(9999, 1, 1, tzinfo=UTC)
    until = retention(now, span)

    assert until > end_of_access(now, access, session_end=None, chance=chance) + leeway
    assert until > end_of_refresh(now, refresh, session_end=far) + leeway


@given(instants)
def test_a_token_ends_as_early_as_its_id_says_and_always_the_same(now: datetime) -> None:
    token_id = mint("tok", now)

    assert 0 <= chance_of(token_id) <= 1
    assert chance_of(token_id) == chance_of(token_id)
    assert (chance_of("tok_0000"), chance_of("tok_ffff")) == (0, 1)


@given(instants, allowed, allowed, st.floats(0, 1))
def test_an_access_token_ends_within_its_session_and_at_most_a_twentieth_early(
    now: datetime, life: timedelta, left: timedelta, chance: float
) -> None:
    end = end_of_access(now, life, session_end=now + left, chance=chance)

    assert end.microsecond == 0
    assert to_text(end)[:19] >= to_text(now)[:19]
    assert end <= now + min(life, left)
    assert end > now + min(life * 0.95, left) - timedelta(seconds=1)
