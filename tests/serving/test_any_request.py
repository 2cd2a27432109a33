"""What any request may be answered, whatever its path, is in the contract's description, and always a problem."""

import ast
import re
import signal
import socket
from collections.abc import Iterator

import pytest

from sojourn.domain import errors
from sojourn.openapi.loader import load_bundle
from sojourn.problems import documents, http_errors
from tests.live import LiveServer
from tests.serving.conversations import Heard, answers
from tests.tree import HOME

MOST_CONNECTIONS = 3
END = b"Host: x\r\nConnection: close\r\n\r\n"
PROVOKED = {
    400: b"GET /health/live HTTP/1.1\r\n\r\n",
    404: b"GET /nowhere HTTP/1.1\r\n" + END,
    405: b"PATCH /health/live HTTP/1.1\r\n" + END,
    408: b"GET /health/live HTTP/1.1\r\nHost: ",
    414: b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n" + END,
    431: b"GET /health/live HTTP/1.1\r\nX-Filler: " + b"a" * 100_000 + b"\r\n" + END,
    501: b"POST /sessions HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n" + END,
    505: b"GET /health/live HTTP/2.0\r\n" + END,
}
READ_BEFORE_AN_OPERATION_IS_FOUND = ("serving", "pipeline/routing.py", "pipeline/requests.py")
OF_OPERATIONS = {"feed.py", "status_lists.py"}
"""Modules beside those, which operations call."""


def listed() -> set[int]:
    """The statuses in the paragraph of the contract's description."""
    [paragraph] = re.findall(r"\*\*Any request\*\*.*?\n\n", load_bundle()["info"]["description"], re.DOTALL)
    return {int(status) for status in re.findall(r"`(\d{3})`", paragraph)}


def sent() -> set[int]:
    """The statuses of the refusals that are made in the modules that know no operation yet."""
    found: set[int] = set()
    for place in READ_BEFORE_AN_OPERATION_IS_FOUND:
        path = HOME / "sojourn" / place
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            if file.name in OF_OPERATIONS:
                continue
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                    kind = getattr(http_errors, node.func.id, None) or getattr(errors, node.func.id, None)
                    if isinstance(kind, type) and issubclass(kind, errors.DomainError):
                        found.add(documents.CATALOGUE[kind.key].status)
    return found


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server that waits half a second for a head, and takes few connections."""
    folder = tmp_path_factory.mktemp("any")
    live = LiveServer(folder, SOJOURN_HEAD_TIMEOUT="500ms", SOJOURN_MAX_CONNECTIONS=str(MOST_CONNECTIONS))
    yield live
    assert live.stop() in (0, -signal.SIGTERM)


def ask(server: LiveServer, data: bytes) -> Heard:
    """What the server says, until it closes."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(data)
        received = bytearray()
        while part := connection.recv(65_536):
            received += part
    [answer] = answers(bytes(received))
    return answer


def assert_problem(answer: Heard, status: int) -> None:
    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.document["status"] == status
    assert answer.document["type"].startswith("/problems/")


def test_the_list_names_what_is_sent_and_nothing_else() -> None:
    assert listed() == sent() == {*PROVOKED, 503}


@pytest.mark.parametrize("status", PROVOKED)
def test_each_status_of_the_list_comes_with_a_problem_document(status: int, hasty: LiveServer) -> None:
    assert_problem(ask(hasty, PROVOKED[status]), status)


def test_one_connection_too_many_is_told_so_in_a_problem_document(hasty: LiveServer) -> None:
    held = [socket.create_connection(("127.0.0.1", hasty.port)) for _ in range(MOST_CONNECTIONS)]

    assert_problem(ask(hasty, b"GET /health/live HTTP/1.1\r\n" + END), 503)
    for connection in held:
        connection.close()
