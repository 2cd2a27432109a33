"""Every documented status of every operation, provoked over HTTP on a running server.

The pairs are read from the contract: a status that is declared and that nothing here provokes fails the test,
as does one that is provoked and not declared.
"""

import fcntl
import json
import os
import re
import signal
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest

from sojourn.conformance.contract import Contract, Operation
from sojourn.conformance.wire import Raw, Reply, Wire
from sojourn.openapi.document import FORM, SECURITY_EVENT
from sojourn.openapi.loader import load_bundle
from tests.live import LiveServer
from tests.strictness import requests
from tests.strictness.conftest import USER, Prepared
from tests.strictness.requests import exchange, problem_of, valid_request, with_client

_CONTRACT = Contract.read(None)
OPERATIONS = {operation.id: operation for operation in requests.OPERATIONS} | _CONTRACT.forms | _CONTRACT.left_out
FILES = {"get_console_script": "nothing.js", "get_console_style": "nothing.css"}
"""Files that no release of the console has."""
UNKNOWN = {
    "session_id": "sess_abc123",
    "slug": "no-such-type",
    "token_id": "tok_01968a3c-5c00-7000-8000-00a1b2c3d4e5",
    "entry_id": "bl_01968a3c-5c00-7000-8000-00a1b2c3d4e5",
    "device_id": "dev_nobody_ever_saw",
    "key_id": "0" * 32,
    "list_id": "no-such-list",
    "webhook_id": "whk_01968a3c-5c00-7000-8000-00a1b2c3d4e5",
    "client_id": "no-such-application",
    "plan_id": "plan_01968a3c-5c00-7000-8000-00a1b2c3d4e5",
    "revocation_id": "rev_01968a3c-5c00-7000-8000-00a1b2c3d4e5",
}
NAMES_A_SESSION = {"get_device_fingerprint", "get_risk_score", "generate_tokens", "revoke_user_sessions"}
"""Operations that name a session elsewhere than in their path."""
FOR_NEW_TENANTS = {"start_session", "trust_own_device"}
"""Operations that make the tenant where nobody provisions it by hand."""
NEEDS_A_PUBLIC_URL = {"get_oauth_metadata"}
"""Operations that are 404 where the operators have set none."""
MAKES_NO_SESSION = {"trust_device", "trust_own_device", "blacklist_token"}
"""Operations that are 409 for nothing but a tenant too many."""
MAKES_WHAT_MAY_BE_THERE = {"create_tenant", "create_logout_client"}
"""Operations that are 409 for what is there already."""
ANOTHER = {"app_id": "another", "name": "another", "reason": "another", "overlap": "2h", "max_sessions": 7}
"""Members that make another request of a body."""
GOOD_ONCE = {"generate_first_tokens"}
"""Operations that are 409 the second time."""
MAKES_SO_MANY = {"create_webhook"}
"""Operations that are 409 for one too many."""
ENDS_WHAT_WAS_COUNTED = {"apply_revocation_plan"}
"""Operations that are 409 where more sessions fit than may end."""
SPENDS_A_REFRESH_TOKEN = {"refresh_tokens", "rotate_access_token"}
REFRESHES_A_MINUTE = 120
GUESSES_A_MINUTE = 3
LIMITED_KEY_TENANT = "elsewhere"
WAL_WRITE_LOCK, WAL_RECOVER_LOCK, WAL_INDEX_HEADER = 120, 122, 48


def documented() -> list[tuple[str, int]]:
    """(operationId, status) for every response in the contract."""
    return [
        (definition["operationId"], int(status))
        for item in load_bundle()["paths"].values()
        for definition in item.values()
        for status in definition["responses"]
    ]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prepared]:
    """A server that gives up early, so that its giving up can be seen."""
    live = LiveServer(
        tmp_path_factory.mktemp("statuses"),
        SOJOURN_BODY_TIMEOUT="300ms",
        SOJOURN_BUSY_TIMEOUT="100ms",
        SOJOURN_API_KEY_GUESSES=str(GUESSES_A_MINUTE),
        SOJOURN_MAX_BLACKLIST_ENTRIES="1",
        SOJOURN_LOGOUT_AUDIENCE="shop-web",
        SOJOURN_PUBLIC_URL="{url}",
    )
    yield Prepared(live)
    assert live.stop() in (0, -signal.SIGTERM)


