"""A grant is taken away and given back: nobody's request is to blame for it."""

import time
from collections.abc import Callable, Iterator

import pytest

from tests.faults.conftest import Experiment
from tests.faults.services import Service
from tests.postgres import ROLE, Cluster


@pytest.fixture
def database(cluster: Cluster) -> Iterator[str]:
    """The name of a database with the tables in it."""
    name = cluster.create()
    yield name
    cluster.drop(name)


@pytest.mark.parametrize("table", ["sessions", "session_counters"])
def test_the_role_loses_update_on_a_table(
    serve: Callable[..., Service], cluster: Cluster, database: str, experiment: Experiment, table: str
) -> None:
    """For four seconds: what needs it gets 503, and the log says which grant to give."""
    service = serve(cluster.url(database))

    def take_and_give() -> None:
        cluster.command(f"REVOKE UPDATE ON {table} FROM {ROLE}", database)
        time.sleep(4)
        cluster.command(f"GRANT UPDATE ON {table} TO {ROLE}", database)

    verdict = experiment(f"the role loses UPDATE on `{table}` for 4 s", service, take_and_give)

    assert verdict.refused > 0
    assert f"permission denied for table {table}; " in service.log.read_text()
    assert f"GRANT UPDATE ON {table} TO {ROLE}" in service.log.read_text()
