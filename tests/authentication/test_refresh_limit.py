"""How often a session may refresh, and that no session is remembered for longer than that takes."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from sojourn.authentication.refresh_limit import RefreshLimit
from sojourn.domain.errors import RateLimited
from sojourn.domain.ids import SessionKey, TenantId

BEGIN = datetime(2026, 4, 15, 8, 0, tzinfo=UTC)
ACME = TenantId("acme")
WINDOW = timedelta(minutes=1)


def is_permitted(limit: RefreshLimit, session: str, now: datetime) -> bool:
    try:
        limit.permit(ACME, SessionKey(session), now=now)
    except RateLimited:
        return False
    return True


def test_sessions_whose_window_is_over_are_not_kept() -> None:
    limit = RefreshLimit(10, WINDOW)

    for second in range(5_000):
        assert is_permitted(limit, f"session-{second}", BEGIN + timedelta(seconds=second))
        assert len(limit) <= 61

    assert is_permitted(limit, "later", BEGIN + timedelta(days=1))


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 40)), max_size=80))
def test_what_is_forgotten_changes_no_decision(refreshes: list[tuple[str, int]]) -> None:
    limit, now = RefreshLimit(2, WINDOW), BEGIN
    windows: dict[str, tuple[datetime, int]] = {}

    for session, pause in refreshes:
        now += timedelta(seconds=pause)
        start, used = windows.get(session, (now, 0))
        if now >= start + WINDOW:
            start, used = now, 0
        assert is_permitted(limit, session, now) == (used < 2)
        if used < 2:
            windows[session] = start, used + 1


def test_a_crowd_that_came_once_is_forgotten_by_those_who_come_later() -> None:
    limit = RefreshLimit(10, WINDOW)
    for number in range(1_000):
        is_permitted(limit, f"crowd-{number}", BEGIN)

    for number in range(1_000):
        is_permitted(limit, "one", BEGIN + WINDOW + timedelta(milliseconds=number))

    assert len(limit) == 1