@pytest.fixture(scope="module")
def provisioned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prepared]:
    """A server whose tenants are provisioned by hand; it has none."""
    live = LiveServer(tmp_path_factory.mktemp("provisioned"), SOJOURN_TENANTS_PROVISIONED="true")
    yield Prepared(live)
    assert live.stop() in (0, -signal.SIGTERM)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prepared]:
    """A server with as many tenants as may be made on first use, whose tenants may have one webhook."""
    live = LiveServer(tmp_path_factory.mktemp("full"), SOJOURN_MAX_TENANTS="1", SOJOURN_MAX_WEBHOOKS="1")
    prepared = Prepared(live)
    prepared.known = prepared.fresh()
    yield prepared
    assert live.stop() in (0, -signal.SIGTERM)


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prepared]:
    """A server whose tables were taken away behind its back."""
    live = LiveServer(
        tmp_path_factory.mktemp("damaged"), SOJOURN_PUBLIC_URL="{url}", SOJOURN_LOGOUT_AUDIENCE="shop-web"
    )
    prepared = Prepared(live)
    prepared.known = prepared.fresh()
    with sqlite3.connect(live.folder / "sojourn.db") as connection:
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            connection.execute(f"DROP TABLE {table}")
    connection.close()
    yield prepared
    live.stop()


def request_for(operation: Operation, server: Prepared) -> Raw:
    return valid_request(operation, server.credentials, server.fresh(operation.id))


@cache
def limited_api_key(server: Prepared) -> str:
    """A stored API key that covers one other tenant only."""
    return server.run("api-key", "create", "--name", "limited", "--tenant", LIMITED_KEY_TENANT)


@cache
def user_token(server: Prepared) -> str:
    """The token of a user without any role who owns nothing."""
    return server.run("token", "--tenant", "acme", "--user", "usr_nobody")


@cache
def token_of_an_administrator(server: Prepared, tenant: str) -> str:
    return server.run("token", "--tenant", tenant, "--user", "root", "--role", "admin")


def provoke_401(operation: Operation, server: Prepared) -> Raw:
    if operation.id in SPENDS_A_REFRESH_TOKEN:
        known = server.fresh()
        forged = known["refresh_token"][:-4] + "AAAA"
        return valid_request(operation, server.credentials, {**known, "refresh_token": forged})
    return request_for(operation, server).without("X-API-Key", "Authorization")


def provoke_403(operation: Operation, server: Prepared) -> Raw:
    valid = request_for(operation, server)
    if operation.scope == "manage":  # those that the suite holds otherwise have all other scopes
        return valid.with_header("X-API-Key", server.credentials["api_key"])
    if operation.scheme == "apiKey":
        return valid.with_header("X-API-Key", limited_api_key(server))
    if operation.id in SPENDS_A_REFRESH_TOKEN:
        return valid.with_header("Authorization", f"Bearer {server.fresh()['access_token']}")
    return valid.with_header("Authorization", f"Bearer {user_token(server)}")


def provoke_404(operation: Operation, server: Prepared) -> Raw:
    known = server.fresh(operation.id)
    if operation.id in SPENDS_A_REFRESH_TOKEN:
        forget_session(server, known["session_id"])
        return valid_request(operation, server.credentials, known)
    if {parameter["name"] for parameter in operation.named("path")} & set(UNKNOWN) or operation.id in NAMES_A_SESSION:
        return valid_request(operation, server.credentials, {**known, **UNKNOWN}, optional=True)
    if operation.id in FILES:
        return valid_request(operation, server.credentials, {**known, "file": FILES[operation.id]})
    token = token_of_an_administrator(server, "nowhere")
    return valid_request(operation, {**server.credentials, "token": token}, known)


