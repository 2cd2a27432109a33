"""A client that names what it has is sent nothing again while that is still the response (RFC 9110 §13)."""

from collections.abc import Callable
from pathlib import Path

import httpx

from tests.contract.document import operations
from tests.http.conftest import API_KEY, Client
from tests.live import LiveServer

KEYS = "/.well-known/jwks.json"
PATHS = (
    KEYS,
    "/openapi.json",
    "/openapi.yaml",
    "/problems",
    "/problems/validation-failed",
    "/",
    "/favicon.ico",
    "/docs/reference.js",
    "/console/scripts/current/console.js",
    "/console/styles/current/console.css",
    "/docs/problems",
    "/admin/tokens/config",
    "/admin/policies/sessions",
    "/internal/revocations",
)
OF_STATUS = ("/status-lists", "/status-lists/{list_id}")
"""There with a public URL; they say what is true now, so their tag changes with the time, too."""
METADATA = "/.well-known/oauth-authorization-server"
"""There with a public URL."""
ONE_SESSION = "/internal/session/{session_id}"
"""Asked in `test_session_attributes`: its tag changes with the session."""
OTHER = '"of-another-response"'
REPEATED = ("vary", "cache-control")
KNOWN = ("{}", "W/{}", "*", OTHER + ", {}", OTHER + ",{}", f"W/{OTHER} ,, W/{{}} ,", '"a,b", "", {}')
UNKNOWN = (OTHER, f"W/{OTHER}, {OTHER}", '"*"', '""')
NO_TAGS = ("abc", '"abc', 'w/"abc"', 'W/ "abc"', '"a b"', '"a" "b"', "W/*", "*, *", '"a", *', ",", "é")


def ask(client: Client, path: str, *had: str, **headers: str) -> tuple[int, str, dict[str, str], bytes]:
    """Ask for what is at a path, as one who has this already; the status, the tag, the headers and the body."""
    credentials: dict[str, str] = {}
    if path.startswith("/admin"):
        credentials = {"Authorization": f"Bearer {client.token('root', roles=['admin'])}"}
    elif path.startswith("/internal"):
        credentials = {"X-API-Key": API_KEY}
    lines = [*credentials.items(), ("Accept-Encoding", "identity"), *(("If-None-Match", one) for one in had)]
    fields = [(name, value) for name, value in lines if name not in headers] + list(headers.items())
    answer = client.request("GET", path, headers=fields)
    return answer.status_code, answer.headers.get("etag", ""), dict(answer.headers), answer.content


def _filled(path: str, named: dict[str, str]) -> str:
    for name, value in named.items():
        path = path.replace(name, value)
    return path


def test_every_operation_that_answers_304_is_asked_here() -> None:
    conditional = [operation.path for operation in operations() if 304 in operation.responses]

    named = {
        "{slug}": "validation-failed",
        "{release}": "current",
        "scripts/current/{file}": "scripts/current/console.js",
    }
    asked = {_filled(path, {**named, "{file}": "console.css"}) for path in conditional}
    assert asked == {*PATHS, *OF_STATUS, METADATA, ONE_SESSION}


def test_who_has_the_response_is_sent_its_tag_and_nothing_else(client: Client) -> None:
    client.create("root")
    for path in PATHS:
        status, tag, headers, body = ask(client, path)
        again, same, of_unchanged, nothing = ask(client, path, tag)

        assert (status, again) == (200, 304), path
        assert same == tag, path
        assert (len(body) > 0, nothing) == (True, b""), path
        assert [headers.get(name) for name in REPEATED] == [of_unchanged.get(name) for name in REPEATED], path
        assert {"content-length", "content-type", "content-encoding"}.isdisjoint(of_unchanged), path
        assert of_unchanged["x-request-id"], path
        assert of_unchanged["x-content-type-options"] == "nosniff", path


def test_who_has_what_needs_a_public_url_is_sent_its_tag_and_nothing_else(start: Callable[..., Client]) -> None:
    client = start(SOJOURN_PUBLIC_URL="https://sessions.example.com")
    client.create("root")
    [uri] = client.request("GET", OF_STATUS[0]).json()["status_lists"]
    for path in (OF_STATUS[0], uri.removeprefix("https://sessions.example.com"), METADATA):
        status, tag, headers, body = ask(client, path)
        again, same, of_unchanged, nothing = ask(client, path, tag)

        assert (status, again, same) == (200, 304, tag), path
        assert (len(body) > 0, nothing) == (True, b""), path
        assert [headers.get(name) for name in REPEATED] == [of_unchanged.get(name) for name in REPEATED], path


