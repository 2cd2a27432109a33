"""The pages below `/docs`, over HTTP."""

import hashlib
import json
import re
from collections.abc import Callable
from urllib.parse import urljoin

import pytest

from sojourn import __version__
from sojourn.documentation import scalar
from sojourn.documentation.reference import SHOWN_TENANT, SHOWN_USER, FilledIn, reference_page
from sojourn.openapi.loader import bundle_json, bundle_yaml, load_bundle
from sojourn.problems import documents, i18n
from sojourn.problems.pages import word
from tests.contract.document import resolved
from tests.http.conftest import Client

FOR_PEOPLE = ("/", "/problems", "/problems/internal", "/docs/problems")
PAGES = ("/docs", "/docs/problems", "/docs/reference.js")


def test_the_reference_may_run_its_own_script_and_ask_its_own_server_only(client: Client) -> None:
    page = client.request("GET", "/docs")
    policy = dict(part.split(" ", 1) for part in page.headers["content-security-policy"].split("; "))

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == policy["frame-ancestors"] == "'none'"
    assert policy["connect-src"] == "'self'"
    assert re.fullmatch(r"'self' 'sha256-[\w+/=]+'", policy["script-src"])
    assert "'unsafe-inline'" not in page.headers["content-security-policy"]
    assert re.findall(r'(?:src|href)="([^"]+)"', page.text) == [
        *(
            "favicon.ico",
            f"docs/reference.js?hash={scalar.pin().sha256[:16]}",
            "#reference",
            "./?language=en",
            "docs/problems?language=en",
            "openapi.yaml",
            *(f"?language={locale}" for locale in i18n.LOCALES),
            "openapi.yaml",
            "docs/problems?language=en",
        ),
    ]


def test_the_script_is_kept_for_ever_under_its_own_hash_only(client: Client) -> None:
    own, other = scalar.pin().sha256[:16], "0" * 16
    kept = [
        client.request("GET", f"/docs/reference.js{query}").headers["cache-control"]
        for query in (f"?hash={own}", f"?hash={other}", "")
    ]

    assert kept == ["max-age=31536000, immutable", "max-age=3600", "max-age=3600"]
    assert client.request("GET", "/docs/reference.js?hash=short").status_code == 400


@pytest.mark.parametrize("locale", i18n.LOCALES)
def test_the_head_of_the_reference_is_in_the_readers_language(client: Client, locale: str) -> None:
    liked = client.request("GET", "/docs", headers={"Accept-Language": locale})
    chosen = client.request("GET", f"/docs?language={locale}")

    for page in (liked, chosen):
        assert page.headers["content-language"] == locale
        assert page.headers["vary"] == "Accept-Language"
        assert f'<html lang="{locale}">' in page.text
        assert word(locale, "skip") in page.text


def test_nothing_is_filled_in_outside_of_a_demo(client: Client) -> None:
    assert "filled-in" not in client.request("GET", "/docs").text.replace('getElementById("filled-in")', "")


def test_what_is_filled_in_is_data_that_cannot_leave_its_element() -> None:
    page, policy = reference_page("en", FilledIn("</script><b>", "t", tenant="acme", user="u"))
    data = page.decode().split('id="filled-in">')[1].split("</script>")[0]

    assert json.loads(data)["apiKey"] == "</script><b>"
    assert "unsafe-inline" not in policy.decode()


def test_what_a_demo_fills_in_stands_in_the_place_of_the_examples_of_the_contract() -> None:
    contract = bundle_json(load_bundle()).decode()

    assert f'"example": "{SHOWN_TENANT}"' in contract.replace('":"', '": "')
    assert f'"example": "{SHOWN_USER}"' in contract.replace('":"', '": "')


@pytest.mark.parametrize("locale", i18n.LOCALES)
def test_there_is_one_catalogue_of_problems_for_people(client: Client, locale: str) -> None:
    at_docs = client.request("GET", f"/docs/problems?language={locale}").text
    at_types = client.request("GET", f"/problems?language={locale}", headers={"Accept": "text/html"}).text

    assert at_docs.replace('href="../', 'href="') == at_types.replace('href="./', 'href="')


def test_no_two_answers_have_the_same_nonce(client: Client) -> None:
    policies = [client.request("GET", "/docs").headers["content-security-policy"] for _ in range(3)]
    nonces = {re.findall(r"'nonce-([^']+)'", policy)[0] for policy in policies}

    assert len(nonces) == 3


def test_the_script_is_the_published_one_byte_by_byte(client: Client) -> None:
    answer = client.request("GET", "/docs/reference.js")

    assert hashlib.sha256(answer.content).hexdigest() == scalar.pin().sha256
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "max-age=3600"


def test_a_package_that_is_not_the_pinned_one_is_refused() -> None:
    with pytest.raises(scalar.WrongHash):
        scalar.checked(b"something else", scalar.pin())


