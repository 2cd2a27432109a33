"""The API reference in a browser: rendered, searched, and used to send a request; without any other server."""

from collections.abc import Callable

import pytest

from sojourn.documentation import scalar
from tests.browser.conftest import Browser
from tests.contract.document import bundle
from tests.live import API_KEY, LiveServer

QUESTION = "Check whether a user is signed in"
Picture = Callable[[str], None]
HELD_UP = {"script-src"}
"""The script asks whether it may make functions of texts, and does without."""


def open_reference(browser: Browser, server: LiveServer) -> None:
    browser.driver.get(f"{server.url}/docs")
    browser.find("h1", bundle()["info"]["title"])


def open_question(browser: Browser, server: LiveServer) -> None:
    """Search for one operation and go to it."""
    open_reference(browser, server)
    browser.click(browser.find("button", "Open Search"))
    browser.find("input[placeholder^=Search]").send_keys("signed in")
    browser.click(browser.find("[role=option]", QUESTION))
    browser.find("h3, h2", QUESTION)


def test_the_reference_is_rendered_with_every_group_of_operations(
    browser: Browser, server: LiveServer, picture: Picture
) -> None:
    open_reference(browser, server)
    picture("reference-1280")

    for group in bundle()["x-tagGroups"]:
        browser.find("nav, aside", group["name"])
    for tag in bundle()["tags"]:
        browser.find("nav, aside", tag["x-displayName"])


def test_the_reference_asks_its_own_server_and_nobody_else(browser: Browser, server: LiveServer) -> None:
    open_question(browser, server)

    asked = {address for address in browser.requests() if address.startswith("http")}

    assert asked == {
        f"{server.url}/docs",
        f"{server.url}/docs/reference.js?hash={scalar.script_hash()}",
        f"{server.url}/openapi.json",
    }


def test_the_scope_of_an_operation_stands_beside_its_name(browser: Browser, server: LiveServer) -> None:
    open_question(browser, server)

    browser.find(".badge", "scope sessions:read")


def test_the_policy_holds_nothing_up_that_the_page_cannot_do_without(browser: Browser, server: LiveServer) -> None:
    open_question(browser, server)
    code = browser.find("code[style*='--line-count']", "curl")

    assert browser.violations() <= HELD_UP
    digits = "return getComputedStyle(arguments[0]).getPropertyValue('--line-digits')"
    assert browser.driver.execute_script(digits, code).strip() == "1"


def test_a_search_finds_an_operation_and_leads_to_it(browser: Browser, server: LiveServer, picture: Picture) -> None:
    open_question(browser, server)
    picture("operation-1280")

    assert browser.driver.current_url.endswith("/internal/session/sessions/{user_id}/active")


def test_a_request_sent_from_the_page_is_answered_200(browser: Browser, server: LiveServer, picture: Picture) -> None:
    open_question(browser, server)
    browser.click(browser.find("button", "Test Request", "/active)"))
    browser.click(browser.find("[role=dialog] input.scalar-password-input"))
    browser.driver.switch_to.active_element.send_keys(API_KEY)
    browser.click(browser.find("[role=dialog] button", "Send"))

    answer = browser.find("[role=dialog]", "200 OK")
    picture("request-1280")

    assert '"session_count": 0' in answer.text
    assert browser.violations() <= HELD_UP


@pytest.mark.parametrize("width", [1280, 390])
def test_the_reference_fits_its_window(browser: Browser, server: LiveServer, picture: Picture, width: int) -> None:
    browser.resize(width, 844)
    open_reference(browser, server)
    picture(f"reference-{width}")

    assert browser.overflow() == 0


def test_a_request_can_be_sent_from_a_phone(browser: Browser, server: LiveServer, picture: Picture) -> None:
    browser.resize(390, 844)
    browser.driver.get(f"{server.url}/docs#tag/service/GET/health/live")
    button = browser.find("button", "Test Request", "/health/live)")
    picture("operation-390")
    browser.click(button)
    browser.click(browser.find("[role=dialog] button", "Send"))

    browser.find("[role=dialog]", "200 OK")
    picture("request-390")


def test_an_empty_field_for_a_key_shows_what_a_key_of_ours_looks_like(browser: Browser, server: LiveServer) -> None:
    open_reference(browser, server)

    assert browser.find("input.scalar-password-input").get_attribute("placeholder") == "sj_…"


def test_nothing_lies_over_the_head_while_a_request_is_made(browser: Browser, server: LiveServer) -> None:
    open_question(browser, server)
    browser.click(browser.find("button", "Test Request", "/active)"))
    browser.find("[role=dialog]")

    assert browser.all("body > nav a:not(.home)") == []