def test_lists_and_weak_tags_are_understood(client: Client) -> None:
    for path in (KEYS, "/openapi.json"):
        tag = ask(client, path)[1]
        for had in KNOWN:
            assert ask(client, path, had.format(tag))[0] == 304, had
        for had in (*UNKNOWN, f'"x{tag[1:]}', f'{tag[:-1]}x"', f'"{tag[2:]}'):
            assert ask(client, path, had)[0] == 200, had


def test_the_lines_of_a_list_are_one_list(client: Client) -> None:
    tag = ask(client, "/openapi.json")[1]

    assert ask(client, "/openapi.json", OTHER, tag)[0] == 304
    assert ask(client, "/openapi.json", "*", tag)[0] == 400


def test_what_is_no_list_of_tags_is_refused(client: Client) -> None:
    for had in NO_TAGS:
        answer = client.request("GET", "/openapi.json", headers=[(b"If-None-Match", had.encode())])

        assert answer.status_code == 400, had
        assert {one["field"] for one in answer.json()["errors"]} == {"If-None-Match"}


def test_a_compressed_response_has_a_tag_of_its_own(client: Client) -> None:
    plain = ask(client, "/openapi.json")[1]
    status, packed, headers, _ = ask(client, "/openapi.json", **{"Accept-Encoding": "gzip"})

    assert (status, headers["content-encoding"]) == (200, "gzip")
    assert packed != plain
    assert ask(client, "/openapi.json", packed, **{"Accept-Encoding": "gzip"})[0] == 304
    assert ask(client, "/openapi.json", plain, **{"Accept-Encoding": "gzip"})[0] == 200
    assert ask(client, "/openapi.json", packed)[0] == 200


def test_every_form_and_language_has_a_tag_of_its_own(client: Client) -> None:
    forms = [{"Accept": "text/html"}, {"Accept": "text/html", "Accept-Language": "zh-CN"}, {"Accept-Language": "zh-CN"}]
    tags = {ask(client, "/problems", **headers)[1] for headers in ({}, *forms)}

    assert len(tags) == 4
    assert ask(client, "/problems", *tags, **forms[1])[0] == 304


def test_a_changed_response_is_sent(client: Client) -> None:
    client.create("root")
    before = ask(client, "/admin/tokens/config")[1]
    lifetimes = {"access_expiry": "10m", "refresh_expiry": "20h"}
    assert client.as_admin("PUT", "/admin/tokens/config", json=lifetimes).status_code == 200
    status, after, _, body = ask(client, "/admin/tokens/config", before)

    assert (status, b'"10m"' in body) == (200, True)
    assert after != before
    assert ask(client, "/admin/tokens/config", after)[0] == 304


def test_a_refusal_stays_a_refusal_whatever_the_client_has(client: Client) -> None:
    for had in ("*", OTHER):
        for path, status in (("/problems/no-such-type", 404), ("/openapi.json?colour=red", 400)):
            assert ask(client, path, had)[0] == status
        assert client.request("GET", "/admin/tokens/config", headers={"If-None-Match": had}).status_code == 401


def test_every_process_sends_the_same_tags(client: Client, tmp_path: Path) -> None:
    """Two workers of a server, and this process: all but the keys are the same for every server of one release."""
    server = LiveServer(tmp_path, "--workers", "2")
    paths = [path for path in PATHS if not path.startswith(("/admin", "/internal"))]
    try:
        with httpx.Client(
            base_url=server.url, headers={"Accept-Encoding": "identity", "Connection": "close"}
        ) as asking:
            tags = {path: {asking.get(path).headers["etag"] for _ in range(4)} for path in paths}
            known = [asking.get(path, headers={"If-None-Match": min(tags[path])}).status_code for path in paths]
    finally:
        server.stop()
    here = {path: {ask(client, path)[1]} for path in paths if path != KEYS}

    assert {path: len(found) for path, found in tags.items()} == dict.fromkeys(paths, 1)
    assert set(known) == {304}
    assert {path: found for path, found in tags.items() if path != KEYS} == here
