"""Writes that go in groups: each caller is answered for its own, whatever happens to a neighbour or a connection."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from sojourn.domain.errors import Unavailable
from sojourn.domain.values import Tenant
from sojourn.storage.engines import open_database
from sojourn.storage.postgres.database import PostgresDatabase
from sojourn.storage.queries import procedures, sessions, sign_ins, statistics, tenants
from sojourn.storage.queries.procedures import FirstTokens
from sojourn.storage.queries.refresh_states import RefreshRow
from sojourn.storage.queries.session_rows import NewSession, SessionRow
from sojourn.storage.queries.tokens import IssuedToken
from sojourn.storage.unit_of_work import UnitOfWork
from tests.postgres import Cluster
from tests.storage.conftest import ACME, END, T0, T1, Store, new_session

TENANTS = [Tenant(f"t{number}") for number in range(5)]


@pytest.fixture
def engine() -> str:
    return "postgresql"


@pytest.fixture
def database(store: Store) -> Iterator[PostgresDatabase]:
    """The same database over three connections."""
    opened = store.run(open_database(store.url, pool_size=3))
    assert isinstance(opened, PostgresDatabase)
    yield opened
    store.run(opened.close())


def first_tokens(session: NewSession) -> FirstTokens:
    """Tokens of a session, their hashes made from its id."""
    state = RefreshRow(session.id, 0, 0, "n", f"r{session.id}", None, T0, END, 0, None)
    entries = [
        IssuedToken(
            f"tok_{kind}_{session.id}", session.id, session.user_id, kind, f"{kind}{session.id}", T0, END,  # type: ignore[arg-type]
            None, None, None, 0, 0,
        )
        for kind in ("refresh", "access")
    ]  # fmt: skip
    return FirstTokens(state, *entries)


def create(database: PostgresDatabase, session: NewSession, tenant: Tenant = ACME) -> Any:
    """The creation of a session as a request does it."""

    async def work(unit: UnitOfWork) -> SessionRow | None:
        found = await procedures.standing(unit, session.user_id, now=T1)
        if not found.tenant_is_made:
            await tenants.ensure(unit, T0)
        return await procedures.create_session(unit, session, issued=first_tokens(session), seen_ends=found.ends.times)

    return database.write(tenant, work)


async def gathered(*work: Any) -> list[Any]:
    return await asyncio.gather(*work, return_exceptions=True)


async def commits(store: Store) -> int:
    """The transactions that were committed so far, read ones among them."""
    connection = await asyncpg.connect(store.url)
    await connection.execute("SELECT pg_stat_force_next_flush()")
    count: int = await connection.fetchval(
        "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"
    )
    await connection.close()
    return count


def stats(store: Store, tenant: Tenant) -> statistics.SessionStats:
    return store.read(lambda unit: statistics.session_stats(unit, T1), tenant)


def test_creations_that_wait_together_are_all_there_and_counted(store: Store, database: PostgresDatabase) -> None:
    made = [(new_session(f"u{number % 7}"), TENANTS[number % 5]) for number in range(60)]

    rows = store.run(gathered(*(create(database, session, tenant) for session, tenant in made)))

    assert [row.id for row in rows] == [session.id for session, _ in made]
    for tenant in TENANTS:
        assert stats(store, tenant).total == 12


def test_one_that_fails_is_told_alone_and_its_neighbours_stand(store: Store, database: PostgresDatabase) -> None:
    made = [new_session(f"u{number}") for number in range(30)]
    taken = store.add(new_session("ann"))
    made[11] = replace(made[11], id=taken.id)

    outcomes = store.run(gathered(*(create(database, session) for session in made)))

    failed = [number for number, outcome in enumerate(outcomes) if isinstance(outcome, BaseException)]
    assert failed == [11]
    assert isinstance(outcomes[11], asyncpg.UniqueViolationError)
    assert stats(store, ACME).total == 30


def test_a_creation_waits_for_whoever_ends_its_user_and_its_neighbours_do_not(
    store: Store, database: PostgresDatabase
) -> None:
    async def scenario() -> list[Any]:
        ending, go_on = asyncio.Event(), asyncio.Event()

        async def end(unit: UnitOfWork) -> None:
            await sign_ins.stop(unit, "ended")
            ending.set()
            await go_on.wait()

        # The tenant's first session makes the tenant's row, and others of a tenant that is being made wait for it.
        await create(database, new_session("ann"))
        end_task = asyncio.create_task(store.database.write(ACME, end))
        await ending.wait()
        held = asyncio.create_task(create(database, new_session("ended")))
        others = [asyncio.create_task(create(database, new_session(f"u{number}"))) for number in range(20)]
        await asyncio.wait_for(gathered(*others), 30)
        assert not held.done()
        go_on.set()
        await end_task
        return [await held, *[task.result() for task in others]]

    assert all(isinstance(row, SessionRow) for row in store.run(scenario()))


def test_groups_of_processes_side_by_side_are_all_written(store: Store, database: PostgresDatabase) -> None:
    second = store.run(open_database(store.url, pool_size=3))
    assert isinstance(second, PostgresDatabase)
    try:
        made = [(new_session(f"u{number % 9}", device_type="mobile"), TENANTS[number % 5]) for number in range(120)]
        half = [create(database, session, tenant) for session, tenant in made[:60]]
        other = [create(second, session, tenant) for session, tenant in reversed(made[60:])]

        outcomes = store.run(gathered(*half, *other))

        assert all(isinstance(outcome, SessionRow) for outcome in outcomes), outcomes
        assert sum(stats(store, tenant).total for tenant in TENANTS) == 120
    finally:
        store.run(second.close())


def test_a_caller_who_is_cancelled_loses_only_its_own_answer(store: Store, database: PostgresDatabase) -> None:
    async def scenario() -> list[Any]:
        tasks = [asyncio.create_task(create(database, new_session(f"u{number}"))) for number in range(20)]
        for task in tasks[::3]:
            asyncio.get_running_loop().call_later(0.004, task.cancel)
        return await gathered(*tasks)

    outcomes = store.run(scenario())

    assert all(isinstance(outcomes[number], SessionRow) for number in range(20) if number % 3)
    assert stats(store, ACME).total >= 13


def test_a_connection_that_breaks_leaves_each_session_written_once(store: Store, database: PostgresDatabase) -> None:
    made = [new_session(f"u{number % 4}") for number in range(80)]

    async def break_connections() -> None:
        connection = await asyncpg.connect(store.url)
        for _ in range(4):
            await asyncio.sleep(0.015)
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'sojourn'"
                " AND datname = current_database() AND pid <> pg_backend_pid()"
            )
        await connection.close()

    *outcomes, _ = store.run(gathered(*(create(database, session) for session in made), break_connections()))

    there = {row.id for row in store.read(lambda unit: _all(unit, 4))}
    for session, outcome in zip(made, outcomes, strict=True):
        assert isinstance(outcome, SessionRow | Unavailable), outcome
        assert isinstance(outcome, Unavailable) or session.id in there
    assert stats(store, ACME).total == len(there)


async def _all(unit: UnitOfWork, users: int) -> list[SessionRow]:
    return [row for number in range(users) for row in await sessions.list_all_of_user(unit, f"u{number}")]


def test_a_wait_for_the_replica_that_was_cut_short_is_not_acknowledged(
    store: Store, database: PostgresDatabase, cluster: Cluster
) -> None:
    async def scenario() -> list[Any]:
        tasks = [asyncio.create_task(create(database, new_session(f"u{number}"))) for number in range(5)]
        connection = await asyncpg.connect(store.url.replace("sojourn@", "postgres@"))
        while not all(task.done() for task in tasks):
            await asyncio.sleep(0.05)
            await connection.execute("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
        await connection.close()
        return await gathered(*tasks)

    cluster.settle("synchronous_standby_names", "nobody")
    try:
        outcomes = store.run(scenario())
    finally:
        cluster.settle("synchronous_standby_names", "")
    assert all(isinstance(outcome, Unavailable) for outcome in outcomes), outcomes


def test_a_database_without_the_functions_is_written_statement_by_statement(store: Store) -> None:
    async def drop() -> None:
        connection = await asyncpg.connect(store.url)
        for (name,) in await connection.fetch(
            "SELECT oid::regprocedure::text FROM pg_proc WHERE proname LIKE 'sojourn\\_do\\_%'"
        ):
            await connection.execute(f"DROP FUNCTION {name}")
        await connection.close()

    assert isinstance(store.database, PostgresDatabase)
    store.run(drop())  # under a process that knows them
    assert store.run(create(store.database, new_session("ann"))) is not None
    later = store.run(open_database(store.url))
    assert isinstance(later, PostgresDatabase)
    assert store.run(create(later, new_session("ann"))) is not None
    store.run(later.close())

    assert stats(store, ACME).total == 2


def test_an_end_since_the_user_was_looked_at_refuses_the_session(store: Store, database: PostgresDatabase) -> None:
    session = new_session("ann")
    store.write(lambda unit: tenants.ensure(unit, T0))

    async def work(unit: UnitOfWork) -> SessionRow | None:
        return await procedures.create_session(unit, session, issued=first_tokens(session), seen_ends=1)

    assert store.run(database.write(ACME, work)) is None
    assert stats(store, ACME).total == 0
