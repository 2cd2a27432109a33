"""Every page of the server, in both themes, is free of what axe-core finds."""

from collections.abc import Callable

import pytest

from sojourn.problems import i18n
from tests.browser import axe
from tests.browser.conftest import Browser
from tests.contract.document import bundle
from tests.live import LiveServer

PAGES = ("/", "/docs/problems", "/problems", "/problems/validation-failed", "/problems/rate-limited")
NOT_OURS = "#reference"
"""The reference that Scalar draws."""


@pytest.mark.parametrize("theme", axe.THEMES)
@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing_on_a_page(browser: Browser, server: LiveServer, path: str, theme: str) -> None:
    axe.open_in(browser, f"{server.url}{path}", theme)

    assert axe.found(browser) == []


@pytest.mark.parametrize("theme", axe.THEMES)
def test_axe_finds_nothing_around_the_reference(browser: Browser, server: LiveServer, theme: str) -> None:
    axe.open_in(browser, f"{server.url}/docs", theme)
    browser.find("h1", bundle()["info"]["title"])

    assert axe.found(browser, NOT_OURS) == []


def test_a_page_with_a_fault_is_found(browser: Browser, server: LiveServer) -> None:
    axe.open_in(browser, f"{server.url}/", "light")
    browser.driver.execute_script(
        "document.querySelector('main').insertAdjacentHTML('beforeend', '<img src=favicon.ico>')"
    )

    assert [fault.split(" ")[0] for fault in axe.found(browser)] == ["image-alt"]


@pytest.mark.parametrize("theme", axe.THEMES)
@pytest.mark.parametrize("width", [1280, 390])
def test_the_front_page_and_a_problem_page_fit_their_window(
    browser: Browser, server: LiveServer, picture: Callable[[str], None], width: int, theme: str
) -> None:
    browser.resize(width, 844)
    for name, path in (("front", "/"), ("problem", "/problems/validation-failed")):
        axe.open_in(browser, f"{server.url}{path}", theme)
        picture(f"{name}-{theme}-{width}")

        assert browser.overflow() == 0
        assert browser.violations() == set()


@pytest.mark.parametrize("path", ["/", "/docs", "/docs/problems", "/problems/rate-limited"])
def test_a_chosen_language_stays_when_a_link_is_followed(browser: Browser, server: LiveServer, path: str) -> None:
    language = next(locale for locale in i18n.LOCALES if locale != i18n.DEFAULT)
    browser.driver.get(f"{server.url}{path}?language={language}")

    links = {
        link
        for element in browser.driver.find_elements("css selector", "body > nav a, body > header a, main a")
        if (link := element.get_attribute("href") or "").startswith(server.url) and "#" not in link
    }
    pages = {link for link in links if not link.endswith((".json", ".yaml", "/health/ready"))}

    assert pages
    assert {link for link in pages if "language=" not in link} == set()
