"""The console and the page of one's own devices, as they are served: what they may load, whose files they are."""

import gzip
import hashlib
import json
import re
from collections.abc import Callable
from importlib.resources import files as resources
from pathlib import Path

import pytest

from sojourn.console import files
from sojourn.console.pages import STYLES
from sojourn.console.vendoring import Vendored, pinned
from sojourn.documentation.scalar import Pin
from sojourn.problems import i18n
from tests.contract.document import resolved
from tests.http.conftest import Client

PAGES = ("console", "account")
MOST_BYTES = 120 * 1024
ISSUER = {"SOJOURN_CONSOLE_ISSUER": "https://id.example.com/realms/acme", "SOJOURN_CONSOLE_CLIENT_ID": "pages"}
CODE = {name: text.decode() for name, text in files.contents().items() if name.endswith(".js")}
OURS = {path.name: path.read_text("utf-8") for path in Path(str(resources("sojourn.console"))).glob("*.js")}


@pytest.fixture
def engine() -> str:
    """Pages and files come from memory: one engine is enough."""
    return "sqlite"


def policy(client: Client, page: str) -> dict[str, str]:
    header = client.request("GET", f"/{page}").headers["content-security-policy"]
    return dict(part.split(" ", 1) for part in header.split("; "))


@pytest.mark.parametrize("page", PAGES)
def test_a_page_may_load_nothing_but_files_of_this_server_and_run_nothing_inline(client: Client, page: str) -> None:
    assert policy(client, page) == {
        **dict.fromkeys(("default-src", "base-uri", "form-action", "frame-ancestors"), "'none'"),
        **dict.fromkeys(("script-src", "style-src", "img-src", "connect-src"), "'self'"),
    }


@pytest.mark.parametrize("page", PAGES)
def test_a_page_may_also_ask_the_issuer_and_no_other_server(start: Callable[..., Client], page: str) -> None:
    assert policy(start(**ISSUER), page)["connect-src"] == "'self' https://id.example.com"


@pytest.mark.parametrize("page", PAGES)
def test_everything_that_a_page_names_is_served_and_kept_for_ever(start: Callable[..., Client], page: str) -> None:
    client = start(SOJOURN_BASE_PATH="/session/api/v1")
    text = client.request("GET", f"/session/api/v1/{page}").text
    links = [link for link in re.findall(r'(?:src|href)="([^"]+)"', text) if link.startswith("console/")]

    assert {link.rpartition("/")[2] for link in links} == {
        f"{page}.js",
        *files.imported_by(f"{page}.js"),
        *STYLES[page],
    }
    for link in links:
        answer = client.request("GET", f"/session/api/v1/{link}")
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "max-age=31536000, immutable"
        assert files.release() in link


def imports() -> set[tuple[str, str]]:
    """Each module with each that it imports."""
    return {
        (name, found.removeprefix("./"))
        for name, text in CODE.items()
        for found in re.findall(r"""(?:^|[;}\s])(?:import|from)\s*["'](\.?[./@\w-]+)["']""", text)
    }


def test_every_module_imports_modules_that_are_served_under_the_same_release() -> None:
    assert len(imports()) > 40
    assert {(name, found) for name, found in imports() if found not in CODE} == set()


@pytest.mark.parametrize("page", PAGES)
def test_a_page_names_every_module_that_one_of_its_modules_imports(client: Client, page: str) -> None:
    text = client.request("GET", f"/{page}").text
    named = {*re.findall(r'"modulepreload" href="[^"]*/([^"/]+)"', text), f"{page}.js"}

    for name in named:
        assert {found for importer, found in imports() if importer == name} <= named, name
    assert "oauth4webapi.js" not in named


def test_files_below_current_are_those_of_this_release_and_kept_for_an_hour(client: Client) -> None:
    of_release = client.request("GET", f"/console/scripts/{files.release()}/devices.js")
    current = client.request("GET", "/console/scripts/current/devices.js")

    assert current.content == of_release.content == files.contents()["devices.js"]
    assert current.headers["cache-control"] == "max-age=3600"
    assert current.headers["content-type"] == "text/javascript; charset=utf-8"
    assert client.request("GET", "/console/styles/current/parts.css").headers["content-type"].startswith("text/css")


