"""The page of the tenant's policy: edit, look at what changes, save; what somebody else saved is not overwritten."""

import json
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from tests.browser import axe
from tests.browser.conftest import Browser
from tests.browser.test_console import ask, token
from tests.contract.document import resolved
from tests.live import LiveServer

TENANT = "ruled"
POLICY = "/admin/policies/sessions"
Picture = Callable[[str], None]


def policy(server: LiveServer, method: str = "GET", body: Any = None) -> Any:
    """The tenant's policy, as an administrator reads or sets it over HTTP."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{server.url}{POLICY}", data, method=method)
    request.add_header("Authorization", f"Bearer {token('other', 'admin', tenant_id=TENANT)}")
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=20) as response:
        return json.loads(response.read() or b"null")


@pytest.fixture
def ruled(server: LiveServer) -> LiveServer:
    """The server with a tenant that has a session, and no rules of its own."""
    body = {"auth_user_id": "usr_r", "device_type": "desktop"}
    ask(server, "POST", "/internal/session/create", body, tenant=TENANT)
    policy(server, "DELETE")
    return server


def open_policies(browser: Browser, server: LiveServer, role: str = "admin", theme: str = "light") -> None:
    browser.driver.get("about:blank")
    axe.open_in(browser, f"{server.url}/console#token={token('root', role, tenant_id=TENANT)}&to=/policies", theme)
    browser.find(".members")


def fill(browser: Browser, count: int) -> None:
    field = browser.find("input[name='max_sessions.count']")
    field.clear()
    field.send_keys(str(count))


def save(browser: Browser, label: str = "Save") -> None:
    browser.click(browser.find("main .buttons > button.danger", label))
    browser.click(browser.find("dialog[open] button.danger", label))


def test_a_rule_is_set_and_the_dialog_says_what_changes_and_whom_it_reaches(
    browser: Browser, ruled: LiveServer, picture: Picture
) -> None:
    open_policies(browser, ruled)
    before = policy(ruled)["version"]
    browser.click(browser.find("input[name=max_sessions]"))
    fill(browser, 3)
    picture("console-policies-light-1280")
    assert axe.found(browser) == []
    browser.click(browser.find("main .buttons > button.danger", "Save"))
    browser.find("dialog[open]", "How many", "3", "active session", "next sign-in")
    assert policy(ruled)["version"] == before
    browser.click(browser.find("dialog[open] button.danger", "Save"))

    browser.find(".note", "saved")
    stored = policy(ruled)
    assert (stored["max_sessions"]["count"], stored["version"]) == (3, before + 1)
    save(browser, "Take away all rules")
    browser.wait(lambda: set(policy(ruled)) == {"version"}, "still there")


def test_what_another_administrator_saved_meanwhile_is_shown_and_not_overwritten(
    browser: Browser, ruled: LiveServer
) -> None:
    policy(ruled, "PUT", {"max_sessions": {"count": 5}})
    open_policies(browser, ruled)
    fill(browser, 7)
    policy(ruled, "PUT", {"max_sessions": {"count": 6}})
    save(browser)
    browser.find("dialog[open] .refusal", "412")
    browser.complaints()
    browser.click(browser.find("dialog[open] button", "Cancel"))
    browser.click(browser.find(".bar.warn button"))

    shown = "return document.querySelector(\"input[name='max_sessions.count']\").value"
    browser.wait(lambda: browser.driver.execute_script(shown) == "6", "not loaded")
    assert policy(ruled)["max_sessions"]["count"] == 6


def test_what_the_server_refuses_is_shown_in_the_dialog(browser: Browser, ruled: LiveServer) -> None:
    policy(ruled, "PUT", {"max_sessions": {"count": 5}})
    open_policies(browser, ruled)
    fill(browser, 0)
    save(browser)

    browser.find("dialog[open] .refusal", "max_sessions.count", "400")
    browser.complaints()


def test_the_form_has_every_member_that_the_contract_has(browser: Browser, ruled: LiveServer) -> None:
    open_policies(browser, ruled)
    names = "return [...document.querySelectorAll('.members > * [name]')].map((field) => field.name)"

    members = resolved()["components"]["schemas"]["SetSessionPolicyRequest"]["properties"]
    assert set(members) == set(browser.driver.execute_script(names))


def test_who_may_only_read_sees_the_rules_and_is_offered_no_change(
    browser: Browser, ruled: LiveServer, picture: Picture
) -> None:
    policy(ruled, "PUT", {"max_sessions": {"count": 5}})
    browser.resize(390, 844)
    open_policies(browser, ruled, role="auditor", theme="dark")
    picture("console-policies-dark-390")

    assert not browser.find("input[name='max_sessions.count']").is_enabled()
    assert browser.all("button.danger") == []
    assert axe.found(browser) == []
    assert browser.overflow() == 0
