"""`Expect: 100-continue` (RFC 9110 §10.1.1), as Java's HttpClient and curl send it: nobody waits for ever.

A client that sent it waits for `100 Continue` before its body. Where the body is wanted it gets that; else it gets the
refusal itself, and then either sends the body all the same, or does not and goes on.
"""

import shutil
import socket
import subprocess
from collections.abc import Iterator

import pytest

from tests.live import API_KEY, LiveServer

BODY = b'{"auth_user_id":"usr_expect"}'
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LONG = 60
"""Seconds that an answer may take on a busy machine; a server that never answers fails the test."""

CREATE = "POST /internal/session/create"
KEY = f"X-API-Key: {API_KEY}\r\n"
JSON = "Content-Type: application/json\r\n"
LENGTH = f"Content-Length: {len(BODY)}\r\n"
REFUSED = {
    "no credential": (CREATE, JSON + LENGTH, 401),
    "a wrong key": (CREATE, "X-API-Key: no\r\n" + JSON + LENGTH, 401),
    "no such path": ("POST /nothing", KEY + JSON + LENGTH, 404),
    "no such method": ("PUT /internal/session/create", KEY + JSON + LENGTH, 405),
    "no such form": (CREATE, KEY + JSON + "Accept: text/plain\r\n" + LENGTH, 406),
    "a body that is too large": (CREATE, KEY + JSON + "Content-Length: 10000000\r\n", 413),
    "a body that is no JSON": (CREATE, KEY + "Content-Type: text/plain\r\n" + LENGTH, 415),
}
"""Why a body is not wanted: the request, its fields, and the status that says so before anything of it was sent."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    live = LiveServer(tmp_path_factory.mktemp("expect"))
    yield live
    live.stop()


def head(line: str, fields: str) -> bytes:
    return f"{line} HTTP/1.1\r\nHost: x\r\nX-Tenant-ID: acme\r\n{fields}Expect: 100-continue\r\n\r\n".encode()


class Connection:
    """A connection that reads answers one by one."""

    def __init__(self, server: LiveServer) -> None:
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=LONG)
        self.reader = self.socket.makefile("rb")

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def answer(self) -> tuple[int, dict[str, str]]:
        """The status and the fields of the next answer, its body read to its end."""
        status = int(self.reader.readline().split(b" ")[1])
        fields = {}
        while (line := self.reader.readline().strip()) != b"":
            name, _, value = line.partition(b":")
            fields[name.decode().lower()] = value.strip().decode()
        self.reader.read(int(fields.get("content-length", 0)))
        return status, fields

    def ended(self) -> bool:
        """Whether the server closes the connection, which is waited for."""
        try:
            return self.reader.read(1) == b""
        except ConnectionResetError:
            return True

    def close(self) -> None:
        self.reader.close()
        self.socket.close()


@pytest.fixture
def connection(server: LiveServer) -> Iterator[Connection]:
    opened = Connection(server)
    yield opened
    opened.close()


@pytest.mark.parametrize("chunked", [False, True])
def test_a_wanted_body_is_asked_for_before_it_is_sent(connection: Connection, chunked: bool) -> None:
    framing = "Transfer-Encoding: chunked\r\n" if chunked else LENGTH
    connection.send(head(CREATE, KEY + JSON + framing))
    assert connection.answer()[0] == 100

    connection.send(b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY) if chunked else BODY)
    assert connection.answer()[0] == 201

    connection.send(head("GET /health/live", ""))
    assert connection.answer()[0] == 200


@pytest.mark.parametrize("reason", REFUSED)
def test_a_body_that_is_not_wanted_is_refused_without_being_asked_for_and_nobody_waits_for_it(
    connection: Connection, reason: str
) -> None:
    line, fields, status = REFUSED[reason]
    connection.send(head(line, fields))

    found, said = connection.answer()
    assert found == status

    # The client does not send the body. Either it is told that the connection ends, or its next request is answered.
    if said.get("connection") == "close":
        assert connection.ended()
    else:
        connection.send(head("GET /health/live", ""))
        assert connection.answer()[0] == 200


@pytest.mark.parametrize("reason", [reason for reason in REFUSED if reason != "a body that is too large"])
def test_a_client_that_sends_the_body_all_the_same_is_not_misread(connection: Connection, reason: str) -> None:
    line, fields, status = REFUSED[reason]
    connection.send(head(line, fields) + BODY)

    found, said = connection.answer()
    assert found == status
    if said.get("connection") == "close":
        assert connection.ended()
    else:
        connection.send(head("GET /health/live", ""))
        assert connection.answer()[0] == 200


def test_a_client_that_does_not_wait_gets_its_answer(connection: Connection) -> None:
    connection.send(head(CREATE, KEY + JSON + LENGTH) + BODY)

    statuses = [connection.answer()[0]]
    if statuses == [100]:
        statuses.append(connection.answer()[0])

    assert statuses[-1] == 201


@pytest.mark.parametrize("line", ["GET /health/live", "DELETE /internal/session/session/user/usr_expect"])
def test_a_request_without_a_body_is_answered_at_once(connection: Connection, line: str) -> None:
    for _ in range(2):
        connection.send(head(line, KEY))
        assert connection.answer()[0] == 200


@pytest.mark.parametrize(
    ("path", "data", "status"),
    [("/internal/session/create", BODY.decode(), 201), ("/nothing", BODY.decode(), 404), ("/health/live", None, 200)],
)
def test_curl_that_expects_100_continue_is_answered(
    server: LiveServer, path: str, data: str | None, status: int
) -> None:
    program = shutil.which("curl")
    if program is None:
        pytest.skip("NOT TESTED: curl is not installed")
    fields = ["Expect: 100-continue", f"X-API-Key: {API_KEY}", "X-Tenant-ID: acme", "Content-Type: application/json"]
    command = [
        program,
        "-sS",
        "-m",
        str(LONG),
        "-o",
        "/dev/null",
        "-w",
        "%{http_code}",
        "--expect100-timeout",
        str(LONG),
    ]
    command += [part for field in fields for part in ("-H", field)]
    command += [] if data is None else ["--data-binary", data]

    done = subprocess.run([*command, f"{server.url}{path}"], capture_output=True, text=True, check=False)

    assert (done.stdout, done.stderr) == (str(status), "")
