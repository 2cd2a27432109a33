"""What a cache has to know: which request headers choose the answer, its language, and what is not to be kept."""

import pytest

from sojourn.problems import i18n
from tests.contract.document import operations
from tests.http.conftest import Client

PAGES = {
    "/": "Accept, Accept-Language, Accept-Encoding",
    "/problems": "Accept, Accept-Language, Accept-Encoding",
    "/problems/validation-failed": "Accept, Accept-Language, Accept-Encoding",
    "/docs/problems": "Accept-Language, Accept-Encoding",
}

COMPRESSED = {
    *("get_contract_json", "get_contract_yaml", "get_reference_script"),
    *("get_console", "get_account", "get_console_script", "get_console_style"),
    *("get_front_page", "list_problem_types", "get_problem_type", "get_problem_catalogue"),
    *("get_revocations", "list_status_lists", "get_status_list"),
}
"""Answers that are the same for everybody, and the snapshot, in which no credential stands: no other may be compressed,
for its length would tell of what is in it."""


@pytest.mark.parametrize("locale", i18n.LOCALES)
@pytest.mark.parametrize(("path", "vary"), PAGES.items())
def test_what_the_reader_chooses_is_said_to_caches(client: Client, path: str, vary: str, locale: str) -> None:
    answer = client.request("GET", path, headers={"Accept-Language": locale})

    assert answer.status_code == 200
    assert answer.headers["vary"] == vary
    assert answer.headers["content-language"] == locale


@pytest.mark.parametrize(("path", "vary"), PAGES.items())
def test_a_refusal_of_the_form_varies_by_the_same_headers(client: Client, path: str, vary: str) -> None:
    answer = client.request("GET", path, headers={"Accept": "image/png", "Accept-Language": "zh"})

    assert answer.status_code == 406
    assert answer.headers["vary"] == vary
    assert answer.headers["content-language"] == "zh-CN"


def test_the_language_of_the_query_is_the_language_of_the_page(client: Client) -> None:
    answer = client.request("GET", "/docs/problems?language=zh-CN", headers={"Accept-Language": "en"})

    assert answer.headers["content-language"] == "zh-CN"


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
def test_health_is_never_kept(client: Client, path: str) -> None:
    assert client.request("GET", path).headers["cache-control"] == "no-store"


def test_every_operation_with_a_choice_of_forms_or_languages_declares_vary() -> None:
    for operation in operations():
        headers = operation.good_answer.get("headers", {})
        choice = ["Accept"] if len(operation.good_answer.get("content", {})) > 1 else []
        choice += ["Accept-Language"] if "Content-Language" in headers else []
        choice += ["Accept-Encoding"] if operation.id in COMPRESSED else []
        declared = headers["Vary"]["schema"]["enum"] if "Vary" in headers else []
        varies = ", ".join(choice)
        assert declared == ([varies, f"{varies}, Origin"] if choice else []), operation