def provoke_409(operation: Operation, server: Prepared) -> Raw:
    """What is to be made is there already."""
    valid = request_for(operation, server)
    assert ask(server, valid).status == operation.success
    return valid


def provoke_422(operation: Operation, server: Prepared) -> Raw:
    """The Idempotency-Key of a request whose body was another one."""
    first = request_for(operation, server).with_header("Idempotency-Key", str(uuid.uuid4()))
    assert ask(server, first).status == operation.success
    name = next(name for name in ANOTHER if name in (operation.body_schema or {})["properties"])
    return first.with_body({**json.loads(first.body or b"{}"), name: ANOTHER[name]})


def of_another_tenant(operation: Operation, server: Prepared) -> Raw:
    valid = valid_request(operation, server.credentials, server.known)
    if operation.scheme == "apiKey":
        return valid.with_header("X-Tenant-ID", "one-too-many")
    token = token_of_an_administrator(server, "one-too-many")
    return valid.with_header("Authorization", f"Bearer {token}")


def forget_session(server: Prepared, session_id: str) -> None:
    """Delete a session's row, as purging does long after it ended."""
    with sqlite3.connect(server.server.folder / "sojourn.db") as connection:
        connection.execute("DELETE FROM sessions WHERE id = ?", (session_id.removeprefix("sess_"),))
    connection.close()


def provoke_429(operation: Operation, server: Prepared) -> Raw:
    """One refresh, or one wrong key, more than there may be in a minute. Two minutes may be touched.

    One entry more in the blacklist than a user may make.
    """
    valid = request_for(operation, server)
    if operation.id == "add_to_blacklist":
        return one_entry_more(valid, server)
    most = REFRESHES_A_MINUTE
    if operation.takes_form:
        valid, most = with_client(valid, "no-such-key"), GUESSES_A_MINUTE
    if operation.scheme == "apiKey":
        valid, most = valid.with_header("X-API-Key", "no-such-key"), GUESSES_A_MINUTE
    for _ in range(2 * most):
        if ask(server, valid).status == 429:
            break
    return valid


def one_entry_more(valid: Raw, server: Prepared) -> Raw:
    """The second token that a user blacklists; the first one is refused by now."""
    tokens = [server.run("token", "--tenant", "acme", "--user", "usr_cautious") for _ in range(3)]
    first, second = (
        valid.with_body({"token": token, "token_type": "access", "user_id": "usr_cautious"}) for token in tokens[:2]
    )
    assert ask(server, first.with_header("Authorization", f"Bearer {tokens[2]}")).status == 200
    return second.with_header("Authorization", f"Bearer {tokens[2]}")


def too_large(operation: Operation, server: Prepared) -> Raw:
    body = json.dumps({"reason": "a" * 70_000}).encode()
    return request_for(operation, server).copy(body=body).with_header("Content-Type", media_type(operation))


def media_type(operation: Operation) -> str:
    return FORM if operation.takes_form else SECURITY_EVENT if operation.takes_token else "application/json"


def wrong_type(operation: Operation, server: Prepared) -> Raw:
    return request_for(operation, server).copy(body=b"{}").with_header("Content-Type", "text/plain")


def too_few(operation: Operation, server: Prepared) -> Raw:
    """A plan that may end no session, though one fits."""
    known = server.fresh()
    of_user = {"filter": {"user_id": USER}, "reason": "drill"}
    made = valid_request(OPERATIONS["create_revocation_plan"], server.credentials, known).with_body(of_user)
    known["plan_id"] = ask(server, made).json["plan_id"]
    return valid_request(operation, server.credentials, known).with_body({"max_sessions": 0})


