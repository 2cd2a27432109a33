"""The limit of a policy: which sessions end so that one more may begin."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.domain.clock import to_text
from sojourn.domain.errors import SessionLimitReached
from sojourn.domain.ids import SessionKey
from sojourn.domain.session_policies import OpenSession, SessionLimit, ends_for_one_more
from tests.http.conftest import START

APPS = st.sampled_from([None, "web", "phone"])
INSTANTS = st.integers(0, 5).map(lambda hours: to_text(START + timedelta(hours=hours)))
LIMITS = st.builds(
    SessionLimit,
    st.integers(1, 6),
    st.sampled_from(["user", "user_app"]),
    st.sampled_from(["deny", "end_oldest", "end_idlest"]),
)
SESSIONS = st.lists(st.tuples(APPS, INSTANTS, INSTANTS), max_size=8).map(
    lambda rows: [OpenSession(SessionKey(f"{number}"), *row) for number, row in enumerate(rows)]
)


@given(limit=LIMITS, sessions=SESSIONS, app=APPS, place=st.integers(0, 8))
def test_with_one_more_there_are_never_more_than_the_limit(
    limit: SessionLimit, sessions: list[OpenSession], app: str | None, place: int
) -> None:
    spared = sessions[place].id if place < len(sessions) else None
    counted = [one for one in sessions if limit.per == "user" or one.app_id == app]
    is_callers_only = limit.most == 1 and spared in [one.id for one in counted]
    if len(counted) >= limit.most and (limit.on_limit == "deny" or is_callers_only):
        with pytest.raises(SessionLimitReached):
            ends_for_one_more(limit, sessions, app_id=app, spared=spared)
        return
    ended = ends_for_one_more(limit, sessions, app_id=app, spared=spared)
    left = [one for one in counted if one.id not in ended]
    assert len(left) < limit.most
    assert len(ended) == max(0, len(counted) + 1 - limit.most), "no more end than must"
    assert set(ended) <= {one.id for one in counted} - {spared}


@given(limit=LIMITS, sessions=SESSIONS, app=APPS)
def test_what_stays_is_younger_or_was_active_later(
    limit: SessionLimit, sessions: list[OpenSession], app: str | None
) -> None:
    if limit.on_limit == "deny":
        return
    ended = ends_for_one_more(limit, sessions, app_id=app, spared=None)

    def rank(one: OpenSession) -> str:
        return one.created_at if limit.on_limit == "end_oldest" else one.last_active_at

    counted = [one for one in sessions if limit.per == "user" or one.app_id == app]
    gone = [rank(one) for one in counted if one.id in ended]
    kept = [rank(one) for one in counted if one.id not in ended]
    assert not gone or not kept or max(gone) <= min(kept)


def test_a_denial_says_how_many_are_allowed() -> None:
    now = to_text(START)
    with pytest.raises(SessionLimitReached) as refused:
        ends_for_one_more(
            SessionLimit(1, "user", "deny"), [OpenSession(SessionKey("a"), None, now, now)], app_id="web", spared=None
        )
    assert refused.value.params == {"limit": 1}
