"""Reads in one message and in batches: each caller gets its own tenant's rows, whatever its neighbours ask or do."""

import asyncio
import random
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import asyncpg
import pytest
from sqlalchemy import Float, Integer, Text, bindparam, cast, func, literal_column, select, text

from sojourn.domain.values import Tenant
from sojourn.storage.engines import open_database
from sojourn.storage.postgres.database import PostgresDatabase
from sojourn.storage.postgres.one_message import one_message
from sojourn.storage.queries import sessions, users
from sojourn.storage.statements import Statement
from sojourn.storage.unit_of_work import UnitOfWork
from tests.storage.conftest import ACME, NOISE, T1, Store, new_session

TENANTS = [ACME, NOISE, *(Tenant(f"t{number}") for number in range(4))]
FORGOT_ITS_TENANT = Statement(select(sessions.SessionTable.id))
DIVIDES = Statement(select((literal_column("1", Integer) / bindparam("by", type_=Integer)).label("share")))
SLEEPS = Statement(select(cast(func.pg_sleep(bindparam("seconds", type_=Float)), Text)))
KINDS = ("get mine", "get another's", "list", "count", "forgot", "error", "no error", "snapshot")
COMMITS = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"
HISTORIES = 12


@pytest.fixture
def engine() -> str:
    return "postgresql"


@pytest.fixture
def few_connections(store: Store) -> Iterator[PostgresDatabase]:
    """The same database over two connections: they are shared by every tenant."""
    database = store.run(open_database(store.url, pool_size=2))
    assert isinstance(database, PostgresDatabase)
    yield database
    store.run(database.close())


class Asked:
    """Random questions of random tenants, and what each must be answered."""

    def __init__(self, store: Store, seed: int) -> None:
        self.drawn = random.Random(seed)
        self.sessions = {tenant: [store.add(new_session(), tenant).id for _ in range(3)] for tenant in TENANTS}

    async def question(self, database: PostgresDatabase) -> None:
        """One question; an answer that another tenant's row is in, or that is not the tenant's, fails."""
        tenant = self.drawn.choice(TENANTS)
        kind = self.drawn.choice(
            ("get mine", "get another's", "list", "count", "forgot", "error", "no error", "snapshot")
        )
        mine = self.sessions[tenant]
        other = self.drawn.choice([key for whose, keys in self.sessions.items() if whose != tenant for key in keys])

        async def work(unit: UnitOfWork) -> None:
            if kind == "get mine":
                key = self.drawn.choice(mine)
                found = await unit.one(sessions.GET, id=key)
                assert found is not None
                assert (found[0], found[1]) == (key, tenant.id)
            elif kind == "get another's":
                assert await unit.one(sessions.GET, id=other) is None
            elif kind == "list":
                rows = await unit.all(sessions.LIST_ALL_OF_USER, user_id="ann")
                assert {row[0] for row in rows} >= set(mine)
                assert {row[1] for row in rows} == {tenant.id}
            elif kind == "count":
                assert await sessions.count_active_of_user(unit, "ann", now=T1) == 3 + (tenant == NOISE)
            elif kind == "forgot":
                rows = await unit.all(FORGOT_ITS_TENANT)
                assert {row[0] for row in rows} >= set(mine)
                assert other not in {row[0] for row in rows}
            elif kind == "error":
                await unit.one(DIVIDES, by=0)
            elif kind == "no error":
                share = await unit.one(DIVIDES, by=1)
                assert share is not None
                assert share[0] == 1
            else:
                with unit.snapshot():
                    first = await unit.all(sessions.LIST_ALL_OF_USER, user_id="ann")
                    assert {row[1] for row in first} == {tenant.id}
                    assert await unit.all(sessions.LIST_ALL_OF_USER, user_id="ann") == first

        with pytest.raises(asyncpg.DivisionByZeroError) if kind == "error" else nullcontext():
            await database.read(tenant, work)


async def settings_left(database: PostgresDatabase) -> set[tuple[str, bool, int]]:
    """What each connection of the pool knows of a tenant, whether it is in a transaction, and how many rows it sees."""
    pool = database._pool
    connections = [await pool.acquire() for _ in range(2)]
    left = set()
    for connection in connections:
        tenant = await connection.fetchval("SELECT coalesce(current_setting('sojourn.tenant', true), '')")
        seen = await connection.fetchval("SELECT count(*) FROM sessions")
        left.add((tenant, connection.is_in_transaction(), seen))
    for connection in connections:
        await pool.release(connection)
    return left


@pytest.mark.parametrize("seed", range(HISTORIES))
def test_no_answer_holds_another_tenants_row_whatever_is_asked_beside_it(
    store: Store, few_connections: PostgresDatabase, seed: int
) -> None:
    asked = Asked(store, seed)

    async def all_of_them() -> None:
        tasks = [asyncio.create_task(asked.question(few_connections)) for _ in range(120)]
        for task in asked.drawn.sample(tasks, 30):
            asyncio.get_running_loop().call_later(asked.drawn.random() * 0.05, task.cancel)
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            assert outcome is None or isinstance(outcome, asyncio.CancelledError), outcome

    store.run(all_of_them())

    assert store.run(settings_left(few_connections)) == {("", False, 0)}


def test_a_question_that_takes_long_is_overtaken(store: Store, few_connections: PostgresDatabase) -> None:
    finished: list[str] = []

    async def ask(name: str, seconds: float) -> None:
        async def work(unit: UnitOfWork) -> Any:
            return await unit.one(SLEEPS, seconds=seconds)

        await few_connections.read(ACME, work)
        finished.append(name)

    async def both() -> None:
        slow = asyncio.create_task(ask("slow", 10))
        await asyncio.sleep(0.3)
        await ask("quick", 0)
        assert not slow.done()
        slow.cancel()
        await asyncio.gather(slow, return_exceptions=True)

    store.run(both())

    assert finished == ["quick"]


def test_what_waits_together_goes_in_one_message(store: Store, few_connections: PostgresDatabase) -> None:
    mine = store.add(new_session())

    async def many() -> list[Any]:
        return await asyncio.gather(
            *(few_connections.read(ACME, lambda unit: unit.one(sessions.GET, id=mine.id)) for _ in range(50))
        )

    async def statements() -> Any:
        connection = await asyncpg.connect(store.url)
        commits = await connection.fetchval(
            "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"
        )
        await connection.close()
        return commits

    store.run(many())  # prepares it
    store.run(asyncio.sleep(1.2))  # the server counts with a delay
    before = store.run(statements())
    found = store.run(many())
    store.run(asyncio.sleep(1.2))

    assert {row[0] for row in found} == {mine.id}
    assert store.run(statements()) - before < 25, "fifty questions are fewer than twenty-five transactions"


def test_a_tenant_that_is_compared_as_no_text_is_refused() -> None:
    with pytest.raises(ValueError, match="stands in a place"):
        one_message(Statement(text("SELECT :tenant")), one=False, of_tenant=True)


def test_the_tenant_comes_from_the_row_that_set_it() -> None:
    message = one_message(users.FIND, one=True, of_tenant=True)

    assert "tenant_id = t.x" in message.text
    assert message.text.count("set_config('sojourn.tenant'") == 1
    assert "CROSS JOIN LATERAL" in message.text
