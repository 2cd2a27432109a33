"""Every operation for every kind of caller, on a running server. What each is answered is read from the contract.

`security` and `x-roles` of an operation say who may call it, its parameters and its body whether the request names what
belongs to somebody. No cell is written by hand: an operation that is added is asked by everybody at once.
"""

import http.client
import json
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any, NamedTuple

import jwt
import pytest

from sojourn.conformance.wire import Raw
from tests.live import JWT_SECRET, LiveServer
from tests.strictness.conftest import TENANT, USER, Prepared
from tests.strictness.requests import OPERATIONS, Operation, valid_request

ELSEWHERE = "globex"
BELONGS_TO_A_USER = {"session_id", "auth_user_id", "user_id", "token", "session_ids"}
BELONGS_TO_A_TENANT = {"session_id", "token_id", "entry_id"}

GOOD = frozenset(range(200, 300))
UNKNOWN_CALLER, FORBIDDEN, HIDDEN, ABSENT = frozenset({401}), frozenset({403}), frozenset({403, 404}), frozenset({404})
NO_SESSION = frozenset({400})
OF_THEIR_OWN = GOOD | {400, 404}
"""Served in the caller's own tenant, or about the caller's own: nothing of the owner is in the answer."""


class Caller(NamedTuple):
    """A kind of caller: its credentials, given what is known of the owner, and what is expected of an operation."""

    headers: Callable[["World", dict[str, Any]], dict[str, str]]
    expected: Callable[[Operation], frozenset[int]]


class World:
    """A server with a user who owns everything, and credentials of all kinds."""

    def __init__(self, live: LiveServer) -> None:
        self.prepared = Prepared(live)
        self.limited = self.prepared.run("api-key", "create", "--name", "limited", "--tenant", ELSEWHERE)
        self.victim = self.prepared.fresh()
        self._port = live.port
        body = json.dumps({"auth_user_id": "usr_nobody"}).encode()
        key = {"X-API-Key": self.prepared.credentials["api_key"], "Content-Type": "application/json"}
        for tenant in (TENANT, ELSEWHERE):
            made = Raw("POST", "/internal/session/create", (), (*key.items(), ("X-Tenant-ID", tenant)), body)
            assert self.ask(made)[0] == 201

    def bearer(self, user: str, tenant: str = TENANT, *roles: str, secret: str = JWT_SECRET, **claims: Any) -> str:
        """A new token of an identity provider, who vouches for two factors just now."""
        now = int(time.time())
        facts = {"sub": user, "tenant_id": tenant, "roles": list(roles), "iat": now, "exp": now + 600}
        proven = {"auth_time": now, "amr": ["pwd", "otp"], "jti": uuid.uuid4().hex}
        return jwt.encode(facts | proven | claims, secret, algorithm="HS256")

    def ask(self, request: Raw) -> tuple[int, str]:
        """Status and text of an answer."""
        query = "&".join(f"{name}={value}" for name, value in request.query)
        address = request.path + ("?" + query if query else "")
        # A connection of its own: one that is kept may be closed by the server just before it is used again.
        with closing(http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)) as connection:
            connection.request(request.method, address, request.body, dict(request.headers))
            answer = connection.getresponse()
            return answer.status, answer.read().decode("utf-8", "replace")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    live = LiveServer(
        tmp_path_factory.mktemp("callers"),
        SOJOURN_API_KEY_GUESSES="0",
        SOJOURN_REFRESH_LIMIT="10000",
        SOJOURN_PUBLIC_URL="{url}",
    )
    world = World(live)
    yield world
    assert live.stop() in (0, -signal.SIGTERM)


def names(operation: Operation) -> set[str]:
    """The parameters in path and query, and the members of the body, that every request has."""
    body = operation.body_examples[0] if operation.body_examples else {}
    parameters = [*operation.named("path"), *(p for p in operation.named("query") if p.get("required"))]
    return {parameter["name"] for parameter in parameters} | set(body)


def is_open(operation: Operation) -> bool:
    return operation.scheme is None and not operation.schemes


def has_its_credential_in_the_body(operation: Operation) -> bool:
    """A bearer token may come beside it, and must fit it."""
    return operation.scheme is None and bool(operation.schemes)


def without_bearer(operation: Operation) -> frozenset[int]:
    return GOOD if operation.scheme is None else UNKNOWN_CALLER


def with_good_key(operation: Operation) -> frozenset[int]:
    if operation.scope == "manage":
        return FORBIDDEN
    return GOOD if operation.scheme in (None, "apiKey") else UNKNOWN_CALLER


def with_limited_key(operation: Operation) -> frozenset[int]:
    return FORBIDDEN if operation.scheme == "apiKey" else with_good_key(operation)


def with_managing_key(operation: Operation) -> frozenset[int]:
    if operation.scheme == "apiKey" and operation.scope != "manage":
        return FORBIDDEN
    return GOOD if operation.scheme in (None, "apiKey") else UNKNOWN_CALLER


def by_auditor(operation: Operation) -> frozenset[int]:
    if not operation.roles:
        return by_another_user(operation)
    return GOOD if "auditor" in operation.roles else FORBIDDEN


def by_owner(operation: Operation) -> frozenset[int]:
    if operation.scheme == "apiKey":
        return UNKNOWN_CALLER
    return FORBIDDEN if operation.roles else GOOD


