"""A unit of work: what hangs on it happens once, after its commit, however often its work ran."""

from typing import Any

import asyncpg
import pytest

from sojourn.domain.errors import DomainError, RefreshTokenReused, SessionNotFound
from sojourn.storage.queries import sessions
from sojourn.storage.unit_of_work import UnitOfWork
from tests.storage.conftest import ACME, Store, new_session


def test_a_step_runs_after_the_commit_and_before_the_write_returns(store: Store) -> None:
    session, seen = new_session(), list[Any]()

    async def look() -> None:
        seen.append(await store.database.read(ACME, lambda unit: sessions.get(unit, session.id)))

    async def work(unit: UnitOfWork) -> str:
        unit.after_commit(look)
        await sessions.add(unit, session)
        return "done"

    assert store.write(work) == "done"
    assert [row.id for row in seen] == [session.id]


def test_the_steps_of_a_read_run_once_it_is_over_in_their_order(store: Store) -> None:
    seen: list[str] = []

    def note(what: str) -> Any:
        async def step() -> None:
            seen.append(what)

        return step

    async def work(unit: UnitOfWork) -> None:
        unit.after_commit(note("first"))
        unit.after_commit(note("second"))
        seen.append("work")

    store.read(work)

    assert seen == ["work", "first", "second"]


@pytest.mark.parametrize(("refusal", "done"), [(SessionNotFound(), []), (RefreshTokenReused(), ["step"])])
def test_a_refusal_drops_the_steps_unless_it_keeps_what_was_written(
    store: Store, refusal: DomainError, done: list[str]
) -> None:
    seen: list[str] = []

    async def step() -> None:
        seen.append("step")

    async def work(unit: UnitOfWork) -> None:
        unit.after_commit(step)
        await sessions.add(unit, new_session())
        raise refusal

    with pytest.raises(type(refusal)):
        store.write(work)

    assert seen == done


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_an_attempt_that_met_another_transaction_leaves_no_step_behind(store: Store) -> None:
    attempts, seen = list[int](), list[int]()

    async def work(unit: UnitOfWork) -> None:
        number = len(attempts)
        attempts.append(number)

        async def step() -> None:
            seen.append(number)

        unit.after_commit(step)
        await sessions.add(unit, new_session())
        if number < 2:
            raise asyncpg.DeadlockDetectedError("as the server would say")

    store.write(work)

    assert (attempts, seen) == ([0, 1, 2], [2])


def test_a_statement_for_no_rows_changes_nothing(store: Store) -> None:
    session = store.add(new_session())
    before = store.read(lambda unit: sessions.get(unit, session.id))

    store.write(lambda unit: unit.run_many(sessions.TOUCH, []))

    assert store.read(lambda unit: sessions.get(unit, session.id)) == before
