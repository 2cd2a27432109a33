"""A receiver of webhooks, for as long as a check lasts: it accepts everything and keeps it."""

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

_POLL_SECONDS = 0.05


class Delivery(NamedTuple):
    """A request that came. Its headers have names in lower case."""

    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> dict[str, Any]:
        """The body. Fails the check when it is no JSON object."""
        try:
            found = json.loads(self.body)
        except ValueError:
            found = None
        assert isinstance(found, dict), f"a delivery is no JSON object: {self.body[:200]!r}"
        return found

    @property
    def form(self) -> dict[str, str]:
        """The body, where it is a form; of a name that is repeated the last value."""
        if not self.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return {}
        return dict(parse_qsl(self.body.decode("utf-8", "replace")))

    def is_signed_with(self, secret: str) -> bool:
        """Whether one of the signatures is that of a secret (Standard Webhooks 1.0, "Verifying webhook authenticity").

        Fails the check when the secret is not of the form `whsec_` and base64.
        """
        assert secret.startswith("whsec_"), "a secret does not begin with whsec_"
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        parts = (self.headers.get("webhook-id", ""), self.headers.get("webhook-timestamp", ""), "")
        digest = hmac.new(key, ".".join(parts).encode() + self.body, hashlib.sha256).digest()
        given = self.headers.get("webhook-signature", "").split(" ")
        return f"v1,{base64.b64encode(digest).decode()}" in given


class Receiver:
    """What has come so far."""

    def __init__(self, port: int) -> None:
        """Listen on a port of every address of this machine. Raises OSError."""
        self._came: list[Delivery] = []
        came = self._came

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                came.append(Delivery({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("", port), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(_POLL_SECONDS,), daemon=True).start()

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()

    def about(self, session_id: str, *, seconds: float) -> Delivery:
        """The delivery that names a session. Fails the check when none has come in time."""
        deadline = time.monotonic() + seconds
        while True:
            for delivery in tuple(self._came):
                if delivery.document.get("data", {}).get("session_id") == session_id:
                    return delivery
            assert time.monotonic() < deadline, f"nothing was delivered in {seconds:g} seconds"
            time.sleep(_POLL_SECONDS)

    def forms(self, count: int, *, seconds: float) -> list[dict[str, str]]:
        """The forms that came, once there are so many. Fails the check when there are fewer in time."""
        deadline = time.monotonic() + seconds
        while len(found := [delivery.form for delivery in tuple(self._came) if delivery.form]) < count:
            assert time.monotonic() < deadline, f"{len(found)} of {count} forms came in {seconds:g} seconds"
            time.sleep(_POLL_SECONDS)
        return found


@contextmanager
def receiver(url: str) -> Iterator[Receiver]:
    """A receiver at a URL that leads to this machine."""
    parts = urlsplit(url)
    listening = Receiver(parts.port or (443 if parts.scheme == "https" else 80))
    try:
        yield listening
    finally:
        listening.close()