def by_another_user(operation: Operation) -> frozenset[int]:
    if is_open(operation) or operation.scheme == "apiKey" or operation.roles:
        return by_owner(operation)
    if has_its_credential_in_the_body(operation):
        return FORBIDDEN
    if operation.needs_a_session:
        return NO_SESSION
    return HIDDEN if names(operation) & BELONGS_TO_A_USER else OF_THEIR_OWN


def by_administrator(operation: Operation) -> frozenset[int]:
    if operation.needs_a_session:
        return NO_SESSION
    if has_its_credential_in_the_body(operation):
        return FORBIDDEN
    return UNKNOWN_CALLER if operation.scheme == "apiKey" else GOOD


def by_administrator_elsewhere(operation: Operation) -> frozenset[int]:
    if is_open(operation) or operation.scheme == "apiKey" or has_its_credential_in_the_body(operation):
        return by_administrator(operation)
    in_path = {parameter["name"] for parameter in operation.named("path")}
    return ABSENT if in_path & BELONGS_TO_A_TENANT else OF_THEIR_OWN


def by_foreigner(operation: Operation) -> frozenset[int]:
    return GOOD if is_open(operation) else UNKNOWN_CALLER


def _bearer(*, user: str, tenant: str = TENANT, roles: tuple[str, ...] = (), **options: Any) -> Any:
    return lambda world, _: {"Authorization": f"Bearer {world.bearer(user, tenant, *roles, **options)}"}


def _owner(world: World, known: dict[str, Any]) -> dict[str, str]:
    own = known["access_token"] if known.get("own_session") else world.bearer(USER)
    return {"Authorization": f"Bearer {own}"}


CALLERS = {
    "no credential": Caller(lambda world, _: {}, without_bearer),
    "a wrong key": Caller(lambda world, _: {"X-API-Key": "sj_wrong"}, without_bearer),
    "a key": Caller(lambda world, _: {"X-API-Key": world.prepared.credentials["api_key"]}, with_good_key),
    "a key that manages keys": Caller(
        lambda world, _: {"X-API-Key": world.prepared.credentials["manage_key"]}, with_managing_key
    ),
    "a key for another tenant": Caller(lambda world, _: {"X-API-Key": world.limited}, with_limited_key),
    "the owner": Caller(_owner, by_owner),
    "another user": Caller(_bearer(user="usr_nobody"), by_another_user),
    "an auditor": Caller(_bearer(user="usr_auditor", roles=("auditor",)), by_auditor),
    "an administrator": Caller(_bearer(user="root", roles=("admin",)), by_administrator),
    "an administrator elsewhere": Caller(
        _bearer(user="root", tenant=ELSEWHERE, roles=("admin",)), by_administrator_elsewhere
    ),
    "a foreign issuer": Caller(
        _bearer(user=USER, roles=("admin",), secret="somebody-elses-secret-of-32-bytes!!"), by_foreigner
    ),
}


VOUCHED = frozenset(
    {"role", "amr", "acr", "ip", "user_agent", "browser", "os", "device_type", "device_id", "device_fingerprint"}
)
"""Members that say of a session what somebody must vouch for."""


def without_vouching(request: Raw) -> Raw:
    """The same, giving no session a role or facts: who may do that is a question of its own."""
    body = json.loads(request.body or b"null")
    if not isinstance(body, dict) or "auth_user_id" not in body:
        return request
    return request.with_body({name: value for name, value in body.items() if name not in VOUCHED})


def _as(caller: Caller, request: Raw, *, world: World, known: dict[str, Any]) -> Raw:
    for header, value in caller.headers(world, known).items():
        request = request.with_header(header, value)
    return request


@pytest.mark.parametrize("operation", OPERATIONS, ids=[operation.id for operation in OPERATIONS])
def test_everybody_is_answered_as_the_contract_says(operation: Operation, world: World) -> None:
    wrong: dict[str, Any] = {}
    marks = {world.victim["session_id"], world.victim["token_id"], world.victim["entry_id"]}
    for name, caller in CALLERS.items():
        expected = caller.expected(operation)
        known = world.prepared.fresh(operation.id) if expected & GOOD and not is_open(operation) else world.victim
        own_session = operation.needs_a_session or has_its_credential_in_the_body(operation)
        request = valid_request(operation, world.prepared.credentials, known)
        request = without_vouching(request).without("X-API-Key", "Authorization")
        status, text = world.ask(_as(caller, request, world=world, known={**known, "own_session": own_session}))
        if (
            status == 409 and "sign-in-superseded" in text
        ):  # the user was ended in the second in which the token was made
            time.sleep(1)
            status, text = world.ask(_as(caller, request, world=world, known={**known, "own_session": own_session}))

        if status not in expected:
            wrong[name] = (status, sorted(expected)[:3], text[:200])
        if expected not in (GOOD,) and any(mark in text.replace(request.path, "") for mark in marks):
            wrong[name] = (status, "tells of the owner's", text[:200])

    assert wrong == {}


def test_the_matrix_has_every_operation_and_every_kind_of_expectation() -> None:
    kinds = {caller.expected(operation) for operation in OPERATIONS for caller in CALLERS.values()}

    assert kinds == {GOOD, UNKNOWN_CALLER, FORBIDDEN, HIDDEN, ABSENT, NO_SESSION, OF_THEIR_OWN}
    assert {operation.scheme for operation in OPERATIONS} == {None, "apiKey", "http"}
