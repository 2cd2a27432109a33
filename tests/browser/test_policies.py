"""The page of the tenant's policy: edit, see what it would do, save; what somebody else saved is not overwritten."""

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
FACTS = """return Object.fromEntries([...document.querySelectorAll(".simulated dt")]
    .map((name) => [name.textContent, name.nextElementSibling.textContent]))"""


def policy(server: LiveServer, method: str = "GET", body: Any = None, path: str = POLICY) -> Any:
    """The tenant's policy, as an administrator reads, sets or simulates it over HTTP."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{server.url}{path}", data, method=method)
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


def simulate(browser: Browser) -> None:
    browser.click(browser.find("main button", "See what it would do"))


def save(browser: Browser) -> None:
    simulate(browser)
    confirm(browser, "Save")


def confirm(browser: Browser, label: str) -> None:
    browser.click(browser.find("main .buttons > button.danger", label))
    browser.click(browser.find("dialog[open] button.danger", label))


def test_a_rule_is_set_and_the_dialog_says_what_changes_and_whom_it_reaches(
    browser: Browser, ruled: LiveServer, picture: Picture
) -> None:
    open_policies(browser, ruled)
    before = policy(ruled)["version"]
    browser.click(browser.find("input[name=max_sessions]"))
    fill(browser, 3)
    assert browser.all("main .buttons > button.danger", "Save") == []
    simulate(browser)
    browser.find(".simulated")
    picture("console-policies-light-1280")
    assert axe.found(browser) == []
    browser.click(browser.find("main .buttons > button.danger", "Save"))
    browser.find("dialog[open]", "How many", "3", "active session", "next sign-in")
    assert policy(ruled)["version"] == before
    browser.click(browser.find("dialog[open] button.danger", "Save"))

    browser.find(".note", "saved")
    stored = policy(ruled)
    assert (stored["max_sessions"]["count"], stored["version"]) == (3, before + 1)
    confirm(browser, "Take away all rules")
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


def test_what_the_rules_would_do_is_shown_as_the_service_counts_it_and_only_for_these_rules(
    browser: Browser, ruled: LiveServer
) -> None:
    for user in ("usr_s", "usr_s", "usr_s", "usr_t", "usr_t"):
        ask(ruled, "POST", "/internal/session/create", {"auth_user_id": user, "device_type": "desktop"}, tenant=TENANT)
    open_policies(browser, ruled)
    browser.click(browser.find("input[name=max_sessions]"))
    fill(browser, 1)
    simulate(browser)

    shown = browser.find(".simulated").text
    rules = {"max_sessions": {"count": 1}}
    counted = policy(ruled, "POST", rules, f"{POLICY}/simulations")
    ends, denials = counted["would_end_now"], counted["would_deny"]
    assert ends["sessions"] >= 3
    assert f"{ends['sessions']} open sessions, of {ends['users']} users, are above the rules" in shown
    facts = browser.driver.execute_script(FACTS)
    assert facts["By rule"] == f"Limit of sessions {ends['by_rule']['max_sessions']}"
    assert facts["Sign-ins it would have refused"] == str(denials["sign_ins"])
    assert facts["Sessions it would have ended for a new one"] == str(denials["ended_for_others"])
    assert facts["Counted on"] == f"{counted['counted']['sessions']} sessions"
    assert browser.find("main .buttons > button.danger", "Save")
    assert set(policy(ruled)) == {"version"}

    fill(browser, 2)
    browser.wait(lambda: not browser.all(".simulated"), "what was simulated for other rules is still shown")
    assert browser.all("main .buttons > button.danger", "Save") == []


def test_what_the_server_refuses_is_shown_and_cannot_be_saved(browser: Browser, ruled: LiveServer) -> None:
    policy(ruled, "PUT", {"max_sessions": {"count": 5}})
    open_policies(browser, ruled)
    fill(browser, 0)
    simulate(browser)

    browser.find("main .refusal", "max_sessions.count", "400")
    assert browser.all("main .buttons > button.danger", "Save") == []
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
