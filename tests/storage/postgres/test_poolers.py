"""Behind PgBouncer the program works as without it, in both of its modes and with the settings it comes with."""

import asyncio
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta

import pytest

from sojourn.domain.clock import from_text
from sojourn.storage.engines import migrate, open_database, require_current
from sojourn.storage.postgres.database import PostgresDatabase
from sojourn.storage.postgres.poolers import is_pooled
from sojourn.storage.upkeep import leases
from sojourn.storage.upkeep.housekeeping import run_housekeeping
from tests.live import REFRESH_SECRET
from tests.poolers import MODES, Pooler, pooler
from tests.postgres import Cluster
from tests.storage.conftest import T0, T1, Store, new_session
from tests.storage.postgres.test_reader import Asked, settings_left


@pytest.fixture(scope="module", params=MODES)
def in_between(request: pytest.FixtureRequest, cluster: Cluster) -> Iterator[Pooler]:
    """PgBouncer in each mode, with two connections for all of a database's clients, or as many as they are."""
    with pooler(cluster, request.param, connections=2 if request.param == "transaction" else 20) as running:
        yield running


@pytest.fixture
def database_url(cluster: Cluster, in_between: Pooler) -> Iterator[str]:
    name = cluster.create()
    yield in_between.url(name)
    cluster.drop(name)


def test_a_pooler_is_recognised_and_told_once(
    cluster: Cluster, in_between: Pooler, caplog: pytest.LogCaptureFixture
) -> None:
    name = cluster.create()
    with caplog.at_level(logging.INFO, "sojourn.storage"):
        for url, pooled in ((cluster.url(name), False), (in_between.url(name), True)):
            caplog.clear()
            assert asyncio.run(is_pooled(url)) is pooled
            Store(url).close()
            assert sum("a pooler is in front" in record.getMessage() for record in caplog.records) == pooled
    cluster.drop(name)


def test_a_database_is_made_behind_a_pooler(cluster: Cluster, in_between: Pooler) -> None:
    name = cluster.create(empty=True)
    url = in_between.url(name)
    for _ in range(2):
        asyncio.run(migrate(url))
        asyncio.run(require_current(url))
    cluster.drop(name)


@pytest.mark.parametrize("seed", range(3))
def test_no_answer_holds_another_tenants_row_behind_a_pooler(store: Store, seed: int) -> None:
    """Six clients of the pooler share its connections: what one leaves there another would find."""
    asked = Asked(store, seed)
    databases = [store.run(open_database(store.url, pool_size=2)) for _ in range(3)]
    behind = [database for database in databases if isinstance(database, PostgresDatabase)]

    async def all_of_them() -> None:
        tasks = [asyncio.create_task(asked.question(behind[number % 3])) for number in range(120)]
        for task in asked.drawn.sample(tasks, 15):
            asyncio.get_running_loop().call_later(asked.drawn.random() * 0.05, task.cancel)
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            assert outcome is None or isinstance(outcome, asyncio.CancelledError), (outcome, repr(outcome.__cause__))

    store.run(all_of_them())

    for database in behind:
        assert store.run(settings_left(database)) == {("", False, 0)}
        store.run(database.close())


def test_writes_leases_and_housekeeping_work_behind_a_pooler(store: Store) -> None:
    kept = store.add(new_session())
    one, other = (
        store.run(leases.take(store.database, "sweeping", holder=holder, now=T0, until=T1)) for holder in ("one", "two")
    )
    later = from_text(T0) + timedelta(weeks=30)
    done = store.run(run_housekeeping(store.database, "one", now=later, retention=timedelta(days=30)))

    assert (one, other) == (True, False)
    assert kept.id
    assert done is not None
    assert (done.settled, done.purged) == (3, 3)


def test_made_up_data_is_loaded_behind_a_pooler(cluster: Cluster, in_between: Pooler) -> None:
    name = cluster.create()
    arguments = ["seed", "--yes", "--users", "6", "--sessions", "60", "--database-url", in_between.url(name)]
    environment = {**os.environ, "SOJOURN_REFRESH_SECRET": REFRESH_SECRET}
    command = [sys.executable, "-m", "sojourn", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)

    assert done.returncode == 0, done.stderr
    assert cluster.command("SELECT count(*) FROM sessions", name) == [(60,)]
    cluster.drop(name)
