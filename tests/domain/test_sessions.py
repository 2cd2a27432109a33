"""The rules of a session: its deadlines, and what it is at an instant."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.domain.clock import to_text
from sojourn.domain.sessions import (
    MFA,
    Timeouts,
    amr_with_mfa,
    deadlines_at_creation,
    effective_end,
    idle_deadline_after_activity,
    is_active,
    is_open,
    status_of,
)

instants = st.datetimes(datetime(2000, 1, 1), datetime(2199, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the bounds are naive
positive = st.timedeltas(timedelta(microseconds=1), timedelta(days=36500))


@st.composite
def timeouts(draw: st.DrawFn) -> Timeouts:
    """Any time-outs that the rule allows."""
    shorter, longer = sorted((draw(positive), draw(positive)))
    return Timeouts(idle=shorter, absolute=longer)


@dataclass(frozen=True)
class Session:
    """As much of a session as its status depends on."""

    expires_at: str
    idle_expires_at: str
    revoked_at: str | None
    suspended_until: str | None = None
    suspended_then: str | None = None


texts = instants.map(to_text)
sessions = st.builds(Session, texts, texts, st.none() | texts)
suspended_sessions = st.builds(
    Session, texts, texts, st.none(), texts.map(str), st.sampled_from(["reactivate", "revoke"])
)


@given(st.timedeltas(), st.timedeltas())
def test_time_outs_are_positive_and_the_idle_one_is_the_shorter(idle: timedelta, absolute: timedelta) -> None:
    if timedelta(0) < idle <= absolute:
        assert Timeouts(idle, absolute).idle == idle
    else:
        with pytest.raises(ValueError, match="0 < idle <= absolute"):
            Timeouts(idle, absolute)


@given(instants, timeouts())
def test_a_new_session_is_active_and_its_idle_deadline_is_never_the_later_one(now: datetime, limits: Timeouts) -> None:
    deadlines = deadlines_at_creation(now, limits)

    assert now < deadlines.idle_expires_at <= deadlines.expires_at
    assert (deadlines.idle_expires_at - now, deadlines.expires_at - now) == (limits.idle, limits.absolute)


@given(instants, timeouts(), st.data())
def test_no_activity_moves_the_idle_deadline_past_the_absolute_one(
    now: datetime, limits: Timeouts, data: st.DataObject
) -> None:
    end = deadlines_at_creation(now, limits).expires_at
    earlier, later = sorted(data.draw(st.datetimes(now.replace(tzinfo=None), end.replace(tzinfo=None))) for _ in "ab")
    first = idle_deadline_after_activity(earlier.replace(tzinfo=UTC), end, timeouts=limits)
    second = idle_deadline_after_activity(later.replace(tzinfo=UTC), end, timeouts=limits)

    assert first <= second <= end
    assert second == end or second - later.replace(tzinfo=UTC) == limits.idle


@given(sessions, texts)
def test_revocation_outlasts_expiry_and_a_deadline_is_exclusive(session: Session, now: str) -> None:
    found = status_of(session, now)

    assert (found == "revoked") == (session.revoked_at is not None)
    assert is_active(session, now) == (found == "active")
    if session.revoked_at is None:
        assert (found == "active") == (now < effective_end(session))


@given(sessions)
def test_at_its_end_a_session_is_no_longer_active(session: Session) -> None:
    assert not is_active(session, effective_end(session))


@given(sessions, texts, texts)
def test_what_has_ended_does_not_begin_again(session: Session, one: str, other: str) -> None:
    earlier, later = sorted((one, other))

    assert is_active(session, earlier) or not is_active(session, later)


@given(suspended_sessions, texts)
def test_a_suspension_refuses_until_it_is_over_and_moves_no_deadline(session: Session, now: str) -> None:
    until, end = session.suspended_until or "", effective_end(session)
    found = status_of(session, now)

    if session.suspended_then == "revoke" and until < end and until <= now:
        assert found == "revoked"
    elif end <= now:
        assert found == "expired"
    else:
        assert found == ("suspended" if now < until else "active")


@given(suspended_sessions, texts, texts)
def test_what_has_ended_after_a_suspension_stays_as_it_is(session: Session, one: str, other: str) -> None:
    earlier, later = sorted((one, other))

    assert is_open(session, earlier) or status_of(session, later) == status_of(session, earlier)


@given(sessions)
def test_a_session_ends_at_the_earlier_of_its_deadlines(session: Session) -> None:
    ends = {session.expires_at, session.idle_expires_at}

    assert effective_end(session) in ends
    assert all(effective_end(session) <= end for end in ends)


@given(st.lists(st.sampled_from(["pwd", "otp", "hwk", MFA, "mfa2", "xmfa"]), unique=True))
def test_mfa_is_added_once_and_after_what_was_there(methods: list[str]) -> None:
    marked = amr_with_mfa(",".join(methods) or None)

    assert marked.split(",") == (methods if MFA in methods else [*methods, MFA])
    assert amr_with_mfa(marked) == marked
