"""With SOJOURN_INTERNAL_PORT, internal and administrative operations answer at that port alone; SIGHUP reloads keys."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

from sojourn.openapi.document import Operation, operations
from sojourn.openapi.loader import load_bundle
from tests.live import API_KEY, LiveServer, free_port

OPERATIONS = list(operations(load_bundle(), Operation))
OTHER_KEY = "another-internal-key-for-tests-9876543210"
PATIENCE_SECONDS = 30


class Served:
    """A server with two ports, whose keys stand in files."""

    def __init__(self, folder: Path) -> None:
        self.keys, self.key_set = folder / "keys", folder / "jwks.json"
        self.keys.write_text(API_KEY + "\n")
        self.signer = self.publish("first")
        self.internal_port = free_port()
        self.live = LiveServer(
            folder,
            SOJOURN_INTERNAL_PORT=str(self.internal_port),
            SOJOURN_INTERNAL_API_KEYS="",
            SOJOURN_INTERNAL_API_KEYS_FILE=str(self.keys),
            SOJOURN_JWT_SECRET="",
            SOJOURN_JWT_JWKS=str(self.key_set),
        )

    def publish(self, kid: str) -> Ed25519PrivateKey:
        """A key set with this one key, in the place of what it held."""
        key = Ed25519PrivateKey.generate()
        public = OKPAlgorithm.to_jwk(key.public_key(), as_dict=True) | {"kid": kid, "alg": "EdDSA"}
        fresh = self.key_set.with_suffix(".fresh")
        fresh.write_text(json.dumps({"keys": [public]}))
        fresh.replace(self.key_set)
        return key

    def ask(self, method: str, path: str, *, internal: bool = True, **headers: str) -> tuple[int, dict[str, Any]]:
        """Status and document, over a connection of its own."""
        port = self.internal_port if internal else self.live.port
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", None, named, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                status, text = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                status, text = error.code, error.read()
        try:
            found = json.loads(text)
        except ValueError:
            found = {}
        return status, found if isinstance(found, dict) else {}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    found = Served(tmp_path_factory.mktemp("ports"))
    yield found
    assert found.live.stop() in (0, -signal.SIGTERM)


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.1)


def is_for_services_or_administrators(operation: Operation) -> bool:
    return operation.scheme == "apiKey" or bool(operation.roles) or operation.schemes == ("clientAuth",)


def test_each_operation_answers_at_its_port(served: Served) -> None:
    wrong = []
    for operation in OPERATIONS:
        path = re.sub(r"{\w+}", "sess_abc123", operation.path)
        for internal in (False, True):
            status, told = served.ask(operation.method, path, internal=internal)
            answers = (status, told.get("i18n_key")) != (404, "error.route_not_found")
            if answers != (internal or not is_for_services_or_administrators(operation)):
                wrong.append((operation.id, internal, status, told))

    assert wrong == []
    assert 30 <= sum(map(is_for_services_or_administrators, OPERATIONS)) < len(OPERATIONS)


def test_what_is_hidden_says_nothing_of_other_methods_or_keys(served: Served) -> None:
    for method in ("OPTIONS", "PATCH", "GET"):
        status, told = served.ask(method, "/admin/tokens/config", internal=False, X_API_Key=API_KEY)
        assert (status, told["i18n_key"]) == (404, "error.route_not_found")


def test_users_and_load_balancers_are_served_at_both_ports(served: Served) -> None:
    assert served.ask("GET", "/sessions?auth_user_id=u", internal=False)[0] == 401
    assert served.ask("GET", "/health/ready", internal=False)[0] == 200
    assert served.ask("GET", "/health/ready")[0] == 200


def test_sighup_reloads_keys_and_key_sets(served: Served) -> None:
    def bearer(key: Ed25519PrivateKey, kid: str) -> str:
        claims = {"sub": "root", "tenant_id": "acme", "roles": ["admin"], "exp": int(time.time()) + 3600}
        return "Bearer " + jwt.encode(claims, key, algorithm="EdDSA", headers={"kid": kid})

    old = bearer(served.signer, "first")
    assert served.ask("GET", "/admin/sessions/active-count", Authorization=old)[0] in (200, 404)
    served.keys.write_text(OTHER_KEY + "\n")
    new = bearer(served.publish("second"), "second")

    served.live.process.send_signal(signal.SIGHUP)
    until(lambda: served.live.log.read_text().count("SIGHUP: keys and key sets are read again") == 1)

    lookup = "/internal/session/sessions/u"
    until(lambda: served.ask("GET", "/admin/sessions/active-count", Authorization=old)[0] == 401)
    assert served.ask("GET", "/admin/sessions/active-count", Authorization=new)[0] in (200, 404)
    assert served.ask("GET", lookup, X_API_Key=OTHER_KEY, X_Tenant_ID="acme")[0] == 200
    assert served.ask("GET", lookup, X_API_Key=API_KEY, X_Tenant_ID="acme")[0] == 401
    assert served.live.process.poll() is None


def test_sighup_reaches_every_worker_and_ends_none(tmp_path: Path) -> None:
    program = (
        "from sojourn.serving import listeners; listeners.APPLICATION = 'tests.serving.noting_app:application';"
        " listeners.PREPARED = 'tests.serving.noting_app:prepared';"
        " listeners.serve(3, None, port=0, log_level='warning')"
    )

    def noted(what: str) -> set[str]:
        return {file.name.partition("-")[2] for file in tmp_path.glob(f"{what}-*")}

    with subprocess.Popen([sys.executable, "-c", program], env={**os.environ, "NOTES": str(tmp_path)}) as parent:
        try:
            until(lambda: len(noted("began")) >= 3)
            parent.send_signal(signal.SIGHUP)
            until(lambda: len(noted("told")) >= 3)
            assert parent.poll() is None
        finally:
            parent.terminate()
    assert noted("told") <= noted("began")


def test_keys_that_would_be_refused_at_a_start_leave_those_that_are_known(served: Served) -> None:
    served.keys.write_text("short\n")
    served.live.process.send_signal(signal.SIGHUP)
    until(lambda: served.live.log.read_text().count("the API keys of the environment stay as they are") == 1)

    known = (API_KEY, OTHER_KEY)
    statuses = {served.ask("GET", "/internal/session/sessions/u", X_API_Key=k, X_Tenant_ID="acme")[0] for k in known}
    assert 200 in statuses


def test_the_internal_port_cannot_be_another_listeners(tmp_path: Path, served: Served) -> None:
    with pytest.raises(RuntimeError, match="SOJOURN_INTERNAL_PORT: cannot listen"):
        LiveServer(tmp_path, SOJOURN_INTERNAL_PORT=str(served.internal_port))
