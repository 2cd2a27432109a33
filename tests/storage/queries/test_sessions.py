"""Sessions in storage; every function has its twin "in another tenant"."""

import pytest

from sojourn.domain.endings import Ending
from sojourn.domain.paging import Page
from sojourn.domain.sessions import Status
from sojourn.storage.queries import session_revocation, sessions
from sojourn.storage.queries.session_filters import SessionFilter
from sojourn.storage.queries.session_search import page_of
from sojourn.storage.touches import Touch
from tests.storage.conftest import BULK, END, IDLE, NOISE, T0, T1, T2, Store, new_session

FIRST = Page(1, 10)


def test_a_session_is_found_as_it_was_written(store: Store) -> None:
    session = new_session(amr="pwd,otp", ip="::1", device_id="d")
    written = store.write(lambda unit: sessions.add(unit, session))

    found = store.read(lambda unit: sessions.get(unit, session.id))

    assert found is not None
    assert found == written
    assert (found.user_id, found.amr, found.ip, found.device_id) == ("ann", "pwd,otp", "::1", "d")
    assert (found.created_at, found.expires_at, found.idle_expires_at) == (T0, END, IDLE)
    assert found.revoked_at is None


def test_a_session_is_not_found_in_another_tenant(store: Store) -> None:
    written = store.add(new_session())

    assert store.read(lambda unit: sessions.get(unit, written.id), NOISE) is None


@pytest.mark.parametrize(("now", "count"), [(T0, 1), (T2, 1), ("2026-04-15T11:59:59.999Z", 1), (IDLE, 0), (END, 0)])
def test_active_sessions_are_counted_up_to_their_deadline(store: Store, now: str, count: int) -> None:
    store.add(new_session())

    assert store.read(lambda unit: sessions.count_active_of_user(unit, "ann", now=now)) == count


def test_active_sessions_are_not_counted_in_another_tenant(store: Store) -> None:
    store.add(new_session())
    store.add(new_session())

    assert store.read(lambda unit: sessions.count_active_of_user(unit, "ann", now=T0), NOISE) == 1


def test_a_page_and_its_total_agree(store: Store) -> None:
    ids = [store.add(new_session(at=at)).id for at in (T0, T1, T2)]

    rows, total = store.read(lambda unit: sessions.list_active_of_user(unit, "ann", now=T2, page=Page(1, 2)))
    rest, same = store.read(lambda unit: sessions.list_active_of_user(unit, "ann", now=T2, page=Page(2, 2)))

    assert [row.id for row in [*rows, *rest]] == ids[::-1]
    assert (total, same) == (3, 3)


def test_a_page_holds_nothing_of_another_tenant(store: Store) -> None:
    store.add(new_session())

    rows, total = store.read(lambda unit: sessions.list_active_of_user(unit, "ann", now=T0, page=FIRST), NOISE)

    assert total == 1
    assert {row.tenant_id for row in rows} == {"noise"}


def test_a_search_fits_user_and_status(store: Store) -> None:
    active, revoked, other = store.add(new_session()), store.add(new_session()), store.add(new_session("bob"))
    store.write(lambda unit: session_revocation.revoke(unit, revoked.id, now=T1, ending=Ending("root", "lost", "bulk")))

    def found(user: str | None, status: Status | None, now: str = T1) -> set[str]:
        rows, total, *_ = store.read(lambda unit: page_of(unit, SessionFilter(user, status), now=now, page=FIRST))
        assert total == len(rows)
        return {row.id for row in rows}

    assert found(None, None) == {active.id, revoked.id, other.id}
    assert found("ann", None) == {active.id, revoked.id}
    assert found(None, "active") == {active.id, other.id}
    assert found("ann", "revoked") == {revoked.id}
    assert found(None, "expired") == set()
    assert found(None, "expired", IDLE) == {active.id, other.id}


def test_a_page_past_the_end_is_empty_and_still_knows_the_total(store: Store) -> None:
    store.add(new_session())

    for user in (None, "ann"):
        rows, total, *_ = store.read(lambda unit, u=user: page_of(unit, SessionFilter(u), now=T0, page=Page(3, 10)))
        assert (rows, total) == ([], 1)


def test_a_search_finds_nothing_of_another_tenant(store: Store) -> None:
    rows, total, *_ = store.read(lambda unit: page_of(unit, SessionFilter(), now=T0, page=FIRST))

    assert (rows, total) == ([], 0)


