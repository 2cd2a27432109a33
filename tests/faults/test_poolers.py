"""PgBouncer on the way to PostgreSQL, and what can happen to it."""

from collections.abc import Callable, Iterator

import pytest

from tests.faults.conftest import Experiment
from tests.faults.services import Service
from tests.poolers import MODES, pooler
from tests.postgres import Cluster

POOL = 4
"""Connections of each worker. In session mode PgBouncer needs as many as all of its clients."""


@pytest.fixture
def database(cluster: Cluster) -> Iterator[str]:
    """The name of a database with the tables in it."""
    name = cluster.create()
    yield name
    cluster.drop(name)


@pytest.mark.parametrize("mode", MODES)
def test_the_pooler_is_killed_and_started_again(
    serve: Callable[..., Service], cluster: Cluster, database: str, experiment: Experiment, mode: str
) -> None:
    """All clients share three connections in transaction mode. The pooler's death ends them all."""
    with pooler(cluster, mode, connections=3 if mode == "transaction" else 40) as between:
        service = serve(between.url(database), SOJOURN_DATABASE_POOL=str(POOL))

        def kill_and_start() -> None:
            between.kill()
            between.start()

        experiment(f"PgBouncer killed and started again ({mode} mode)", service, kill_and_start)

        assert "a pooler is in front of PostgreSQL" in service.log.read_text()
        service.stop()
