"""A real server process for tests of the wire."""

import signal
from collections.abc import Iterator

import pytest

from tests.live import LiveServer


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """One server for all of them."""
    server = LiveServer(tmp_path_factory.mktemp("wire"))
    yield server
    assert server.stop() in (0, -signal.SIGTERM)
