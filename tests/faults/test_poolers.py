"""PgBouncer on the way to PostgreSQL, and what can happen to it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conformance.serving import judge
from tests.faults.conftest import POOLED_CONNECTIONS, Experiment
from tests.faults.services import REFRESH_SECRET, Service
from tests.live import LiveServer
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


@pytest.mark.parametrize("mode", MODES)
def test_the_core_profile_passes_behind_a_pooler(cluster: Cluster, database: str, tmp_path: Path, mode: str) -> None:
    """Without any fault: the service answers as it does without a pooler."""
    with pooler(cluster, mode, connections=POOLED_CONNECTIONS) as between:
        settings = {"SOJOURN_REFRESH_SECRET": REFRESH_SECRET, "SOJOURN_BODY_TIMEOUT": "2s"}
        server = LiveServer(tmp_path, SOJOURN_DATABASE_URL=between.url(database), **settings)
        said = judge(server.url, tmp_path / "report", "--profile", "core")
        server.stop()

    verdicts = list(said.verdicts.values())
    print(f"\ncore, {mode} mode: { ({kind: verdicts.count(kind) for kind in sorted(set(verdicts))}) }")
    assert said.status == 0, said.output
    assert set(verdicts) <= {"pass", "not applicable"}
    assert " ERROR " not in server.log.read_text()