@pytest.mark.parametrize("path", ["scripts/0123456789abcdef/console.js", "scripts/current/nothing.js"])
def test_a_file_that_this_release_does_not_have_is_a_problem_that_says_what_to_do(client: Client, path: str) -> None:
    answer = client.request("GET", f"/console/{path}")

    assert (answer.status_code, answer.json()["i18n_key"]) == (404, "error.page_file_not_found")


@pytest.mark.parametrize("path", ["scripts/current/..", "scripts/current/pins.json", "styles/current/console.js"])
def test_nothing_else_of_the_folder_is_served(client: Client, path: str) -> None:
    assert client.request("GET", f"/console/{path}").status_code in (400, 404)


def test_all_files_together_are_small() -> None:
    assert sum(len(gzip.compress(content, 9)) for content in files.contents().values()) <= MOST_BYTES


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_is_given_is_data_that_cannot_leave_its_element(start: Callable[..., Client], page: str) -> None:
    client = start(**{**ISSUER, "SOJOURN_CONSOLE_CLIENT_ID": "</script><b>"})
    text = client.request("GET", f"/{page}").text
    data = json.loads(text.split('id="page">')[1].split("</script>")[0])

    assert data["clientId"] == "</script><b>"
    assert re.findall(r"<script (?!type=\"application/json\")([^>]*)>([^<]*)", text) == [
        (f'type="module" src="console/scripts/{files.release()}/{page}.js"', "")
    ]


@pytest.mark.parametrize(
    "given", [{"SOJOURN_CONSOLE_ISSUER": "https://id.example.com"}, {"SOJOURN_CONSOLE_CLIENT_ID": "a"}]
)
def test_the_issuer_and_the_client_belong_together(start: Callable[..., Client], given: dict[str, str]) -> None:
    with pytest.raises(Exception, match="set both or none"):
        start(**given)


def test_what_others_published_stands_here_as_it_was_pinned() -> None:
    there = {path.name for path in Path(str(resources("sojourn.console") / "vendor")).glob("*.[jc]s*")}

    assert {entry.name for entry in pinned()} == there - {"pins.json"}
    for entry in pinned():
        assert hashlib.sha256(files.contents()[entry.name]).hexdigest() == entry.sha256, entry.name
        if not entry.imports and entry.export is None:
            assert entry.sha256 == entry.pin.sha256, entry.name


def test_the_types_of_the_modules_are_checked_beside_the_versions_that_are_pinned() -> None:
    checked = json.loads((Path(__file__).parents[1] / "pages/package.json").read_text("utf-8"))["devDependencies"]

    assert {entry.pin.package: entry.pin.version for entry in pinned()}.items() <= checked.items()


def test_of_a_published_file_only_the_addresses_of_imports_change() -> None:
    pin = Pin("p", "1", "MIT", "", "f", "")
    entry = Vendored(name="a.js", pin=pin, sha256="", imports={"preact": "./preact.js"}, export="x")

    assert entry.made_of(b'import{h}from"preact";x("preactx")') == (
        b'import{h}from"./preact.js";x("preactx")\nexport default x;\n'
    )


def messages(locale: str) -> set[str]:
    return set(re.findall(r"^([a-zA-Z][\w-]*) =", files.words()[locale], re.MULTILINE))


def test_every_language_has_every_message() -> None:
    assert set(files.words()) == set(i18n.LOCALES)
    for locale in i18n.LOCALES:
        assert messages(locale) == messages(i18n.DEFAULT)


def test_every_message_that_is_shown_is_there() -> None:
    shown = {name for text in OURS.values() for name in re.findall(r"""\bt\("([\w-]+)\"""", text)}

    assert len(shown) > 80
    assert shown - messages(i18n.DEFAULT) == set()


def test_every_code_of_the_contract_has_words() -> None:
    schemas = resolved()["components"]["schemas"]
    codes = schemas["SessionResponse"]["properties"]["reason_code"]["enum"]

    assert {f"reason-{code}" for code in codes} <= messages(i18n.DEFAULT)


def test_no_module_writes_markup_or_makes_code_of_text() -> None:
    forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|dangerouslySetInnerHTML|document\.write|\beval\(|new Function"

    assert [name for name, text in OURS.items() if re.search(forbidden, text)] == []