@pytest.mark.parametrize("locale", i18n.LOCALES)
def test_the_catalogue_speaks_the_language_asked_for_or_the_one_the_reader_likes(client: Client, locale: str) -> None:
    other = next(name for name in i18n.LOCALES if name != locale)
    chosen = client.request("GET", f"/docs/problems?language={locale}", headers={"Accept-Language": other})
    liked = client.request("GET", "/docs/problems", headers={"Accept-Language": locale})

    assert chosen.text == liked.text
    assert f'<html lang="{locale}">' in chosen.text
    for slug, kind in documents.BY_SLUG.items():
        assert f'<section id="{slug}">' in chosen.text
        assert str(kind.code) in chosen.text


def test_the_catalogue_is_there_in_every_language_of_the_service() -> None:
    offered = resolved()["components"]["parameters"]["PageLanguage"]["schema"]["enum"]

    assert offered == list(i18n.LOCALES)


@pytest.mark.parametrize("path", PAGES)
def test_the_pages_are_as_strict_as_everything_else(client: Client, path: str) -> None:
    assert client.request("GET", f"{path}?colour=red").status_code == 400
    assert client.request("GET", f"{path}/").status_code == 404
    assert client.request("GET", path, headers={"Accept": "image/png"}).status_code == 406
    refused = client.request("HEAD", path)
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET")


def test_the_contract_is_served_byte_by_byte_as_the_command_writes_it(client: Client) -> None:
    assert client.request("GET", "/openapi.json").content == bundle_json(load_bundle())
    assert client.request("GET", "/openapi.yaml").content == bundle_yaml(load_bundle())


def test_an_unknown_language_is_refused(client: Client) -> None:
    assert client.request("GET", "/docs/problems?language=tlh").status_code == 400


@pytest.mark.parametrize("path", [*PAGES[:2], "/problems", "/problems/internal"])
def test_a_page_is_taken_for_nothing_else_and_tells_nobody_where_the_reader_was(client: Client, path: str) -> None:
    page = client.request("GET", path, headers={"Accept": "text/html"})

    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["referrer-policy"] == "no-referrer"


def test_the_pages_stand_below_the_base_path(start: Callable[..., Client]) -> None:
    client = start(SOJOURN_BASE_PATH="/session/api/v1")

    assert client.request("GET", "/docs").status_code == 404
    assert all(
        client.request("GET", f"/session/api/v1{path}").status_code == 200 for path in (*PAGES, "/", "/favicon.ico")
    )


def test_the_front_page_names_the_program_its_version_and_links_that_answer(client: Client) -> None:
    front = client.request("GET", "/")

    assert front.headers["content-type"] == "application/json"
    assert front.json()["name"] == "Sojourn"
    assert front.json()["version"] == __version__
    assert all(client.request("GET", link).status_code == 200 for link in front.json()["links"].values())


def test_the_links_of_the_front_page_stand_below_the_base_path(start: Callable[..., Client]) -> None:
    client = start(SOJOURN_BASE_PATH="/session/api/v1")

    links = client.request("GET", "/session/api/v1/").json()["links"]

    assert all(client.request("GET", link).status_code == 200 for link in links.values())
    assert client.request("GET", "/").status_code == 404


@pytest.mark.parametrize("locale", i18n.LOCALES)
@pytest.mark.parametrize("path", FOR_PEOPLE)
def test_every_link_of_every_page_for_people_leads_to_an_answer(client: Client, path: str, locale: str) -> None:
    page = client.request("GET", f"{path}?language={locale}", headers={"Accept": "text/html"})
    links = set(re.findall(r'(?:src|href)="([^"]+)"', page.text))

    assert f'<html lang="{locale}">' in page.text
    assert {f"?language={other}" for other in i18n.LOCALES} <= links
    for link in links:
        target = urljoin(f"http://here{path}", link).removeprefix("http://here").partition("#")[0]
        assert client.request("GET", target, headers={"Accept": "text/html, */*"}).status_code == 200, link


@pytest.mark.parametrize("path", FOR_PEOPLE)
def test_every_page_for_people_begins_with_a_way_past_its_head(client: Client, path: str) -> None:
    page = client.request("GET", path, headers={"Accept": "text/html"}).text

    assert page.index('<a class="skip" href="#content">') < page.index("<header>") < page.index('<main id="content">')
    assert page.count("<main") == 1


@pytest.mark.parametrize("path", FOR_PEOPLE)
def test_no_page_for_people_runs_anything_or_asks_another_server(client: Client, path: str) -> None:
    page = client.request("GET", path, headers={"Accept": "text/html"})
    policy = dict(part.split(" ", 1) for part in page.headers["content-security-policy"].split("; "))

    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == policy["frame-ancestors"] == "'none'"
    assert policy["img-src"] == "'self'"
    assert "script-src" not in policy
    assert "<script" not in page.text


def test_browsers_find_the_mark_where_they_look_for_it(client: Client) -> None:
    mark = client.request("GET", "/favicon.ico", headers={"Accept": "image/avif,image/webp,*/*;q=0.8"})

    assert mark.headers["content-type"] == "image/svg+xml"
    assert mark.text.startswith("<svg ")
    assert mark.headers["content-security-policy"].startswith("default-src 'none'")
