"""Where there are no handlers at all, every operation is answered from its example, and requests are checked."""

import logging
from collections.abc import Callable
from typing import Any

import pytest

from sojourn.app import HANDLER_MODULES
from sojourn.conformance.contract import Operation
from sojourn.openapi.loader import load_bundle
from sojourn.pipeline.stubs import Stubs
from tests.conftest import on_sqlite
from tests.http.conftest import API_KEY, Client
from tests.http.test_scopes import stored
from tests.strictness.requests import OPERATIONS, valid_request

HELD = {"slug": "internal"}

pytestmark = on_sqlite


@pytest.fixture
def client(start: Callable[..., Client]) -> Client:
    return start(handler_modules=(), stubs=Stubs(load_bundle()).choose)


def examples_of(operation: Operation) -> dict[str, Any]:
    """The first example of success in each media type."""
    content = operation.responses[operation.success].get("content", {})
    return {kind: next(iter(found["examples"].values()))["value"] for kind, found in content.items()}


def test_every_operation_is_answered_from_its_first_example_and_says_so(client: Client, database_url: str) -> None:
    credentials = {"api_key": API_KEY, "token": client.token("root", roles=["admin"])}
    credentials["manage_key"] = stored(database_url, scopes=["manage"]).text
    for operation in OPERATIONS:
        request = valid_request(operation, credentials, HELD)
        query = "&".join(f"{name}={value}" for name, value in request.query)
        for media_type, example in (examples_of(operation) or {None: None}).items():
            headers = dict(request.headers) | ({"Accept": media_type} if media_type else {})

            answer = client.request(request.method, f"{request.path}?{query}", headers=headers, content=request.body)

            assert answer.status_code == operation.success, (operation.id, answer.text)
            assert answer.headers["X-Sojourn-Example"] == "true", operation.id
            if media_type == "application/json":
                assert answer.json() == example, operation.id
            else:
                assert (answer.text == "") == (media_type is None), operation.id


def test_a_request_that_breaks_the_contract_is_refused_before_anything_is_answered(client: Client) -> None:
    refused = client.internal("GET", "/internal/session/sessions/usr_abc123?page=0")
    unknown = client.request("GET", "/internal/session/sessions/usr_abc123")

    assert (refused.status_code, unknown.status_code) == (400, 401)
    assert "X-Sojourn-Example" not in refused.headers


def test_a_handler_that_was_written_is_used(start: Callable[..., Client]) -> None:
    stubs = Stubs(load_bundle())

    answer = start(stubs=stubs.choose).internal("GET", "/internal/session/sessions/usr_abc123/active")

    assert answer.json() == {"active": False, "session_count": 0}
    assert "X-Sojourn-Example" not in answer.headers
    assert stubs.chosen == {}


def test_a_missing_handler_ends_the_tests_with_one_line_that_names_it(
    start: Callable[..., Client], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "connexion")  # Connexion logs it, too
    modules = tuple(module for module in HANDLER_MODULES if not hasattr(module, "revoke_session"))

    with pytest.raises(pytest.exit.Exception) as ended:
        start(handler_modules=modules)

    assert str(ended.value).splitlines() == [str(ended.value)]
    assert "handler: write it in handlers/" in str(ended.value)
