"""Devices with sessions: what is left out is said."""

import pytest

from sojourn.storage.queries.session_devices import devices_of_user
from sojourn.storage.unit_of_work import UnitOfWork
from tests.storage.conftest import NOISE, T0, T1, T2, Store, new_session


@pytest.mark.parametrize(
    ("window", "most", "shown", "has_more"),
    [
        (9, 9, ["c", "b", "a"], False),
        (9, 2, ["c", "b"], True),
        (2, 9, ["c", "b"], True),
        (9, 3, ["c", "b", "a"], False),
    ],
)
def test_the_devices_used_last_are_shown_and_more_is_said(
    store: Store, *, window: int, most: int, shown: list[str], has_more: bool
) -> None:
    for at, device in ((T0, "a"), (T1, "b"), (T2, "c")):
        store.add(new_session(at=at, device_id=device))

    async def look(unit: UnitOfWork) -> tuple[list[str | None], bool]:
        found, more = await devices_of_user(unit, "ann", now=T2, current=None, window=window, most=most)
        return [row.device_id for row in found], more

    assert store.read(look) == (shown, has_more)
    assert store.read(look, NOISE) == ([None], False)
