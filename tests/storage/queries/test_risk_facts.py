"""The rows that risk is judged by: bounded, of one tenant, and read by an index."""

import sqlite3

import pytest

from sojourn.domain.device_names import DeviceName
from sojourn.domain.endings import REUSE, Ending
from sojourn.domain.risk_evidence import SeenSession
from sojourn.storage.queries import risk_facts, session_revocation, trusted_devices
from sojourn.storage.queries.risk_facts import HISTORY, SAMPLE, DeviceCounts
from sojourn.storage.sqlite.functions import add_functions
from sojourn.storage.statements import SQLITE, Statement
from tests.conftest import on_sqlite
from tests.storage.conftest import BULK, END, IDLE, NOISE, T0, T1, T2, Store, new_device, new_session

DEVICE = {"device_id": "d", "device_fingerprint": "f", "user_agent": "curl/8"}
STATEMENTS = {name: value for name, value in vars(risk_facts).items() if isinstance(value, Statement)}
PARAMETERS = {
    "tenant": "acme",
    "id": "x",
    "user_id": "u",
    "before": "x",
    "device_id": "d",
    "fingerprint": "f",
    "name": "f",
    "now": T0,
    "reuse": "r",
    "ourselves": "o",
    "limit": 1,
}


def found(store: Store, key: str) -> SeenSession:
    session = store.read(lambda unit: risk_facts.get(unit, key))
    assert session is not None
    return session


def test_the_history_holds_the_latest_sessions_and_those_before_the_judged_one(store: Store) -> None:
    early = [store.add(new_session(at=T0)).id for _ in range(2 * HISTORY)]
    judged = store.add(new_session(at=T1)).id
    late = [store.add(new_session(at=T2)).id for _ in range(HISTORY + 5)]

    session = found(store, judged)
    history = store.read(lambda unit: risk_facts.history(unit, session))

    assert {each.id for each in history} == set(sorted(early)[HISTORY:]) | set(sorted(late)[5:])


def test_a_short_history_is_whole(store: Store) -> None:
    keys = {store.add(new_session()).id for _ in range(3)}
    store.add(new_session("bob"))

    session = found(store, min(keys))
    history = store.read(lambda unit: risk_facts.history(unit, session))

    assert {each.id for each in history} == keys


def test_a_history_holds_nothing_of_another_tenant(store: Store) -> None:
    session = found(store, store.add(new_session()).id)

    assert session not in store.read(lambda unit: risk_facts.history(unit, session), NOISE)
    assert store.read(lambda unit: risk_facts.get(unit, session.id), NOISE) is None


def test_only_the_latest_active_sessions_stand_for_a_tenant(store: Store) -> None:
    keys = [store.add(new_session(at=at)).id for at in (T0, T1, T2)]
    store.write(lambda unit: session_revocation.revoke(unit, keys[1], now=T2, ending=BULK))

    assert [session.id for session in store.read(lambda unit: risk_facts.latest_active(unit, T2))] == [keys[2], keys[0]]
    assert store.read(lambda unit: risk_facts.latest_active(unit, IDLE)) == []
    for _ in range(SAMPLE):
        store.add(new_session(at=T2))
    assert len(store.read(lambda unit: risk_facts.latest_active(unit, T2))) == SAMPLE


def test_a_tenants_active_sessions_are_none_of_another(store: Store) -> None:
    store.add(new_session())

    assert len(store.read(lambda unit: risk_facts.latest_active(unit, T0), NOISE)) == 2


def test_a_device_is_counted_over_all_its_sessions(store: Store) -> None:
    keys = [store.add(new_session(user, **DEVICE)).id for user in ("ann", "ann", "bob", "eve")]
    store.add(new_session(device_id="e"))
    store.write(lambda unit: session_revocation.revoke(unit, keys[0], now=T1, ending=Ending("root", "lost", "bulk")))
    store.write(lambda unit: session_revocation.revoke(unit, keys[1], now=T1, ending=REUSE))

    assert store.read(lambda unit: risk_facts.count_on_device(unit, "d", now=T1)) == DeviceCounts(4, 2, 2, 1, 3)
    assert store.read(lambda unit: risk_facts.count_on_device(unit, "d", now=END)) == DeviceCounts(4, 0, 2, 1, 3)
    latest = store.read(lambda unit: risk_facts.latest_on_device(unit, "d"))
    assert [session.id for session in latest] == sorted(keys, reverse=True)


