"""The page of one's own devices, and its element in a page of somebody else."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser import axe
from tests.browser.conftest import Browser
from tests.browser.test_console import ask, create, token
from tests.live import LiveServer

ANN = "usr_ann"
Picture = Callable[[str], None]


@pytest.fixture
def mine(server: LiveServer) -> tuple[LiveServer, str]:
    """The server, and the session with which its user is here; the user has others on another device."""
    ask(server, "DELETE", f"/internal/session/session/user/{ANN}")
    for device in ("d_desk", "d_desk", "d_phone"):
        latest = create(
            server, ANN, device_id=device, browser=f"Browser of {device}", device_fingerprint=f"sha256:{device}"
        )
    return server, latest


def enter(browser: Browser, mine: tuple[LiveServer, str], theme: str = "light") -> None:
    server, session = mine
    browser.driver.get("about:blank")
    axe.open_in(browser, f"{server.url}/account#token={token(ANN, sid=session)}", theme)
    shadow(browser, ".devices li", "d_phone")


def shadow(browser: Browser, selector: str, *words: str) -> Any:
    """The first such element inside of the element, as `Browser.find` has it."""
    script = (
        "return [...document.querySelector('sojourn-devices').shadowRoot.querySelectorAll(arguments[0])]"
        ".find((e) => e.checkVisibility() && arguments[1].every((word) => e.textContent.includes(word))) ?? null"
    )
    return browser.wait(lambda: browser.driver.execute_script(script, selector, list(words)), f"no {selector} {words}")


def active(server: LiveServer) -> set[str]:
    found = ask(server, "GET", f"/internal/session/sessions/{ANN}?status=active")["items"]
    return {one["device_id"] for one in found}


@pytest.mark.parametrize(("theme", "width"), [("light", 390), ("dark", 1280)])
def test_my_devices_are_shown_with_the_present_one_marked(
    browser: Browser, mine: tuple[LiveServer, str], picture: Picture, theme: str, width: int
) -> None:
    browser.resize(width, 844)
    enter(browser, mine, theme)
    shadow(browser, ".here", "d_phone", "This device")
    picture(f"account-{theme}-{width}")

    assert browser.overflow() == 0
    assert browser.violations() == set()
    assert browser.complaints() == []
    assert axe.found(browser) == []
    browser.complaints()  # axe makes a style sheet to look into the element, which the policy refuses


def test_another_device_is_signed_out_with_all_its_sessions(browser: Browser, mine: tuple[LiveServer, str]) -> None:
    enter(browser, mine)
    browser.click(shadow(browser, ".devices li:not(.here) button.danger"))
    shadow(browser, "dialog[open]", "End 2 sessions on this device?")
    browser.click(shadow(browser, "dialog[open] button.danger"))
    shadow(browser, ".note", "2 sessions ended")

    assert active(mine[0]) == {"d_phone"}


def test_all_others_are_signed_out_and_the_present_one_goes_on(browser: Browser, mine: tuple[LiveServer, str]) -> None:
    enter(browser, mine)
    browser.click(shadow(browser, "button.danger", "Sign out everywhere else"))
    shadow(browser, "dialog[open]", "End 2 other sessions?")
    browser.click(shadow(browser, "dialog[open] button.danger"))
    shadow(browser, ".note", "everywhere else")

    assert active(mine[0]) == {"d_phone"}


def test_a_device_is_named_by_its_user(browser: Browser, mine: tuple[LiveServer, str]) -> None:
    enter(browser, mine)
    browser.click(shadow(browser, ".here h3 button"))
    shadow(browser, ".rename input").send_keys("Ann's <b>phone</b>\n")

    shadow(browser, ".here h3", "Ann's <b>phone</b>")
