"""One server for a file of tests, and a certificate."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.certificates import Certificate, make
from tests.live import LiveServer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    running = LiveServer(tmp_path_factory.mktemp("server"))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    folder: Path = tmp_path_factory.mktemp("certificate")
    return make(folder, "localhost", "sessions.example.com")
