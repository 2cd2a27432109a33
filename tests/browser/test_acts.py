"""One session's events and tokens in a browser, and what administrators do to tokens, devices and webhooks."""

import json
import urllib.request
from typing import Any

from tests.browser import axe
from tests.browser.conftest import Browser
from tests.browser.test_console import HOSTILE, Picture, ask, create, enter, token
from tests.live import LiveServer


def as_admin(server: LiveServer, method: str, path: str, body: Any = None) -> Any:
    """A request of an administrator; the content of its response."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{server.url}{path}", data, method=method)
    request.add_header("Authorization", f"Bearer {token('other', 'admin')}")
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=20) as response:
        return json.loads(response.read() or b"null")


def confirm(browser: Browser, label: str) -> None:
    """Press a button that opens a dialog, and the same in the dialog."""
    browser.click(browser.find("main button.danger", label))
    browser.click(browser.find("dialog[open] button.danger", label))


def entries_of(browser: Browser) -> int:
    """How many entries the list that is shown has."""
    return int(browser.find(".pages").text.split(" entries")[0].split()[-1].replace(",", ""))


def ran(browser: Browser) -> Any:
    return browser.driver.execute_script("return window.ran ?? null")


def test_a_session_shows_what_happened_to_it_and_by_whom_and_its_tokens(
    browser: Browser, server: LiveServer, picture: Picture
) -> None:
    session = create(server, "usr_told", user_agent=HOSTILE, ip="192.0.2.9", amr=["password"])
    for act in ("suspend", "reactivate"):
        as_admin(server, "POST", f"/admin/sessions/{session}/{act}")
    ask(server, "POST", f"/internal/session/{session}/elevate", {"amr": ["otp"], "verified_at": "2026-01-02T03:04:05Z"})
    as_admin(server, "DELETE", f"/sessions/{session}", {"reason": HOSTILE})
    enter(browser, server, f"sessions/{session}")
    browser.find(".timeline li", "Suspended", "by an administrator", "other")
    browser.find(".timeline li", "Ended", "ended by an administrator", "onerror", "other")

    shown = [item.text.splitlines()[0] for item in browser.all(".timeline li")]
    happened = ["Began", "Suspended", "Reactivated", "Assurance raised", "Ended"]
    assert [word for line in shown for word in happened if line.startswith(word)] == happened
    assert browser.all(".timeline time[title]")
    rows = [row.text for row in browser.all("main table tbody tr")]
    listed = as_admin(server, "GET", f"/admin/tokens?session_id={session}")["items"]
    assert len(rows) == len(listed) > 0
    assert {row.split()[1] for row in rows} == {"Ended"}
    picture("console-one-session-light-1280")
    assert axe.found(browser) == []
    assert (browser.overflow(), browser.violations(), ran(browser)) == (0, set(), None)


def test_the_tokens_of_a_session_are_a_filter_that_can_be_taken_out(browser: Browser, server: LiveServer) -> None:
    session = create(server, "usr_filtered")
    create(server, "usr_filtered")
    ours = as_admin(server, "GET", f"/admin/tokens?session_id={session}")["total"]
    enter(browser, server, f"sessions/{session}")
    browser.click(browser.find("main a", f"{ours} entries"))
    browser.find(".chips", session)
    browser.wait(lambda: entries_of(browser) == ours, "not filtered")

    assert f"session_id={session}" in browser.driver.current_url
    browser.click(browser.find(".chips a"))
    browser.wait(lambda: entries_of(browser) > ours, "still filtered")


def test_an_entry_of_the_blacklist_is_removed(browser: Browser, server: LiveServer) -> None:
    entry = {"token": "a-token-of-somebody", "token_type": "access", "user_id": "usr_black", "reason": HOSTILE}
    ask(server, "POST", "/internal/session/blacklist-token", entry)
    enter(browser, server, "tokens/blacklist")
    browser.find("td", "onerror")
    assert len(as_admin(server, "GET", "/admin/tokens/blacklist?user_id=usr_black")["items"]) == 1
    confirm(browser, "Remove")

    browser.find(".note", "1 entry removed")
    assert as_admin(server, "GET", "/admin/tokens/blacklist?user_id=usr_black")["items"] == []
    assert ran(browser) is None


def test_a_trusted_device_is_forgotten(browser: Browser, server: LiveServer) -> None:
    device = {"user_id": "usr_trusts", "device_fingerprint": "sha256:1", "device_name": HOSTILE}
    ask(server, "POST", "/internal/session/trusted-devices", device)
    enter(browser, server, "trusted/usr_trusts")
    browser.find("td", "onerror")
    confirm(browser, "Forget")

    browser.find(".note", "1 device is no longer trusted")
    browser.find(".empty", "No trusted devices")
    assert as_admin(server, "GET", "/admin/trusted-devices?user_id=usr_trusts")["items"] == []
    assert ran(browser) is None


def test_an_event_is_sent_again_to_its_webhook(browser: Browser, server: LiveServer) -> None:
    create(server, "usr_heard")
    body = {"url": "https://hooks.invalid/sojourn", "events": ["session.created"], "description": HOSTILE}
    hook = f"/admin/webhooks/{as_admin(server, 'POST', '/admin/webhooks', body)['id']}"
    create(server, "usr_heard")
    browser.wait(lambda: as_admin(server, "GET", f"{hook}/deliveries")["items"], "nothing is delivered")
    enter(browser, server, "webhooks")
    browser.click(browser.find("td a", "https://hooks.invalid/sojourn"))
    browser.find("dd", "onerror")
    confirm(browser, "Send again")

    browser.find(".note", "1 event is sent again")
    acts = as_admin(server, "GET", "/admin/audit?action=webhook.replayed")["items"]
    assert [act["target"] for act in acts] == [hook.rpartition("/")[2]]
    assert ran(browser) is None


def test_how_risky_a_session_looks_is_shown_with_each_factor(browser: Browser, server: LiveServer) -> None:
    session = create(server, "usr_risky", amr=["password"])
    risk = as_admin(server, "GET", f"/admin/sessions/risk-score?session_id={session}")
    enter(browser, server, f"sessions/{session}")

    assert risk["factors"]
    assert browser.find(".score").text == str(risk["risk_score"])
    browser.find(".factors", "Signed in with a single factor")
    assert len(browser.all(".factors li")) == len(risk["factors"])
