"""A body that comes too late is refused, and nothing more is read of its connection."""

import signal
from collections.abc import Iterator

import pytest

from tests.live import API_KEY, LiveServer
from tests.serving.conversations import converse

HEAD = (
    b"POST /internal/session/create HTTP/1.1\r\nHost: x\r\nX-Tenant-ID: acme\r\nContent-Type: application/json\r\n"
    b"X-API-Key: " + API_KEY.encode() + b"\r\n"
)


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server that waits half a second for a head or a body."""
    folder = tmp_path_factory.mktemp("hasty")
    server = LiveServer(folder, SOJOURN_HEAD_TIMEOUT="500ms", SOJOURN_BODY_TIMEOUT="500ms")
    yield server
    assert server.stop() in (0, -signal.SIGTERM)


@pytest.mark.parametrize(
    "begun",
    [
        HEAD + b"Content-Length: 22\r\n\r\n{",
        HEAD + b"Content-Length: 22\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n{",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\nX-Trailer: a",
    ],
)
def test_a_body_that_does_not_end_is_408_and_the_end_of_its_connection(hasty: LiveServer, begun: bytes) -> None:
    [answer] = converse(hasty.port, [begun])

    assert (answer.status, answer.headers["connection"]) == (408, "close")


def test_a_head_that_does_not_end_waits_for_the_answer_before_it(hasty: LiveServer) -> None:
    answers = converse(hasty.port, [b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /health"])

    assert [answer.status for answer in answers] == [200, 408]
    assert answers[1].headers["connection"] == "close"
    assert "date" in answers[1].headers
