"""What happens to sessions is told once it is committed, and what is undone never."""

from collections import Counter

import pytest

from sojourn.domain.errors import SessionNotFound
from sojourn.storage.queries import session_revocation, statistics
from sojourn.storage.unit_of_work import UnitOfWork
from tests.storage.conftest import ACME, BULK, END, IDLE, T1, Store, new_session

AFTER_BOTH = "2026-04-17T08:00:00.000Z"


@pytest.fixture
def told(store: Store) -> Counter[tuple[str, str]]:
    heard: Counter[tuple[str, str]] = Counter()

    async def hear(occurrence: str, word: str, *, times: int) -> None:
        heard[occurrence, word] += times

    store.database.tally = hear
    return heard


def test_an_expiry_is_told_by_the_deadline_that_came_first(store: Store, told: Counter[tuple[str, str]]) -> None:
    for end, idle in ((END, IDLE), (END, IDLE), (IDLE, IDLE), (END, AFTER_BOTH)):
        store.add(new_session(expires_at=end, idle_expires_at=idle))

    store.write(lambda unit: statistics.settle(unit, AFTER_BOTH, limit=100))
    store.write(lambda unit: statistics.settle(unit, AFTER_BOTH, limit=100))

    assert told == Counter({("created", ""): 4, ("ended", "idle_timeout"): 2, ("ended", "absolute_timeout"): 2})


def test_what_is_undone_is_not_told(store: Store, told: Counter[tuple[str, str]]) -> None:
    made = store.add(new_session())
    told.clear()

    async def end_and_give_up(unit: UnitOfWork) -> None:
        assert await session_revocation.revoke(unit, made.id, now=T1, ending=BULK)
        raise SessionNotFound()

    with pytest.raises(SessionNotFound):
        store.run(store.database.write(ACME, end_and_give_up))
    assert not told

    store.write(lambda unit: session_revocation.revoke(unit, made.id, now=T1, ending=BULK))
    assert told == Counter({("ended", "bulk"): 1})
