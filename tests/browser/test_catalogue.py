"""The problem catalogue in a browser."""

from collections.abc import Callable

import pytest

from sojourn.problems import documents, i18n
from tests.browser.conftest import Browser
from tests.live import LiveServer

Picture = Callable[[str], None]


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("language", i18n.LOCALES)
def test_the_catalogue_shows_every_problem_in_the_language_and_fits_its_window(
    browser: Browser, server: LiveServer, picture: Picture, language: str, width: int
) -> None:
    browser.resize(width, 844)
    browser.driver.get(f"{server.url}/docs/problems?language={language}")
    picture(f"problems-{language}-{width}")

    assert len(browser.all("section")) == len(documents.BY_SLUG)
    assert browser.driver.find_element("tag name", "html").get_attribute("lang") == language
    assert browser.overflow() == 0
    assert browser.violations() == set()


def test_links_lead_to_the_other_language_to_a_problem_and_to_the_reference(
    browser: Browser, server: LiveServer
) -> None:
    browser.driver.get(f"{server.url}/docs/problems?language=en")

    browser.click(browser.find("nav a", "简体中文"))
    browser.find("h1", "问题类型")
    browser.click(browser.find("section#token-expired h2 a"))
    browser.wait(
        lambda: browser.driver.current_url == f"{server.url}/problems/token-expired?language=zh-CN", "not there"
    )
    browser.driver.get(f"{server.url}/docs/problems?language=zh-CN")
    browser.click(browser.find("nav a", "API"))
    # The reference adds the place it shows as a fragment, some time after it is there.
    browser.wait(
        lambda: browser.driver.current_url.partition("#")[0] == f"{server.url}/docs?language=zh-CN", "not there"
    )
