"""Pages of other origins (CORS): those that the operator names may call, with a bearer token and nothing else."""

import re
from collections.abc import Callable

import httpx
import pytest

from tests.contract.document import Operation, operations
from tests.http.conftest import Client

ALLOWED = ("https://app.example.com", "http://localhost:3000")
OTHERS = (
    "https://evil.example.com",
    "https://app.example.com.evil.example",
    "https://app.example.com:8443",
    "http://app.example.com",
    "https://APP.example.com",
    "https://app.example.com/",
    "https://app.example.com https://evil.example.com",
    "null",
    "*",
    "",
)
"""Origins that are not the named one, however like it they look."""
OWN = "/sessions/user/usr_abc123/sessions"
SHOWN_BY_THEMSELVES = {"Cache-Control", "Content-Type"}
"""Response headers that browsers show to every page (Fetch Standard, CORS-safelisted response-header names)."""
FOR_THE_BROWSER = {
    *("Content-Security-Policy", "Content-Encoding", "Referrer-Policy", "Vary", "X-Content-Type-Options"),
}
"""Response headers that tell the browser something and the page nothing."""

EXPOSED = "access-control-expose-headers"


@pytest.fixture
def open_to(start: Callable[..., Client]) -> Client:
    """The application with two origins that may call."""
    client = start(SOJOURN_CORS_ORIGINS=", ".join(ALLOWED))
    client.create("usr_abc123")
    return client


def access_control(answer: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.startswith("access-control-")}


def preflight(client: Client, operation: Operation, origin: str) -> httpx.Response:
    path = re.sub(r"\{[^}]+\}", "x", operation.path)
    asked = {"Origin": origin, "Access-Control-Request-Method": operation.method.upper()}
    asked["Access-Control-Request-Headers"] = "authorization,content-type"
    return client.request("OPTIONS", path, headers=asked)


def words(answer: httpx.Response, name: str) -> list[str]:
    return [word.strip().lower() for word in answer.headers[name].split(",")]


def test_a_preflight_from_a_named_origin_is_answered_for_every_operation(open_to: Client) -> None:
    for operation in operations():
        for origin in ALLOWED:
            answer = preflight(open_to, operation, origin)

            assert (answer.status_code, answer.content) == (204, b""), operation
            assert answer.headers["access-control-allow-origin"] == origin
            assert operation.method.lower() in words(answer, "access-control-allow-methods"), operation
            assert {"authorization", "content-type"} <= set(words(answer, "access-control-allow-headers"))
            assert "origin" in words(answer, "vary")
            assert "access-control-allow-credentials" not in answer.headers


def test_no_other_origin_is_answered_as_a_named_one(open_to: Client) -> None:
    for origin in OTHERS:
        for operation in operations()[:5]:
            answer = preflight(open_to, operation, origin)
            assert (answer.status_code, answer.json()["status"]) == (405, 405), (origin, operation)
            assert "access-control-allow-origin" not in answer.headers, origin
        answer = open_to.as_user("GET", OWN, "usr_abc123", headers={"Origin": origin})
        assert answer.status_code == 200
        assert "access-control-allow-origin" not in answer.headers, origin
        assert words(answer, "vary") == ["origin"]


@pytest.mark.parametrize("origin", ALLOWED)
def test_a_page_may_read_answers_and_refusals_alike(open_to: Client, origin: str) -> None:
    headers = {"Origin": origin}
    answers = {
        200: open_to.as_user("GET", OWN, "usr_abc123", headers=headers),
        400: open_to.as_user("GET", f"{OWN}?colour=red", "usr_abc123", headers=headers),
        401: open_to.request("GET", "/sessions", headers=headers),
        404: open_to.request("GET", "/nowhere", headers=headers),
        405: open_to.request("TRACE", "/sessions", headers=headers),
        406: open_to.request("GET", "/problems", headers={**headers, "Accept": "image/png"}),
        414: open_to.request("GET", "/sessions?a=" + "a" * 9000, headers=headers),
    }
    for status, answer in answers.items():
        assert answer.status_code == status
        assert access_control(answer).pop("access-control-allow-origin") == origin
        assert "x-request-id" in words(answer, "access-control-expose-headers")
        assert "access-control-allow-credentials" not in answer.headers
        assert words(answer, "vary").count("origin") == 1


def test_a_response_to_nobodys_page_varies_by_origin_too(open_to: Client) -> None:
    """A cache would give it to a page, which could not read it."""
    for path in ("/health/live", "/problems", "/openapi.json"):
        assert words(open_to.request("GET", path), "vary").count("origin") == 1


def test_a_304_varies_like_the_response_it_stands_for(open_to: Client) -> None:
    first = open_to.request("GET", "/problems", headers={"Origin": ALLOWED[0]})
    again = {"Origin": ALLOWED[0], "If-None-Match": first.headers["etag"]}

    answer = open_to.request("GET", "/problems", headers=again)

    assert answer.status_code == 304
    assert answer.headers["vary"] == first.headers["vary"]
    assert answer.headers["access-control-allow-origin"] == ALLOWED[0]


def test_without_the_setting_nothing_speaks_of_origins(client: Client) -> None:
    for operation in operations():
        answer = preflight(client, operation, ALLOWED[0])
        assert answer.status_code == 405, operation
        assert not access_control(answer)
        assert "origin" not in answer.headers.get("vary", "").lower()


def test_a_page_may_send_and_read_every_header_of_the_contract_but_an_api_key(open_to: Client) -> None:
    asked = preflight(open_to, operations()[0], ALLOWED[0])
    may_send = words(asked, "access-control-allow-headers")
    may_read = words(open_to.request("GET", "/health/live", headers={"Origin": ALLOWED[0]}), EXPOSED)
    for_pages = [operation for operation in operations() if operation.scheme != "apiKey"]
    sent = {item["name"] for operation in for_pages for item in operation.parameters if item["in"] == "header"}
    read = {name for o in for_pages for answer in o.responses.values() for name in answer.get("headers", {})}

    assert {name.lower() for name in sent} <= set(may_send)
    assert {name.lower() for name in read - SHOWN_BY_THEMSELVES - FOR_THE_BROWSER} <= set(may_read)
    assert not {"x-api-key", "cookie", "*"} & set(may_send)