def provoke_410(operation: Operation, server: Prepared) -> Raw:
    """A cursor of another database, or a plan that was made long ago."""
    if "revocation_plan" in operation.id:
        valid = request_for(operation, server)
        with sqlite3.connect(server.server.folder / "sojourn.db") as connection:
            connection.execute("UPDATE revocation_plans SET expires_at = created_at")
        connection.close()
        return valid
    return request_for(operation, server).copy(query=(("after", "0" * 28),))


PROVOKE: dict[int, Callable[[Operation, Prepared], Raw]] = {
    200: request_for,
    201: request_for,
    202: request_for,
    204: request_for,
    304: lambda operation, server: request_for(operation, server).with_header("If-None-Match", "*"),
    400: lambda operation, server: request_for(operation, server).copy(query=(("colour", "red"),)),
    401: provoke_401,
    403: provoke_403,
    404: provoke_404,
    406: lambda operation, server: request_for(operation, server).with_header("Accept", "image/png"),
    410: provoke_410,
    412: lambda operation, server: request_for(operation, server).with_header("If-Match", '"of-nothing"'),
    413: too_large,
    414: lambda operation, server: request_for(operation, server).copy(query=(("colour", "a" * 9000),)),
    415: wrong_type,
    422: provoke_422,
    429: provoke_429,
    431: lambda operation, server: request_for(operation, server).with_header("X-Filler", "a" * 20_000),
}


@contextmanager
def locked_database(folder: Path) -> Iterator[None]:
    """What other processes see while one of them recovers the database after a crash.

    The WAL index says that it needs recovery, and its write and recovery locks are held
    (https://www.sqlite.org/walformat.html, section 2.3). Both are put back at the end.
    """
    with (folder / "sojourn.db-shm").open("r+b", buffering=0) as index:
        fcntl.lockf(index, fcntl.LOCK_EX, 1, WAL_WRITE_LOCK)
        fcntl.lockf(index, fcntl.LOCK_EX, 1, WAL_RECOVER_LOCK)
        header = os.pread(index.fileno(), WAL_INDEX_HEADER, 0)
        os.pwrite(index.fileno(), bytes(byte ^ 0xFF for byte in header), 0)
        try:
            yield
        finally:
            os.pwrite(index.fileno(), header, 0)
            fcntl.lockf(index, fcntl.LOCK_UN, 1, WAL_RECOVER_LOCK)
            fcntl.lockf(index, fcntl.LOCK_UN, 1, WAL_WRITE_LOCK)


def send_slowly(server: Prepared, valid: Raw, *, kind: str) -> Reply:
    """Announce a body and never finish it."""
    head = valid.copy(body=None).with_header("Content-Type", kind).with_header("Content-Length", "100")
    return exchange(server.server.port, requests.to_bytes(server.server.port, head) + b"{")


def send_across_an_end(server: Prepared, valid: Raw) -> Reply:
    """Begin a request, end its user, and finish it.

    The server waits 300 ms for the rest: so the many sessions of other tests are ended before. On a busy machine the
    head takes longer to arrive.
    """
    ended = valid_request(OPERATIONS["revoke_user_sessions"], server.credentials, server.known)

    def end_after(seconds: float) -> None:
        time.sleep(seconds)
        assert ask(server, ended).status == 200

    end_after(0)
    for seconds in (0.05, 0.1, 0.2):
        reply = Wire(server.server.url).exchange_in_two(valid, between=partial(end_after, seconds))
        if reply.status == 409:
            break
    return reply


