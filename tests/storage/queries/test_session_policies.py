"""A tenant's policy in storage, and one session more; each has its twin "in another tenant"."""

import pytest

from sojourn.domain.errors import SessionLimitReached
from sojourn.domain.session_policies import NO_POLICY, SessionLimit, SessionPolicy
from sojourn.domain.values import Tenant
from sojourn.storage.queries import session_policies, sessions, suspensions
from sojourn.storage.touches import Touch
from sojourn.storage.unit_of_work import UnitOfWork
from tests.storage.conftest import ACME, END, IDLE, NOISE, T0, T1, T2, Store, new_session

ONE = SessionLimit(1, "user", "end_idlest")


def changed(store: Store, limit: SessionLimit | None, tenant: Tenant = ACME) -> SessionPolicy:
    async def change(unit: UnitOfWork) -> SessionPolicy:
        before = await session_policies.get_alone(unit)
        return await session_policies.change(unit, before, limit=limit, now=T0, by="root", initiated_by="admin")

    return store.write(change, tenant)


def test_a_policy_is_found_as_it_was_written_and_its_version_never_goes_back(store: Store) -> None:
    assert store.read(session_policies.get) == NO_POLICY
    found = [changed(store, limit) for limit in (ONE, ONE, None, None, ONE)]

    assert [policy.version for policy in found] == [1, 1, 2, 2, 3]
    assert store.read(session_policies.get) == SessionPolicy(3, ONE)


def test_a_policy_is_not_found_in_another_tenant(store: Store) -> None:
    changed(store, ONE)

    assert store.read(session_policies.get, NOISE) == NO_POLICY
    changed(store, None, NOISE)
    assert store.read(session_policies.get) == SessionPolicy(1, ONE)


def end_for_one_more(store: Store, limit: SessionLimit, *, app: str | None = None, tenant: Tenant = ACME) -> None:
    store.write(
        lambda unit: session_policies.end_for_one_more(unit, "ann", app_id=app, limit=limit, spared=None, now=T2),
        tenant,
    )


def active(store: Store, tenant: Tenant = ACME) -> int:
    return store.read(lambda unit: sessions.count_active_of_user(unit, "ann", now=T2), tenant)


def test_sessions_end_for_one_more_and_in_no_other_tenant(store: Store) -> None:
    for at in (T0, T1, T2):
        store.add(new_session(at=at))
        store.add(new_session("bob", at=at))
    noise = active(store, NOISE)

    end_for_one_more(store, SessionLimit(3, "user", "end_idlest"))

    assert (active(store), active(store, NOISE)) == (2, noise)
    assert store.read(lambda unit: sessions.count_active_of_user(unit, "bob", now=T2)) == 3
    with pytest.raises(SessionLimitReached):
        end_for_one_more(store, SessionLimit(2, "user", "deny"))
    assert active(store) == 2


def test_what_is_used_but_not_written_yet_is_not_idle(store: Store) -> None:
    older, newer = store.add(new_session(at=T0)), store.add(new_session(at=T1))
    touch = Touch(last_active_at=T2, idle_expires_at=END, written_until=IDLE)
    store.database.touches.add(ACME.id, older.id, touch=touch)

    end_for_one_more(store, SessionLimit(2, "user", "end_idlest"))

    left = store.read(lambda unit: sessions.get(unit, older.id)), store.read(lambda unit: sessions.get(unit, newer.id))
    assert [row is not None and row.revoked_at for row in left] == [None, T2]


def test_the_step_that_counts_agrees_with_the_rule(store: Store) -> None:
    """For each number: one more may begin exactly where nothing must end, in all and in one application."""
    for at, app in ((T0, "web"), (T1, None), (T1, "web"), (T2, "phone")):
        store.add(new_session(at=at, app_id=app))
    suspended = store.add(new_session(at=T0, app_id="web"))
    store.write(
        lambda unit: suspensions.suspend(
            unit, suspended.id, user_id="ann", now=T1, until=None, then="reactivate", actor="root"
        )
    )
    known = {"user_id": "ann", "now": T2}

    for most in range(1, 8):
        of_user = store.read(lambda unit, most=most: unit.one(session_policies.ROOM_OF_USER, most=most, **known))
        assert (of_user is not None) == (most > 5)
        for app, count in (("web", 3), (None, 1), ("phone", 1), ("none of them", 0)):
            in_app = store.read(
                lambda unit, most=most, app=app: unit.one(session_policies.ROOM_IN_APP, most=most, app_id=app, **known)
            )
            assert (in_app is not None) == (most > count), (most, app)
