"""A receiver of webhooks: a real server on 127.0.0.1 that answers as it is told and remembers what came."""

import json
import socket
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from standardwebhooks import Webhook

PATIENCE_SECONDS = 30


class Received(NamedTuple):
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def said(self) -> dict[str, Any]:
        return dict(json.loads(self.body))

    def is_signed_with(self, secret: str) -> bool:
        """Whether a signature is good, as the package of Standard Webhooks sees it, whatever the clock of the test."""
        webhook = Webhook(secret)
        now = float(self.headers["webhook-timestamp"])
        expected = webhook.sign(self.id, datetime.fromtimestamp(now, UTC), self.body.decode())
        return expected in self.headers["webhook-signature"].split(" ")


Answer = Callable[[BaseHTTPRequestHandler], None]


def status(code: int, **headers: str) -> Answer:
    """Answers with a status, and nothing more."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    """Closes the connection without an answer."""
    handler.connection.shutdown(socket.SHUT_RDWR)
    handler.close_connection = True


class Receiver:
    """`answers` are used up one after the other; then `default` answers.

    `received` is what came whole, `accepted` is what of it was answered with 2xx.
    """

    def __init__(self, *answers: Answer, default: Answer | None = None, port: int = 0) -> None:
        self.received: list[Received] = []
        self.accepted: list[Received] = []
        self.answers = list(answers)
        self.default = default or status(204)
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", "0"))
                body = self.rfile.read(length)
                if len(body) < length:  # whoever sent it is dead
                    self.close_connection = True
                    return
                one = Received(self.path, {k.lower(): v for k, v in self.headers.items()}, body)
                with outer._lock:
                    outer.received.append(one)
                    answer = outer.answers.pop(0) if outer.answers else outer.default
                self.said = 0
                answer(self)
                if 200 <= self.said < 300:
                    outer.accepted.append(one)

            def send_response(self, code: int, message: str | None = None) -> None:
                self.said = code
                super().send_response(code, message)

            def log_message(self, *args: Any) -> None:
                """Says nothing."""

        self._handler = Handler
        self._open(port)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/hook"

    def _open(self, port: int) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def open_again(self) -> None:
        """Listen at the same place as before, after `close`."""
        self._open(self.port)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def ids(self) -> list[str]:
        return [one.id for one in self.received]


def until(is_so: Callable[[], Any], seconds: float = PATIENCE_SECONDS) -> Any:
    """Wait until something is so; what it is. Fails when that takes too long."""
    deadline = time.monotonic() + seconds
    while not (found := is_so()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
    return found
