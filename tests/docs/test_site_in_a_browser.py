"""The static site in a real browser: axe-core finds nothing of ours, in both themes, and it fits a phone."""

import os
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.browser import axe
from tests.browser.conftest import Browser, browser, chromium, picture

__all__ = ["browser", "chromium", "picture"]

PAGES = ("index", "concepts", "performance", "threat-model", "guides/quick-start", "project/changelog")
"""Those with everything that pages are made of: pictures, charts, code, wide tables, included texts."""
NOT_OURS = "#reference"
"""The reference that Scalar draws."""


class Quiet(SimpleHTTPRequestHandler):
    """Serves files and writes no log."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that the library uses
        """Nothing."""


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """Where the site is served."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def pages(site: Path) -> tuple[str, ...]:
    """Some pages, or with `SITE_PAGES=all` every one."""
    if os.environ.get("SITE_PAGES") != "all":
        return PAGES
    return tuple(str(page.relative_to(site).with_suffix("")) for page in sorted(site.rglob("*.html")))


@pytest.mark.parametrize("theme", axe.THEMES)
def test_axe_finds_nothing_on_the_pages(browser: Browser, address: str, site: Path, theme: str) -> None:
    found = {}
    for page in pages(site):
        axe.open_in(browser, f"{address}/{page}.html", theme)
        found[page] = axe.found(browser, NOT_OURS)

    assert {page: faults for page, faults in found.items() if faults} == {}


@pytest.mark.parametrize("width", [1280, 390])
def test_the_pages_fit_their_window_in_both_themes(
    browser: Browser, address: str, picture: Callable[[str], None], width: int
) -> None:
    browser.resize(width, 844)
    for theme in axe.THEMES:
        for page in PAGES:
            axe.open_in(browser, f"{address}/{page}.html", theme)
            picture(f"site-{page.replace('/', '-')}-{theme}-{width}")

            assert browser.overflow() == 0, page


@pytest.mark.parametrize("theme", axe.THEMES)
def test_the_reference_of_the_site_is_drawn_and_axe_finds_nothing_around_it(
    browser: Browser, address: str, picture: Callable[[str], None], theme: str
) -> None:
    axe.open_in(browser, f"{address}/reference/index.html", theme)
    browser.find("h1", "Sojourn session service")
    picture(f"site-reference-{theme}-1280")

    assert axe.found(browser, NOT_OURS) == []
    assert {
        asked for asked in browser.requests() if asked.startswith("http") and not asked.startswith(address)
    } == set()


def test_a_block_of_code_can_be_copied_with_one_click(browser: Browser, address: str) -> None:
    browser.driver.get(f"{address}/guides/quick-start.html")

    blocks = browser.driver.find_elements("css selector", "div.highlight > pre")
    buttons = browser.driver.find_elements("css selector", "div.highlight button.copybtn")
    assert len(blocks) == len(buttons) > 5
