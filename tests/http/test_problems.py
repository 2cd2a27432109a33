"""Refusals and what the service tells about itself, over HTTP."""

from collections.abc import Callable

import pytest
import yaml

from tests.http.conftest import Client

PATH = "/internal/session/sessions/usr_abc123?page=0&page_size=501"


def test_all_violations_come_at_once_in_the_readers_language(client: Client) -> None:
    english = client.internal("GET", PATH)
    chinese = client.internal("GET", PATH, headers={"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.8"})

    assert [error["field"] for error in english.json()["errors"]] == ["page", "page_size"]
    assert (english.headers["content-language"], chinese.headers["content-language"]) == ("en", "zh-CN")
    for name in ("title", "detail"):
        assert english.json()[name] != chinese.json()[name]
    for name in ("type", "status", "code", "i18n_key", "i18n_args"):
        assert english.json()[name] == chinese.json()[name]


def test_a_refused_value_is_shown_in_development_only(client: Client, start: Callable[..., Client]) -> None:
    developing = start(SOJOURN_ENVIRONMENT="development")

    assert all("value" not in error for error in client.internal("GET", PATH).json()["errors"])
    assert [error["value"] for error in developing.internal("GET", PATH).json()["errors"]] == [0, 501]


def test_a_trace_is_continued_and_a_malformed_one_ignored(client: Client) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    continued = client.internal("GET", PATH, headers={"traceparent": f"00-{trace}-b7ad6b7169203331-01"})
    begun = client.internal("GET", PATH, headers={"traceparent": "nonsense"})

    assert continued.json()["trace_id"] == trace
    assert continued.json()["span_id"] != "b7ad6b7169203331"
    assert len(begun.json()["trace_id"]) == 32
    assert begun.status_code == 400


def test_a_request_id_is_echoed_or_minted(client: Client) -> None:
    echoed = client.internal("GET", PATH, headers={"X-Request-ID": "abc-1"})
    minted = client.internal("GET", PATH, headers={"X-Request-ID": "a b"})

    assert echoed.headers["x-request-id"] == echoed.json()["request_id"] == "abc-1"
    assert minted.headers["x-request-id"].startswith("req_")


def test_the_type_of_every_problem_leads_to_its_page(client: Client) -> None:
    problem = client.internal("GET", PATH).json()

    page = client.request("GET", problem["type"], headers={"Accept": "text/html"})
    data = client.request("GET", problem["type"]).json()

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert problem["title"] in page.text
    assert data["code"] == problem["code"]
    index = client.request("GET", "/problems").json()
    assert "validation-failed" in [item["slug"] for item in index["items"]]


def test_a_base_path_mounts_everything_below_it(start: Callable[..., Client]) -> None:
    client = start(SOJOURN_BASE_PATH="/session/api/v1")
    base = "/session/api/v1"

    assert client.request("GET", "/health/live").status_code == 404
    assert client.request("GET", f"{base}/health/live").json() == {"status": "ok"}
    problem = client.internal("GET", base + PATH).json()
    assert problem["type"] == f"{base}/problems/validation-failed"
    assert client.request("GET", problem["type"]).status_code == 200


@pytest.mark.parametrize("path", ["/nowhere", "/sessions/", "/health/live/", "//health/live"])
def test_an_unknown_path_is_a_problem_too(client: Client, path: str) -> None:
    answer = client.request("GET", path)

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["i18n_key"] == "error.route_not_found"


def test_both_forms_of_the_contract_are_the_same_document(client: Client) -> None:
    as_json, as_yaml = client.request("GET", "/openapi.json"), client.request("GET", "/openapi.yaml")

    assert as_json.json() == yaml.safe_load(as_yaml.text)
    assert as_json.json()["openapi"] == "3.0.3"


def test_every_answer_about_sessions_forbids_storing(client: Client) -> None:
    session = client.create()

    for answer in (
        client.internal("GET", "/internal/session/sessions/usr_abc123"),
        client.as_user("GET", f"/sessions/{session['id']}", "usr_abc123"),
        client.as_admin("GET", "/admin/sessions/stats"),
        client.as_admin("GET", "/api/sessions/all"),
    ):
        assert answer.headers["cache-control"] == "no-store"


def test_a_challenge_tells_what_is_wrong_only_to_those_who_sent_a_token(client: Client) -> None:
    silent = client.request("GET", "/admin/sessions/stats")
    wrong = client.request("GET", "/admin/sessions/stats", headers={"Authorization": "Bearer x.y.z"})
    service = client.request("GET", PATH)

    assert silent.headers["www-authenticate"] == 'Bearer realm="sojourn"'
    assert 'error="invalid_token"' in wrong.headers["www-authenticate"]
    assert service.headers["www-authenticate"] == 'ApiKey realm="sojourn"'
