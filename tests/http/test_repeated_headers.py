"""A header with one value that comes twice has none, and a list may come in several lines (RFC 9110 §5.2, §5.3)."""

import json

import pytest

from tests.http.conftest import API_KEY, Client

BODY = json.dumps({"auth_user_id": "usr_abc123"}).encode()
HEADERS = [("X-API-Key", API_KEY), ("X-Tenant-ID", "acme")]
JSON_TYPE = ("Content-Type", "application/json")


def create(client: Client, *headers: tuple[str, str]) -> tuple[int, list[tuple[str, str]]]:
    answer = client.request("POST", "/internal/session/create", headers=[*HEADERS, *headers], content=BODY)
    found = answer.json().get("violations", answer.json().get("errors", []))
    return answer.status_code, [(one["field"], one["code"]) for one in found or []]


@pytest.mark.parametrize(
    "types",
    [
        ("application/json", "text/plain"),
        ("text/plain", "application/json"),
        ("application/json", "application/json; charset=utf-16"),
        ("application/json", "application/json"),
    ],
)
def test_a_body_with_two_content_types_is_refused(client: Client, types: tuple[str, str]) -> None:
    status, violations = create(client, *(("Content-Type", one) for one in types))

    assert status == 400
    assert violations == [("Content-Type", "repeated_parameter")]


@pytest.mark.parametrize("header", [("X-Tenant-ID", "acme"), ("X-API-Key", API_KEY), JSON_TYPE])
def test_every_header_with_one_value_is_refused_when_it_comes_twice(client: Client, header: tuple[str, str]) -> None:
    status, violations = create(client, JSON_TYPE, header)

    assert status == 400
    assert violations == [(header[0], "repeated_parameter")]


@pytest.mark.parametrize("codings", [("identity", "gzip"), ("gzip", "identity"), ("identity, gzip",)])
def test_a_content_coding_in_any_line_is_refused(client: Client, codings: tuple[str, ...]) -> None:
    assert create(client, JSON_TYPE, *(("Content-Encoding", one) for one in codings))[0] == 415


def test_lists_in_several_lines_are_one_list(client: Client) -> None:
    lines = [
        ("Accept", "text/html"),
        ("Accept", "application/json"),
        ("Accept-Language", "fr"),
        ("Accept-Language", "zh"),
    ]

    assert (
        create(client, JSON_TYPE, ("Content-Encoding", "identity"), ("Content-Encoding", "identity"), *lines)[0] == 201
    )