def test_active_sessions_come_with_their_users(store: Store) -> None:
    store.add(new_session(username="Ann", at=T0))
    store.add(new_session(at=T1))
    store.add(new_session("bob", at=T2))

    rows, total = store.read(lambda unit: sessions.list_active_with_users(unit, T2, limit=2, after=None))
    rest, _ = store.read(lambda unit: sessions.list_active_with_users(unit, T2, limit=2, after=rows[-1].id))

    assert total == 3
    assert [(row.user_id, row.username) for row in [*rows, *rest]] == [("bob", None), ("ann", "Ann"), ("ann", "Ann")]
    assert rows[1].user_key == rest[0].user_key != rows[0].user_key


def test_active_sessions_with_users_hold_nothing_of_another_tenant(store: Store) -> None:
    rows, total = store.read(lambda unit: sessions.list_active_with_users(unit, T0, limit=10, after=None))

    assert (rows, total) == ([], 0)


def test_a_touch_moves_the_idle_deadline_and_never_back(store: Store) -> None:
    session = store.add(new_session())
    later = "2026-04-15T13:00:00.000Z"

    assert store.write(lambda unit: sessions.touch(unit, session.id, touch=Touch(T1, later, later)))
    assert store.write(lambda unit: sessions.touch(unit, session.id, touch=Touch(T0, IDLE, IDLE)))

    found = store.read(lambda unit: sessions.get(unit, session.id))
    assert found is not None
    assert (found.last_active_at, found.idle_expires_at, found.expires_at) == (T1, later, END)


@pytest.mark.parametrize("now", [IDLE, END])
def test_a_touch_never_revives(store: Store, now: str) -> None:
    session = store.add(new_session())

    assert not store.write(lambda unit: sessions.touch(unit, session.id, touch=Touch(now, END, END)))


def test_a_touch_changes_nothing_in_another_tenant(store: Store) -> None:
    session = store.add(new_session())

    assert not store.write(lambda unit: sessions.touch(unit, session.id, touch=Touch(T1, END, END)), NOISE)


def test_a_revocation_says_who_when_and_why_and_happens_once(store: Store) -> None:
    session = store.add(new_session())

    assert store.write(
        lambda unit: session_revocation.revoke(unit, session.id, now=T1, ending=Ending("root", "lost phone", "bulk"))
    )
    assert not store.write(
        lambda unit: session_revocation.revoke(unit, session.id, now=T2, ending=Ending("eve", "again", "bulk"))
    )

    found = store.read(lambda unit: sessions.get(unit, session.id))
    assert found is not None
    assert (found.revoked_at, found.revoked_by, found.revoke_reason) == (T1, "root", "lost phone")


def test_a_revocation_ends_nothing_in_another_tenant(store: Store) -> None:
    session = store.add(new_session())

    assert not store.write(lambda unit: session_revocation.revoke(unit, session.id, now=T1, ending=BULK), NOISE)
    assert store.read(lambda unit: sessions.count_active_of_user(unit, "ann", now=T1)) == 1


def test_all_sessions_of_a_user_end_and_nobody_elses(store: Store) -> None:
    for _ in range(3):
        store.add(new_session())
    store.add(new_session("bob"))

    ended = store.write(lambda unit: session_revocation.revoke_all_of_user(unit, "ann", now=T1, ending=BULK))

    assert ended == 3
    assert store.read(lambda unit: sessions.count_active_of_user(unit, "ann", now=T1)) == 0
    assert store.read(lambda unit: sessions.count_active_of_user(unit, "bob", now=T1)) == 1


def test_all_sessions_of_a_user_go_on_in_another_tenant(store: Store) -> None:
    store.write(lambda unit: session_revocation.revoke_all_of_user(unit, "ann", now=T1, ending=BULK))

    assert store.read(lambda unit: sessions.count_active_of_user(unit, "ann", now=T1), NOISE) == 1


def test_the_latest_username_counts_and_silence_keeps_it(store: Store) -> None:
    for name in ("Ann", "Anna", None):
        store.add(new_session(username=name))

    rows, _ = store.read(lambda unit: sessions.list_active_with_users(unit, T0, limit=1, after=None))
    assert rows[0].username == "Anna"


def test_no_index_holds_what_an_activity_changes() -> None:
    indexed = {
        column.name
        for index in sessions.SessionTable.__table__.indexes
        for column in index.columns  # type: ignore[attr-defined]
    }

    assert indexed.isdisjoint({"last_active_at", "idle_expires_at"})