@pytest.mark.parametrize(("operation_id", "status"), documented())
def test_the_documented_status_is_provoked(
    operation_id: str,
    status: int,
    server: Prepared,
    request: pytest.FixtureRequest,
) -> None:
    operation = OPERATIONS[operation_id]

    if status == 408:
        reply = send_slowly(server, request_for(operation, server), kind=media_type(operation))
    elif status == 409 and operation.id in MAKES_NO_SESSION:
        full: Prepared = request.getfixturevalue("full")
        reply = ask(full, of_another_tenant(operation, full))
    elif status == 409 and operation.id in MAKES_SO_MANY:
        crowded: Prepared = request.getfixturevalue("full")
        reply = ask(crowded, request_for(operation, crowded))
    elif status == 409 and operation.id in MAKES_WHAT_MAY_BE_THERE:
        reply = ask(server, provoke_409(operation, server))
    elif status == 409 and operation.id in GOOD_ONCE:
        valid = request_for(operation, server)
        assert ask(server, valid).status == operation.success
        reply = ask(server, valid)
    elif status == 409 and operation.id in ENDS_WHAT_WAS_COUNTED:
        reply = ask(server, too_few(operation, server))
    elif status == 409:
        reply = send_across_an_end(server, request_for(operation, server))
    elif status == 500:
        damaged: Prepared = request.getfixturevalue("damaged")
        reply = ask(damaged, valid_request(operation, damaged.credentials, damaged.known))
    elif status == 503:
        valid = request_for(operation, server)
        with locked_database(server.server.folder):
            reply = ask(server, valid)
    elif status == 404 and operation.id in NEEDS_A_PUBLIC_URL:
        private: Prepared = request.getfixturevalue("provisioned")
        reply = ask(private, request_for(operation, server))
    elif status == 404 and (operation.id in FOR_NEW_TENANTS or needs_a_tenant(operation)):
        provisioned: Prepared = request.getfixturevalue("provisioned")
        reply = ask(provisioned, valid_request(operation, provisioned.credentials, provisioned.known))
    else:
        reply = ask(server, PROVOKE[status](operation, server))

    assert reply.status == status, reply.body
    assert_complete(operation, reply)


def test_every_header_that_is_declared_is_sent_in_one_form_of_the_answer_at_least(server: Prepared) -> None:
    """Required headers are looked at above, in every status; these depend on the form that the reader likes."""
    for operation in OPERATIONS.values():
        declared = load_response(operation, operation.success)
        forms = list(declared.get("content", {}))
        optional = {name for name, header in declared.get("headers", {}).items() if not header.get("required")}
        if optional:
            valid = request_for(operation, server)
            sent = {name for form in forms for name in ask(server, valid.with_header("Accept", form)).headers}
            assert {name.lower() for name in optional} <= sent, operation.id


def test_only_answers_that_are_pages_too_have_headers_that_depend_on_the_form() -> None:
    of_pages = {"text/html", "text/javascript", "text/css", "image/svg+xml"}
    for name, status in documented():
        declared = load_response(OPERATIONS[name], status)
        optional = [name for name, header in declared.get("headers", {}).items() if not header.get("required")]
        assert not optional or set(declared["content"]) & of_pages, name


def needs_a_tenant(operation: Operation) -> bool:
    """Whether all that an internal operation can miss is its tenant."""
    about_keys = operation.scope == "manage"
    in_path = "{session_id}" in operation.path
    return operation.scheme == "apiKey" and not about_keys and not in_path and operation.id not in NAMES_A_SESSION


def ask(server: Prepared, request: Raw) -> Reply:
    return exchange(server.server.port, request)


def assert_complete(operation: Operation, reply: Reply) -> None:
    """The headers and the shape that the contract promises for this status."""
    declared = load_response(operation, reply.status)
    for name, header in declared.get("headers", {}).items():
        assert name.lower() in reply.headers or not header.get("required"), name
    assert reply.headers["x-content-type-options"] == "nosniff"
    if reply.status < 400:
        return
    if "application/json" in declared["content"]:
        words = {"err", "description"} if operation.takes_token else {"error", "error_description"}
        assert set(reply.json) == words
        return
    problem = problem_of(reply)
    assert problem["status"] == reply.status
    assert re.fullmatch(r"(http://127\.0\.0\.1:\d+)?/problems/[a-z][a-z0-9-]*", problem["type"])
    if operation.id != "list_all_sessions":
        assert {"code", "title", "detail", "i18n_key", "request_id", "trace_id", "span_id", "service"} <= set(problem)


def load_response(operation: Operation, status: int) -> dict[str, Any]:
    return operation.responses[status]