def test_a_device_is_not_found_in_another_tenant(store: Store) -> None:
    store.add(new_session(**DEVICE))

    counts = store.read(lambda unit: risk_facts.count_on_device(unit, "d", now=T0), NOISE)

    assert counts == DeviceCounts(0, 0, 0, 0, 0)
    assert store.read(lambda unit: risk_facts.latest_on_device(unit, "d"), NOISE) == []


def test_trust_is_one_users_for_one_fingerprint_until_its_end(store: Store) -> None:
    store.write(lambda unit: trusted_devices.trust(unit, new_device("eve", "g"), now=T0))

    def trusts(user: str, fingerprint: str | None, now: str = T0) -> bool:
        return store.read(lambda unit: risk_facts.trusts(unit, user, fingerprint=fingerprint, now=now))

    assert trusts("eve", "g")
    assert not trusts("eve", "g", END)
    assert not trusts("ann", "g")
    assert not trusts("eve", "f")
    assert not trusts("eve", None)
    assert not store.read(lambda unit: risk_facts.trusts(unit, "eve", fingerprint="g", now=T0), NOISE)


@pytest.mark.parametrize(
    "name", [DeviceName("device_fingerprint", "f"), DeviceName("device_id", "d"), DeviceName("user_agent", "curl/8")]
)
def test_a_device_is_seen_again_by_any_of_its_names(store: Store, name: DeviceName) -> None:
    for at, ip in ((T0, "192.0.2.1"), (T1, "192.0.2.2")):
        store.add(new_session(at=at, ip=ip, **DEVICE))
    store.add(new_session(at=T2, device_id="e", device_fingerprint="g", user_agent="wget"))
    store.add(new_session("bob", at=T2, **DEVICE))

    seen = store.read(lambda unit: risk_facts.sightings(unit, "ann", name=name))

    assert [(sighting.created_at, sighting.ip) for sighting in seen] == [(T1, "192.0.2.2"), (T0, "192.0.2.1")]
    assert store.read(lambda unit: risk_facts.sightings(unit, "ann", name=name), NOISE) == []


def test_a_device_is_told_by_a_session_of_its_tenant_only(store: Store) -> None:
    session = store.add(new_session(ip="::1", **DEVICE))

    device = store.read(lambda unit: risk_facts.device(unit, session.id))

    assert device is not None
    assert (device.user_id, device.device_fingerprint, device.sighting.ip) == ("ann", "f", "::1")
    assert store.read(lambda unit: risk_facts.device(unit, session.id), NOISE) is None


@on_sqlite
@pytest.mark.parametrize("name", STATEMENTS)
def test_every_row_is_reached_by_an_index_of_the_tenant(store: Store, name: str) -> None:
    indexes = {
        "LATEST_OF_USER": "ix_sessions_user",
        "LATEST_OF_USER_BEFORE": "ix_sessions_user (tenant_id=? AND user_id=? AND id<?)",
        "LATEST_ON_DEVICE": "ix_sessions_device",
        "COUNT_ON_DEVICE": "ix_sessions_device",
        "TRUSTS": "ux_trusted_devices_fact",
        "FEW_LATEST_ACTIVE": "ix_sessions_due",
    } | dict.fromkeys(("SIGHTINGS_BY_FINGERPRINT", "SIGHTINGS_BY_ID", "SIGHTINGS_BY_AGENT"), "ix_sessions_user")
    text = STATEMENTS[name].text(SQLITE)
    connection = sqlite3.connect(store.path)
    add_functions(connection)
    plan = [step[3] for step in connection.execute(f"EXPLAIN QUERY PLAN {text}", PARAMETERS)]
    connection.close()

    assert ":tenant" in text
    assert any(indexes.get(name, "USING PRIMARY KEY (tenant_id=?") in step for step in plan), plan
    assert not any("SCAN sessions" in step or "SCAN trusted_devices" in step for step in plan), plan
    if name.startswith("LATEST"):
        assert not any("TEMP B-TREE" in step for step in plan), plan
