"""A simulation foretells what the rule does, sign-in by sign-in."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from sojourn.domain.clock import Instant, to_text
from sojourn.domain.errors import SessionLimitReached
from sojourn.domain.ids import SessionKey
from sojourn.domain.policy_simulations import PastSession, above_limit, replayed
from sojourn.domain.session_policies import OpenSession, SessionLimit, ends_for_one_more
from tests.domain.test_session_policies import APPS, LIMITS, SESSIONS
from tests.http.conftest import START


def at(hours: int) -> Instant:
    return to_text(START + timedelta(hours=hours))


HISTORIES = st.lists(
    st.tuples(APPS, st.integers(0, 9), st.integers(0, 4), st.none() | st.integers(1, 9)), max_size=10
).map(
    lambda rows: [
        PastSession(SessionKey(str(n)), app, at(begin), at(begin + used), None if lasts is None else at(begin + lasts))
        for n, (app, begin, used, lasts) in enumerate(rows)
    ]
)


@given(limit=LIMITS, sessions=SESSIONS, app=APPS)
def test_what_is_above_the_limit_ends_first_at_the_next_sign_in(
    limit: SessionLimit, sessions: list[OpenSession], app: str | None
) -> None:
    above = above_limit(limit, sessions)
    if limit.on_limit == "deny":
        assert above == []
        return
    counted = [one.id for one in sessions if limit.per == "user" or one.app_id == app]
    ended = ends_for_one_more(limit, sessions, app_id=app, spared=None)
    assert [key for key in above if key in counted] == ended[: max(0, len(counted) - limit.most)]


@given(limit=LIMITS, history=HISTORIES, since=st.integers(0, 9).map(at))
def test_what_is_replayed_is_what_the_rule_does_one_by_one(
    limit: SessionLimit, history: list[PastSession], since: Instant
) -> None:
    left: list[PastSession] = []
    denied = ended = 0
    for one in sorted(history, key=lambda one: (one.created_at, one.id)):
        left = [other for other in left if other.ended_at is None or other.ended_at > one.created_at]
        if one.created_at >= since:
            now_open = [OpenSession(*other[:4]) for other in left]
            try:
                gone = ends_for_one_more(limit, now_open, app_id=one.app_id, spared=None)
            except SessionLimitReached:
                denied += 1
                continue
            ended += len(gone)
            left = [other for other in left if other.id not in gone]
        left.append(one)
    assert replayed(limit, history, since=since) == (denied, ended)
