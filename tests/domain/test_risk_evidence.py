"""Evidence: what is new, impossible, many, weak or old about a session, and what each of them needs to be told."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.domain.clock import from_text, to_text
from sojourn.domain.endings import REUSE
from sojourn.domain.ids import uuid7
from sojourn.domain.risk import Evidence, factors, score
from sojourn.domain.risk_evidence import SeenSession, evidence, network

NOW = "2026-04-15T12:00:00.000Z"


def ago(**span: float) -> str:
    """An instant before NOW."""
    return to_text(from_text(NOW) - timedelta(**span))


def seen(at: str = NOW, authenticated_at: str | None = None, **facts: Any) -> SeenSession:
    """A session of ann begun at `at`, and active for a day."""
    end = to_text(from_text(at) + timedelta(days=1))
    fields = {"authenticated_at": authenticated_at or at, "expires_at": end, "idle_expires_at": end, **facts}
    return SeenSession(id=uuid7(from_text(at)), user_id="ann", created_at=at, **fields)


def found(session: SeenSession, *others: SeenSession, trusts: bool = False) -> Evidence:
    """The evidence for a session NOW."""
    return evidence(session, others, trusts_device=trusts, now=NOW)


def test_a_first_session_has_nothing_against_it() -> None:
    first = seen(device_id="d", device_fingerprint="f", ip="192.0.2.1", geoip="Berlin, DE")

    assert found(first) == found(first, first) == Evidence()


def test_later_sessions_take_no_newness_away() -> None:
    session = seen(ago(hours=2), device_id="new")
    before, after = seen(ago(hours=3), device_id="old"), seen(ago(hours=1), device_id="new")

    assert found(session, before, after).new_device == 1


@pytest.mark.parametrize(
    ("facts", "earlier", "is_new"),
    [
        ({"device_id": "a"}, {"device_id": "b"}, 1),
        ({"device_id": "a"}, {"device_id": "a"}, 0),
        ({"device_fingerprint": "a"}, {"device_fingerprint": "b"}, 1),
        ({"device_fingerprint": "a", "device_id": "x"}, {"device_fingerprint": "b", "device_id": "x"}, 0),
        ({"device_fingerprint": "a"}, {"device_id": "a"}, 0),
        ({"device_id": "a"}, {}, 0),
        ({}, {"device_id": "a"}, 0),
    ],
)
def test_a_device_is_new_when_none_of_its_names_was_seen(
    facts: dict[str, str], earlier: dict[str, str], is_new: int
) -> None:
    session, before = seen(**facts), seen(ago(days=2), **earlier)

    assert found(session, before).new_device == is_new
    assert found(session, before, trusts=True).new_device == 0


@pytest.mark.parametrize(
    ("ip", "earlier", "is_new"),
    [
        ("192.0.2.1", "192.0.2.200", 0),
        ("192.0.2.1", "192.0.3.1", 1),
        ("::ffff:192.0.2.1", "192.0.2.9", 0),
        ("2001:db8:1:2::1", "2001:db8:1:ffff::9", 0),
        ("2001:db8:1::1", "2001:db8:2::1", 1),
        (None, "192.0.2.1", 0),
        ("192.0.2.1", None, 0),
        ("no address", "192.0.2.1", 0),
        ("192.0.2.1", "no address", 0),
    ],
)
def test_a_network_is_new_by_its_24_or_48_leading_bits(ip: str | None, earlier: str | None, is_new: int) -> None:
    assert found(seen(ip=ip), seen(ago(days=2), ip=earlier)).new_network == is_new


def test_a_network_is_told_of_any_text() -> None:
    assert network("192.0.2.77") == "192.0.2.0/24"
    assert network("2001:db8:1:2::1") == "2001:db8:1::/48"
    assert network("") is None


@pytest.mark.parametrize(
    ("place", "newness"),
    [("Berlin, DE", 0), ("Hamburg, DE", 1), ("Paris, FR", 2), (None, 0)],
)
def test_a_place_is_newer_abroad_than_at_home(place: str | None, newness: int) -> None:
    assert found(seen(geoip=place), seen(ago(days=2), geoip="Berlin, DE"), seen(ago(days=3))).new_place == newness


@pytest.mark.parametrize(
    ("place", "hours", "travel"),
    [
        ("Berlin, DE", 0.5, 0),
        ("Hamburg, DE", 0.5, 1),
        ("Hamburg, DE", 1.5, 0),
        ("Paris, FR", 1, 3),
        ("Paris, FR", 2, 2),
        ("Paris, FR", 3, 2),
        ("Paris, FR", 3.1, 0),
        (None, 0.5, 0),
    ],
)
def test_travel_is_judged_by_sign_ins_in_differing_places(place: str | None, hours: float, travel: int) -> None:
    assert found(seen(geoip=place), seen(ago(hours=hours), geoip="Berlin, DE")).travel == travel


def test_an_hour_is_unusual_only_after_ten_sessions_and_more_than_an_hour_away() -> None:
    morning = [seen(ago(days=day, hours=4)) for day in range(1, 11)]

    assert found(seen(), *morning).unusual_hour == 1
    assert found(seen(), *morning[1:]).unusual_hour == 0
    assert found(seen(ago(hours=3)), *morning).unusual_hour == 0


def test_hours_are_near_each_other_over_midnight() -> None:
    late = [seen(ago(days=day, minutes=1)) for day in range(1, 11)]
    shifted = [session._replace(authenticated_at=f"{session.created_at[:11]}23:30:00.000Z") for session in late]

    assert found(seen(authenticated_at="2026-04-15T00:10:00.000Z"), *shifted).unusual_hour == 0


@pytest.mark.parametrize(
    ("amr", "is_single"),
    [
        ("pwd", 1),
        ("password", 1),
        ("pwd,pin", 1),
        ("pwd,unheard-of", 1),
        ("hwk", 1),
        ("pwd,otp", 0),
        ("password,totp", 0),
        ("hwk,face", 0),
        ("pwd,mfa", 0),
        ("mfa", 0),
        ("federated", 0),
        (None, 0),
    ],
)
def test_methods_of_one_kind_are_a_single_factor(amr: str | None, is_single: int) -> None:
    assert found(seen(amr=amr)).single_factor == is_single


def test_an_authentication_grows_old_until_the_session_ends() -> None:
    begun = ago(hours=20)

    assert found(seen(begun)).hours_since_authentication == 20
    assert found(seen(begun, idle_expires_at=ago(hours=16))).hours_since_authentication == 4
    assert found(seen(begun, revoked_at=ago(hours=19))).hours_since_authentication == 1
    assert found(seen(begun, authenticated_at=ago(minutes=59))).hours_since_authentication == 0


def test_only_other_active_sessions_are_parallel() -> None:
    active, ended = seen(ago(hours=1)), seen(ago(hours=1), revoked_at=ago(minutes=1), revoked_by="ann")

    assert found(seen(), active, ended, seen(ago(days=3))).parallel_sessions == 1


def test_a_user_who_signs_out_is_no_danger() -> None:
    own = seen(ago(hours=2), revoked_at=ago(hours=1), revoked_by="ann")
    foreign = seen(ago(hours=2), revoked_at=ago(hours=1), revoked_by="root")
    long_ago = seen(ago(days=3), revoked_at=ago(days=2), revoked_by="root")

    assert found(seen(), own, foreign, long_ago).foreign_revocations == 1


def test_reuse_is_remembered_for_a_week_and_counts_for_the_session_itself() -> None:
    def reused(at: str) -> SeenSession:
        return seen(at, revoked_at=at, revoked_by="sojourn", reason_code=REUSE.code)

    assert found(seen(), reused(ago(days=7)), reused(ago(days=7, seconds=1))).reuses == 1
    assert found(reused(ago(days=1))).reuses == 1


maybe = st.sampled_from
sessions = st.builds(
    lambda hours, facts: seen(ago(hours=hours), **facts),
    st.integers(1, 200),
    st.fixed_dictionaries(
        {
            "amr": maybe([None, "pwd", "pwd,otp", "x"]),
            "device_id": maybe([None, "a", "b"]),
            "device_fingerprint": maybe([None, "f", "g"]),
            "ip": maybe([None, "192.0.2.1", "198.51.100.1", "2001:db8::1", "nowhere"]),
            "geoip": maybe([None, "Berlin, DE", "Hamburg, DE", "Paris, FR", "Nowhere"]),
        }
    ),
)


@given(sessions, st.lists(sessions, max_size=14), st.booleans(), st.randoms(use_true_random=False))
def test_the_same_rows_give_the_same_evidence_in_any_order(
    session: SeenSession, others: list[SeenSession], trusts: bool, chance: object
) -> None:
    mixed = list(others)
    chance.shuffle(mixed)  # type: ignore[attr-defined]

    assert found(session, *mixed, trusts=trusts) == found(session, *others, trusts=trusts)
    assert 0 <= score(factors(found(session, *mixed, trusts=trusts))) <= 100


def reused_elsewhere(session: SeenSession, others: list[SeenSession]) -> Evidence:
    ended = {"revoked_at": ago(minutes=1), "revoked_by": "sojourn", "reason_code": REUSE.code}
    return found(session, others[0]._replace(**ended), *others[1:])


def one_more_active(session: SeenSession, others: list[SeenSession]) -> Evidence:
    return found(session, *others, seen(ago(minutes=1)))


def one_factor_only(session: SeenSession, others: list[SeenSession]) -> Evidence:
    return found(session._replace(amr="pwd"), *others)


def authenticated_a_day_before(session: SeenSession, others: list[SeenSession]) -> Evidence:
    day_before = to_text(from_text(session.authenticated_at) - timedelta(days=1))
    return found(session._replace(authenticated_at=day_before), *others)


def signed_in_abroad_just_before(session: SeenSession, others: list[SeenSession]) -> Evidence:
    instant = from_text(session.created_at)
    far_hour = to_text(instant - timedelta(hours=12))
    return found(session, *others, seen(to_text(instant - timedelta(minutes=5)), far_hour, geoip="Rome, IT"))


@given(
    sessions,
    st.lists(sessions, min_size=1, max_size=14),
    maybe(
        [
            reused_elsewhere,
            one_more_active,
            one_factor_only,
            authenticated_a_day_before,
            signed_in_abroad_just_before,
        ]
    ),
)
def test_a_risk_that_is_added_to_the_rows_never_lowers_the_score(
    session: SeenSession, others: list[SeenSession], add: Callable[[SeenSession, list[SeenSession]], Evidence]
) -> None:
    assert score(factors(add(session, others))) >= score(factors(found(session, *others)))
