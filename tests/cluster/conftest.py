"""One cluster for all tests; each module has a database of its own, distributed."""

import asyncio
from collections.abc import Iterator

import pytest

from sojourn.storage import engines
from tests.cluster.clusters import CitusCluster, can_lose_a_node, can_pause_a_node


def pytest_report_header() -> list[str]:
    return [
        f"NOT RUN, because SOJOURN_TEST_CLUSTER_WORKER_{name} is not set: {what}"
        for name, what, here in (
            ("STOP", "a lost worker", can_lose_a_node()),
            ("PAUSE", "a worker that stands still", can_pause_a_node()),
        )
        if not here
    ]


@pytest.fixture(scope="session")
def citus() -> CitusCluster:
    """The cluster that the environment names."""
    return CitusCluster.given()


@pytest.fixture(scope="module")
def distributed(citus: CitusCluster) -> Iterator[str]:
    """The name of a database whose tables are distributed."""
    name = citus.create()
    asyncio.run(engines.migrate(citus.url(name), distribute=True))
    yield name
    citus.drop(name)
