"""Trusted devices in storage, each function with its twin "in another tenant"."""

from sojourn.domain.paging import Page
from sojourn.storage.queries import trusted_devices
from tests.storage.conftest import END, NOISE, T0, T1, Store, new_device

FIRST = Page(1, 10)


def trust(store: Store, **changes: str) -> trusted_devices.TrustedDeviceRow:
    return store.write(lambda unit: trusted_devices.trust(unit, new_device(**changes), now=T0))


def listed(store: Store, user: str = "ann", now: str = T0) -> list[str]:
    rows, total = store.read(lambda unit: trusted_devices.list_trusted(unit, user, now=now, page=FIRST))
    assert total == len(rows)
    return [row.device_fingerprint for row in rows]


def test_trusting_again_keeps_the_id_and_extends(store: Store) -> None:
    first, again = trust(store), trust(store, at=T1, until="2026-05-01T08:00:00.000Z")

    assert (again.id, again.created_at) == (first.id, first.created_at)
    assert again.trusted_until == "2026-05-01T08:00:00.000Z"
    assert listed(store) == ["f"]


def test_trust_ends_at_its_instant(store: Store) -> None:
    trust(store)

    assert listed(store, now="2026-04-16T07:59:59.999Z") == ["f"]
    assert listed(store, now=END) == []


def test_trust_stays_in_its_tenant(store: Store) -> None:
    assert listed(store) == []


def test_untrusting_one_user_leaves_the_others(store: Store) -> None:
    trust(store)
    trust(store, user="bob")

    assert store.write(lambda unit: trusted_devices.untrust(unit, "f", user_id="ann", now=T1)) == 1
    assert (listed(store), listed(store, "bob")) == ([], ["f"])
    assert store.write(lambda unit: trusted_devices.untrust(unit, "f", user_id=None, now=T1)) == 1


def test_untrusting_changes_nothing_in_another_tenant(store: Store) -> None:
    store.write(lambda unit: trusted_devices.untrust(unit, "f", user_id=None, now=T1))

    rows, _ = store.read(lambda unit: trusted_devices.list_trusted(unit, "ann", now=T0, page=FIRST), NOISE)
    assert len(rows) == 1
