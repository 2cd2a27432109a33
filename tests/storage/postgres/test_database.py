"""PostgreSQL under stress: what is acknowledged is kept, and nobody's trouble becomes another's."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import asyncpg
import pytest

from sojourn.domain.errors import DomainError, Unavailable
from sojourn.domain.values import Tenant
from sojourn.storage.database import Database
from sojourn.storage.engines import open_database
from sojourn.storage.postgres.codecs import instant_of, microseconds_of
from sojourn.storage.queries import sessions, statistics, tenants
from sojourn.storage.statements import Statement
from sojourn.storage.touches import Touch
from sojourn.storage.unit_of_work import UnitOfWork
from sojourn.storage.upkeep.housekeeping import settle_all
from tests.postgres import Cluster
from tests.storage.conftest import ACME, NOISE, T0, T2, Store, new_session

EVERYBODY = Statement(sessions.SessionTable.__table__.select())  # type: ignore[attr-defined]


@pytest.fixture
def engine() -> str:
    return "postgresql"


@pytest.fixture
def second(store: Store) -> Iterator[Database]:
    """Another copy of the program on the same database."""
    database = store.run(open_database(store.url, timedelta(seconds=2), pool_size=2))
    yield database
    store.run(database.close())


async def end_connections(store: Store) -> None:
    """What a restart of the server does to its clients, without the restart."""
    connection = await asyncpg.connect(store.url)
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'sojourn' AND datname = current_database()"
    )
    await connection.close()


def test_a_statement_that_forgot_its_tenant_finds_no_other_tenants_rows(store: Store) -> None:
    mine = store.add(new_session())

    found = store.read(lambda unit: unit.all(EVERYBODY))

    assert [row[1] for row in found] == [mine.id]


def test_without_a_tenant_the_tables_look_empty(store: Store) -> None:
    store.add(new_session())

    async def look() -> list[Any]:
        async with store.database.system() as unit:
            return await unit.all(EVERYBODY)

    assert store.run(look()) == []


@pytest.mark.parametrize(("role", "warnings"), [("sojourn", 0), ("postgres", 1)])
def test_a_role_that_steps_over_row_security_is_warned_of(
    store: Store, caplog: pytest.LogCaptureFixture, role: str, warnings: int
) -> None:
    database = store.run(open_database(store.url.replace("sojourn@", f"{role}@"), allow_bypass=True))
    store.run(database.close())

    assert sum("row security" in record.getMessage() for record in caplog.records) == warnings


def test_a_row_cannot_be_written_for_another_tenant(store: Store) -> None:
    async def smuggle(unit: UnitOfWork) -> None:
        connection = await unit._runner._held()._ready(unit.tenant.id)  # type: ignore[attr-defined]
        await connection.execute(
            "INSERT INTO users (tenant_id, user_id, key, created_at) VALUES ('noise', 'x', 1, now())"
        )

    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        store.write(smuggle)


def test_a_tenants_name_is_quoted(store: Store) -> None:
    odd = Tenant("o'; DROP TABLE users; --")

    store.add(new_session(), odd)

    assert store.read(lambda unit: sessions.count_active_of_user(unit, "ann", now=T0), odd) == 1


@pytest.mark.parametrize("text", [T0, "1999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"])
def test_an_instant_comes_back_as_it_went(text: str) -> None:
    assert instant_of(microseconds_of(text)) == text


def test_dropped_connections_are_replaced_within_the_request(store: Store) -> None:
    kept = store.add(new_session())

    store.run(end_connections(store))

    assert store.read(lambda unit: sessions.get(unit, kept.id)) is not None
    store.add(new_session())


def test_a_connection_that_drops_before_the_commit_is_tried_again_once(store: Store) -> None:
    attempts = []

    async def work(unit: UnitOfWork) -> None:
        await tenants.ensure(unit, T0)
        attempts.append(unit)
        if len(attempts) < 2:
            await end_connections(store)
        await tenants.ensure(unit, T0)

    store.write(work)
    assert len(attempts) == 2

    async def hopeless(unit: UnitOfWork) -> None:
        attempts.append(unit)
        await tenants.ensure(unit, T0)
        await end_connections(store)
        await tenants.ensure(unit, T0)

    attempts.clear()
    with pytest.raises(Unavailable):
        store.write(hopeless)
    assert len(attempts) == 2


def test_two_writes_in_each_others_way_both_succeed(store: Store, second: Database) -> None:
    first, other = store.add(new_session()), store.add(new_session())
    touch = partial(sessions.touch, touch=Touch(T2, T2, T2))

    async def both_ways(database: Database, *keys: str) -> None:
        async def work(unit: UnitOfWork) -> None:
            for key in keys:
                assert await touch(unit, key)
                await asyncio.sleep(0.1)

        await database.write(ACME, work)

    store.run(_gather(both_ways(store.database, first.id, other.id), both_ways(second, other.id, first.id)))


def test_no_free_connection_in_time_is_a_refusal_and_passes(store: Store, second: Database) -> None:
    async def too_many() -> list[Any]:
        held_by, go_on = asyncio.Semaphore(0), asyncio.Event()

        async def hold(unit: UnitOfWork) -> None:
            await tenants.ensure(unit, T0)
            held_by.release()
            await go_on.wait()

        held = [asyncio.create_task(second.write(Tenant(name), hold)) for name in ("a", "b")]
        for _ in held:
            await held_by.acquire()
        refused = await asyncio.gather(second.read(ACME, tenants.exists), return_exceptions=True)
        go_on.set()
        await asyncio.gather(*held)
        return [*refused, await second.read(NOISE, tenants.exists)]

    refused, passed = store.run(too_many())
    assert isinstance(refused, Unavailable)
    assert passed is True


def test_a_cancelled_request_leaves_nothing_behind(store: Store, second: Database) -> None:
    session = new_session()

    async def work(unit: UnitOfWork) -> None:
        await sessions.add(unit, session)
        await unit._runner._connection.execute("SELECT pg_sleep(5)")  # type: ignore[attr-defined]

    async def cancel() -> None:
        for _ in range(5):
            request = asyncio.create_task(second.write(ACME, work))
            await asyncio.sleep(0.1)
            request.cancel()
            await asyncio.gather(request, return_exceptions=True)

    store.run(cancel())

    for tenant in (ACME, NOISE):
        assert store.run(second.read(tenant, partial(sessions.get, key=session.id))) is None
    assert store.run(second.read(NOISE, tenants.exists)) is True


def test_a_lock_that_is_held_too_long_is_a_refusal(store: Store, second: Database) -> None:
    key = store.add(new_session()).id

    async def hold_and_ask() -> None:
        connection = await asyncpg.connect(store.url)
        await connection.execute("BEGIN; SET LOCAL sojourn.tenant = 'acme'; SELECT 1 FROM sessions FOR UPDATE")
        with pytest.raises(Unavailable):
            await second.write(ACME, partial(sessions.touch, key=key, touch=Touch(T2, T2, T2)))
        await connection.execute("ROLLBACK")
        await connection.close()
        assert await second.write(ACME, partial(sessions.touch, key=key, touch=Touch(T2, T2, T2)))

    store.run(hold_and_ask())


def test_a_new_user_may_be_made_by_two_copies_at_once(store: Store, second: Database) -> None:
    async def race() -> None:
        for number in range(20):
            await asyncio.gather(
                *(
                    database.write(ACME, partial(sessions.add, session=new_session(f"new-{number}")))
                    for database in (store.database, second)
                )
            )

    store.run(race())

    assert store.read(lambda unit: statistics.session_stats(unit, T0)).total == 40


def test_copies_that_settle_at_once_count_each_session_once(store: Store, second: Database) -> None:
    later = "2026-04-17T08:00:00.000Z"
    for _ in range(30):
        store.add(new_session())

    store.run(_gather(*(settle_all(database, later) for database in (store.database, second) * 2)))

    stats = store.read(lambda unit: statistics.session_stats(unit, later))
    assert (stats.total, stats.expired, stats.active) == (30, 30, 0)


def test_a_refusal_that_is_to_be_remembered_is(store: Store) -> None:
    class Remembered(DomainError):
        persist = True

    session = new_session()

    async def work(unit: UnitOfWork) -> None:
        await sessions.add(unit, session)
        raise Remembered

    with pytest.raises(Remembered):
        store.write(work)
    assert store.read(lambda unit: sessions.get(unit, session.id)) is not None


@pytest.mark.parametrize("interrupt", ["pg_cancel_backend", "pg_terminate_backend"])
def test_a_commit_that_is_interrupted_is_neither_acknowledged_nor_run_again(
    store: Store, cluster: Cluster, interrupt: str
) -> None:
    """The COMMIT waits for a replica that never comes; the server then reports success, or is gone."""
    attempts = []

    async def work(unit: UnitOfWork) -> None:
        attempts.append(unit)
        await tenants.ensure(unit, T0)

    async def write_while_somebody_interrupts() -> None:
        task = asyncio.create_task(store.database.write(ACME, work))
        admin = await asyncpg.connect(store.url.replace("sojourn@", "postgres@"))
        waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND datname = current_database()"
        while not (rows := await admin.fetch(waiting)):
            await asyncio.sleep(0.02)
        for row in rows:
            await admin.execute(f"SELECT {interrupt}({row[0]})")
        await admin.close()
        with pytest.raises(Unavailable):
            await task

    cluster.settle("synchronous_standby_names", "nobody")
    try:
        store.run(write_while_somebody_interrupts())
    finally:
        cluster.settle("synchronous_standby_names", "")
    assert len(attempts) == 1


async def _gather(*work: Any) -> list[Any]:
    return await asyncio.gather(*work)
