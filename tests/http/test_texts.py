"""What the contract says of a text is what the service does with it: over HTTP, for every text of every request.

A text that a schema takes is refused nowhere behind it and breaks nothing; one that it refuses is 400, and named.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings

from sojourn.conformance.contract import Operation
from sojourn.domain.clock import to_text
from tests.contract import texts
from tests.http.conftest import API_KEY, Client
from tests.http.test_scopes import stored
from tests.strictness.requests import OPERATIONS

REFUSED_BEYOND = {
    "verified_at": {"minimum", "maximum"},  # it is not yet, or no token could tell it
    "authenticated_at": {"minimum", "maximum"},
    "access_expiry": {"minimum", "maximum"},
    "refresh_expiry": {"minimum", "maximum"},
    "idle_timeout": {"minimum", "maximum"},
    "absolute_timeout": {"minimum", "maximum"},
    "leeway": {"maximum"},
    "expires_in": {"minimum", "maximum"},
    "overlap": {"minimum", "maximum"},
    "except": {"no_current_session"},
    "cursor": {"foreign_cursor"},
    "url": {"webhook_url", "webhook_https", "webhook_address"},
    "uri": {"webhook_url", "webhook_https", "webhook_address"},
    "since": {"before", "too_many_points"},
    "until": {"minimum", "maximum"},  # a suspension ends in the future
}
"""What may be wrong with a text that is well written: the moment, the amount, or who asks."""
ALONE = {"delivery_id"}
"""Members of a body beside which those of its example may not stand."""
OF_TEXTS = {"/problems/validation-failed", "/problems/malformed-request", "/problems/malformed-body"}
"""Problems that say of a request that it is written wrongly. Others say that it asks for what may not be."""
LONGEST_TARGET = 8000


class Place(NamedTuple):
    """A text of a request: of which operation, where (`path`, `query`, `header` or `body`), and its schema.

    `within` is the member of the body that is an object and has it, `is_of_item` says that it is a list of such.
    """

    operation: Operation
    part: str
    name: str
    schema: dict[str, Any]
    within: str | None = None
    is_of_item: bool = False

    @property
    def is_list(self) -> bool:
        return self.schema["type"] == "array"

    @property
    def of_each(self) -> dict[str, Any]:
        found: dict[str, Any] = self.schema["items"] if self.is_list else self.schema
        return found

    @property
    def field(self) -> str:
        """How violations name it."""
        name = self.name if self.within is None else f"{self.within}{'[0]' if self.is_of_item else ''}.{self.name}"
        return f"{name}[0]" if self.is_list else name


def places() -> Iterator[Place]:
    """Every text of every request."""
    for operation in OPERATIONS:
        for parameter in operation.parameters:
            yield Place(operation, parameter["in"], parameter["name"], parameter["schema"])
        for name, schema in ((operation.body_schema or {}).get("properties", {})).items():
            whole = schema["items"] if schema["type"] == "array" else schema
            if whole["type"] != "object":
                yield Place(operation, "body", name, schema)
                continue
            for inner, inner_schema in whole.get("properties", {"any": whole["additionalProperties"]}).items():
                yield Place(operation, "body", inner, inner_schema, name, whole is not schema)


PLACES = [place for place in places() if place.of_each.get("type") == "string"]


def test_no_text_stands_deeper_in_a_body_than_these_tests_look() -> None:
    scalars = {"string", "integer", "number", "boolean"}

    assert {place.of_each["type"] for place in places()} <= scalars


@pytest.fixture
def service(start: Callable[..., Client], database_url: str) -> Client:
    client = start(SOJOURN_REFRESH_LIMIT="100000", SOJOURN_API_KEY_GUESSES="100000")
    client.managing_key = stored(database_url, scopes=["manage"]).text
    return client


def known(client: Client) -> dict[str, Any]:
    """A session of now and what belongs to it."""
    answer = client.internal(
        "POST", "/internal/session/create", json={"auth_user_id": "usr_abc123", "device_id": "dev_abc123"}
    ).json()["data"]
    return {
        "X-Tenant-ID": "acme",
        "tenant_id": "acme",
        "user_id": "usr_abc123",
        "auth_user_id": "usr_abc123",
        "device_id": "dev_01968a3c-5c00-7000-8000-00a1b2c3d4e5",
        "slug": "validation-failed",
        "verified_at": to_text(client.clock.now),
        "session_id": answer["session"]["id"],
        "session_ids": [answer["session"]["id"]],
        **dict.fromkeys(("access_token", "token", "subject_token"), answer["tokens"]["access_token"]),
        "refresh_token": answer["tokens"]["refresh_token"],
    }


def ask(client: Client, place: Place, text: str) -> httpx.Response:
    """A request that is right but for the text, which stands in its place."""
    if place.operation.id == "set_session_policy":  # the limit of before would refuse the session that is made here
        client.as_admin("DELETE", "/admin/policies/sessions")
    operation, values = place.operation, known(client)
    request = operation.request(values)
    if place.part == "path":
        raw = "".join(f"%{byte:02X}" for byte in text.encode())
        path = operation.path.replace("{" + place.name + "}", raw)
        for other in operation.named("path"):
            path = path.replace("{" + other["name"] + "}", quote(str(values.get(other["name"], other["example"]))))
        request = request.copy(path=path)
    elif place.part == "query":
        request = request.with_query(place.name, quote(text, safe=""))
    elif place.part == "header":
        request = request.with_header(place.name, text)
    else:
        alone = place.name in ALONE or (place.operation.body_schema or {}).get("maxProperties") == 1
        body = {} if alone else json.loads(request.body or b"{}")
        value = [text] if place.is_list else text
        if place.within is None:
            request = request.with_body({**body, place.name: value})
        else:
            schema = (place.operation.body_schema or {})["properties"][place.within]
            schema = schema["items"] if place.is_of_item else schema
            needed = {name: schema["properties"][name]["example"] for name in schema.get("required", ())}
            whole = {**needed, place.name: value}
            request = request.with_body({**body, place.within: [whole] if place.is_of_item else whole})
    key = client.managing_key if operation.scope == "manage" else API_KEY
    credentials = {"apiKey": {"X-API-Key": key}, "http": {"Authorization": f"Bearer {admin(client)}"}}
    headers = [*request.headers, *credentials.get(operation.scheme or "", {}).items()]
    return client.request(
        request.method,
        request.target,
        headers=[(name.encode(), value.encode()) for name, value in headers],
        content=request.body,
    )


def admin(client: Client) -> str:
    return client.token("root", roles=["admin"])


def can_be_sent(place: Place, text: str) -> bool:
    """Whether the text is still this text when it arrives: an empty segment is another path, a header is
    trimmed, and what is too long to be a target is 414."""
    if place.part == "path":
        return text != ""
    if place.part == "query":
        return len(quote(text, safe="")) < LONGEST_TARGET
    return place.part != "header" or (text == text.strip(" \t") and text.isprintable() and text != "")


def codes_of(answer: httpx.Response, field: str) -> set[str]:
    """What a problem finds wrong with a field. The envelope of one operation has a sentence instead."""
    document = answer.json()
    found = {violation["code"] for violation in document.get("errors", ()) if violation["field"] == field}
    return found | {text for name, text in document.get("details", {}).items() if name == field}


def named(answer: httpx.Response) -> set[str]:
    """The fields that a problem names, when it is about how the request is written."""
    document = answer.json()
    return {violation["field"] for violation in document["errors"]} if document["type"] in OF_TEXTS else set()


@pytest.mark.parametrize("operation", sorted({place.operation.id for place in PLACES}))
def test_a_text_is_refused_exactly_where_the_contract_says_so(operation: str, service: Client) -> None:
    for place in PLACES:
        if place.operation.id == operation:
            hold(place, service)


def hold(place: Place, service: Client) -> None:
    """Ask with texts of one place. Fails with the first that is taken for what it is not."""

    @settings(
        max_examples=20,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
    )
    @given(texts.texts(place.of_each).filter(lambda text: can_be_sent(place, text)))
    def holds(text: str) -> None:
        answer = ask(service, place, text)

        assert answer.status_code < 500, answer.text
        codes = codes_of(answer, place.field) if answer.status_code == 400 else set()
        if texts.takes(place.of_each, text):
            assert codes <= REFUSED_BEYOND.get(place.name, set()), answer.text
            beyond = {field.rpartition(".")[2] for field in named(answer)} if answer.status_code == 400 else set()
            assert beyond <= REFUSED_BEYOND.keys(), answer.text
        else:
            assert codes, answer.text

    holds()
