"""No request waits for another's token: the issuer's keys are asked for before a transaction is open."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.http.conftest import API_KEY, Client

UNKNOWN = "eyJhbGciOiJSUzI1NiIsImtpZCI6InVua25vd24ifQ.e30." + "A" * 342
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
INTERNAL = {"X-API-Key": API_KEY, "X-Tenant-ID": "acme"}
SHOWN: dict[str, tuple[str, dict[str, Any]]] = {
    "blacklist_token": (
        "/internal/session/blacklist-token",
        {"token": UNKNOWN, "token_type": "access", "user_id": "usr_abc123"},
    ),
    "validate_access_token": ("/internal/session/validate-token", {"access_token": UNKNOWN}),
    "add_to_blacklist": ("/tokens/blacklist", {"token": UNKNOWN, "token_type": "access", "user_id": "root"}),
    "check_blacklisted_token": ("/tokens/blacklist/check", {"token": UNKNOWN}),
    "introspect_token": ("/admin/tokens/introspect", {"token": UNKNOWN}),
    "exchange_token": ("/admin/tokens/exchange", {"grant_type": EXCHANGE, "subject_token": UNKNOWN}),
}


@pytest.fixture
def silent_issuer() -> Iterator[str]:
    """The URL of a key set that does not answer while the test runs."""
    over = threading.Event()

    class Silent(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            over.wait(30)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Silent)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    over.set()
    server.shutdown()
    server.server_close()


def test_a_token_whose_keys_cannot_be_had_keeps_no_other_request_waiting(
    start: Callable[..., Client], silent_issuer: str
) -> None:
    client = start(SOJOURN_JWT_JWKS=silent_issuer)
    client.create()
    admin = {"Authorization": f"Bearer {client.token('root', roles=['admin'])}"}
    showing = [
        ("POST", path, {"json": body, "headers": INTERNAL if path.startswith("/internal") else admin})
        for path, body in SHOWN.values()
    ]
    sign_in = ("POST", "/internal/session/create", {"json": {"auth_user_id": "usr_abc123"}, "headers": INTERNAL})

    *waiting, signed_in = client.gather(*showing * 2, sign_in)

    assert signed_in.status_code == 201
    assert {answer.status_code for answer in waiting} == {503}
    assert min(answer.elapsed for answer in waiting) > signed_in.elapsed
