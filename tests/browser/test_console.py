"""The console in a browser: its pages, what they end, and what hostile data cannot do."""

import json
import time
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import jwt
import pytest

from tests.browser import axe
from tests.browser.conftest import Browser
from tests.live import API_KEY, JWT_SECRET, LiveServer

TENANT = "watched"
HOSTILE = '<img src=x onerror="window.ran=1"><script>window.ran=1</script>'
PLACES = (
    "overview",
    "sessions",
    "users",
    "users/usr_b",
    "trusted/usr_a",
    "tokens",
    "tokens/blacklist",
    "policies",
    "webhooks",
    "keys",
)
NAMED = """return [...document.querySelectorAll("link[rel=modulepreload], script[type=module]")]
    .map((one) => one.href || one.src)"""
LOADED = "return performance.getEntriesByType('resource').map((one) => [one.name, one.initiatorType])"
MOVING = """return [...document.querySelectorAll("*")].map((one) => getComputedStyle(one)).filter(
    (style) => style.transitionDuration !== "0s" || style.animationName !== "none").length"""
Picture = Callable[[str], None]


def token(user: str, *roles: str, **claims: Any) -> str:
    """A bearer token, good for ten minutes."""
    now = int(time.time())
    facts = {"sub": user, "tenant_id": TENANT, "roles": list(roles), "iat": now, "exp": now + 600, **claims}
    return jwt.encode(facts, JWT_SECRET, algorithm="HS256")


def ask(server: LiveServer, method: str, path: str, body: Any = None, tenant: str = TENANT) -> Any:
    """A request of a service; the content of its response."""
    headers = {"X-API-Key": API_KEY, "X-Tenant-ID": tenant, "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{server.url}{path}", data, headers, method=method)
    with urllib.request.urlopen(request, timeout=20) as response:
        return json.loads(response.read() or b"null")


def create(server: LiveServer, user: str, **facts: Any) -> str:
    """Record a session; its id."""
    body = {"auth_user_id": user, "device_type": "desktop", **facts}
    return str(ask(server, "POST", "/internal/session/create", body)["data"]["session"]["id"])


def is_active(server: LiveServer, user: str) -> bool:
    return bool(ask(server, "GET", f"/internal/session/sessions/{user}/active")["active"])


@pytest.fixture(scope="module")
def watched(server: LiveServer) -> LiveServer:
    """The server, with a few users in the tenant, one of whom has a hostile device."""
    for user in ("usr_a", "usr_b", "usr_b"):
        create(
            server,
            user,
            user_agent="Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0",
            ip="192.0.2.7",
            device_id=f"d_{user}",
        )
    create(server, "usr_hostile", user_agent=HOSTILE, browser=HOSTILE[:64], app_id=HOSTILE[:60], device_id="d_x")
    trusted = {"user_id": "usr_a", "device_fingerprint": "sha256:1", "device_name": HOSTILE}
    ask(server, "POST", "/internal/session/trusted-devices", trusted)
    return server


def enter(browser: Browser, server: LiveServer, place: str = "", *, role: str = "admin", theme: str = "light") -> None:
    """Open the console signed in, at a place."""
    browser.driver.get("about:blank")
    axe.open_in(browser, f"{server.url}/console#token={token('root', role)}&to=/{quote(place)}", theme)
    browser.find("main h1")


def go(browser: Browser, place: str) -> None:
    browser.driver.execute_script("location.hash = arguments[0]", f"/{place}")
    browser.wait(
        lambda: not browser.all("[role=status]", "Loading") and not browser.all("[role=status]", "正在加载"), place
    )


@pytest.mark.parametrize(("theme", "language", "width"), [("light", "en", 1280), ("dark", "zh-CN", 390)])
def test_every_page_is_free_of_faults_and_fits(
    browser: Browser, watched: LiveServer, picture: Picture, theme: str, language: str, width: int
) -> None:
    browser.resize(width, 844)
    enter(browser, watched, theme=theme)
    choose = "const all = document.querySelector('.languages select'); all.value = arguments[0];"
    browser.driver.execute_script(f"{choose} all.dispatchEvent(new Event('change'))", language)
    session = ask(watched, "GET", "/internal/session/sessions/usr_hostile")["items"][0]["id"]
    for place in (*PLACES, f"sessions/{session}"):
        go(browser, place)
        browser.find("main h1")
        picture(f"console-{place.replace('/', '-')}-{theme}-{width}")

        assert axe.found(browser) == [], place
        assert browser.overflow() == 0, place
        assert browser.violations() == set(), place
    assert browser.driver.execute_script("return [document.documentElement.lang, window.ran]") == [language, None]


def test_the_token_leaves_the_address_at_once_and_no_storage_holds_it(browser: Browser, watched: LiveServer) -> None:
    enter(browser, watched)
    script = "return [location.hash, localStorage.length, sessionStorage.length, document.cookie, history.length]"

    assert browser.driver.execute_script(script)[:4] == ["#/", 0, 0, ""]


def test_it_asks_its_own_server_and_nobody_else(browser: Browser, watched: LiveServer) -> None:
    browser.requests()
    enter(browser, watched, "sessions")
    browser.find("td", "usr_a")

    asked = [address for address in browser.requests() if address.startswith("http")]
    assert len(asked) > 20
    assert [address for address in asked if not address.startswith(watched.url)] == []


def test_the_first_view_waits_for_no_module_that_the_page_does_not_name_and_asks_at_once_for_what_it_shows(
    browser: Browser, watched: LiveServer
) -> None:
    enter(browser, watched)
    browser.find(".tiles")
    browser.find(".chart")
    named = browser.driver.execute_script(NAMED)
    loaded = browser.driver.execute_script(LOADED)

    scripts = {address for address, _ in loaded if address.endswith(".js")}
    assert scripts == set(named)
    assert len(scripts) <= 36
    assert not any(address.endswith("/oauth4webapi.js") for address in scripts)
    asked = [address for address, by in loaded if by == "fetch"]
    assert len(asked) <= 6, asked


def test_a_session_appears_is_ended_and_the_api_agrees(browser: Browser, watched: LiveServer, picture: Picture) -> None:
    enter(browser, watched, "sessions?status=active&user_id=usr_new")
    browser.find(".empty")
    create(watched, "usr_new")
    browser.click(browser.find("button", "Reload"))
    browser.click(browser.find("td.more a"))
    browser.click(browser.find("main button.danger", "End session"))
    browser.find("dialog input[name=reason]").send_keys(HOSTILE)
    browser.find("dialog[open]", "End 1 session?", "cannot be undone")
    picture("console-end-1280")
    browser.click(browser.find("dialog[open] button.danger"))

    browser.find("h1", "Ended")
    browser.find(".timeline", "ended by an administrator", "onerror")
    assert not is_active(watched, "usr_new")
    assert browser.driver.execute_script("return window.ran ?? null") is None


def test_several_sessions_are_ended_together(browser: Browser, watched: LiveServer) -> None:
    for _ in range(2):
        create(watched, "usr_two")
    enter(browser, watched, "sessions?user_id=usr_two")
    browser.find("td", "usr_two")
    for box in browser.all("td.box input"):
        browser.click(box)
    browser.click(browser.find("button.danger", "End 2 sessions"))
    browser.click(browser.find("dialog[open] button.danger"))

    browser.find(".note", "2 sessions ended")
    assert not is_active(watched, "usr_two")


def test_all_but_the_newest_session_of_a_user_are_ended(browser: Browser, watched: LiveServer) -> None:
    kept = [create(watched, "usr_many") for _ in range(3)][-1]
    enter(browser, watched, "users/usr_many")
    browser.click(browser.find("button.danger", "End all but the newest"))
    browser.click(browser.find("dialog[open] button.danger"))
    browser.find(".note", "usr_many")

    left = ask(watched, "GET", "/internal/session/sessions/usr_many?status=active")["items"]
    assert [one["id"] for one in left] == [kept]


def test_a_filter_lives_in_the_address_and_can_be_taken_out(browser: Browser, watched: LiveServer) -> None:
    enter(browser, watched, "sessions")
    browser.find(".filters input[name=value]").send_keys("usr_a\n")
    browser.find(".chips", "usr_a")
    browser.wait(lambda: {cell.text for cell in browser.all("td.user_id")} == {"usr_a"}, "not filtered")

    assert "user_id=usr_a" in browser.driver.current_url
    browser.click(browser.find(".chips a"))
    browser.find("td", "usr_b")


def test_what_was_refused_is_shown_with_each_violation_and_the_request(browser: Browser, watched: LiveServer) -> None:
    enter(browser, watched, "sessions?ip=nowhere&country=x")

    browser.find(".refusal", "ip", "country", "Request", "400")
    browser.complaints()


def test_an_auditor_sees_everything_and_is_offered_no_change(browser: Browser, watched: LiveServer) -> None:
    enter(browser, watched, "sessions", role="auditor")
    browser.find(".bar", "Your role may change nothing")
    browser.find("td", "usr_a")
    for place in ("sessions", "users/usr_b", "trusted/usr_a", "tokens/blacklist"):
        go(browser, place)
        browser.find("main h1")
        assert browser.all("button.danger") == [], place


def test_a_token_that_is_no_longer_accepted_leads_to_the_entrance(browser: Browser, watched: LiveServer) -> None:
    browser.driver.get("about:blank")
    browser.driver.get(f"{watched.url}/console#token={token('root', 'admin', exp=1_700_000_000)}")

    browser.find("main.entrance", "no longer accepted")
    browser.complaints()


def test_that_the_server_cannot_be_reached_is_said_and_passes(browser: Browser, watched: LiveServer) -> None:
    enter(browser, watched, "sessions")
    browser.find("td", "usr_a")
    offline = {"offline": True, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    browser.driver.execute_cdp_cmd("Network.enable", {})
    browser.driver.execute_cdp_cmd("Network.emulateNetworkConditions", offline)
    try:
        browser.click(browser.find("button", "Reload"))
        browser.find(".refusal", "cannot be reached")
        browser.find(".bar.warn", "out of date")
    finally:
        browser.driver.execute_cdp_cmd("Network.emulateNetworkConditions", {**offline, "offline": False})
    browser.complaints()
    browser.click(browser.find(".refusal button"))
    browser.find("td", "usr_a")


def test_a_session_shows_the_way_from_its_device_and_when_each_factor_was_verified(
    browser: Browser, watched: LiveServer
) -> None:
    factors = [{"method": "webauthn", "verified_at": "2026-01-02T03:04:05Z"}]
    session = create(watched, "usr_way", ip="192.0.2.77", browser=HOSTILE[:64], os="Plan 9", factors=factors)
    enter(browser, watched, f"sessions/{session}")
    stops = [stop.text for stop in browser.all(".way li")]

    assert [word in stop for word, stop in zip(("Plan 9", "192.0.2.77", "Not known"), stops, strict=True)] == [True] * 3
    browser.find(".timeline", "Verified with webauthn")
    assert browser.driver.execute_script("return window.ran ?? null") is None


def test_one_click_copies_an_id_whole(browser: Browser, watched: LiveServer) -> None:
    session = create(watched, "usr_copied")
    allowed = {"origin": watched.url, "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]}
    browser.driver.execute_cdp_cmd("Browser.grantPermissions", allowed)
    enter(browser, watched, f"sessions/{session}")

    browser.find(f"button.copied[title='{session}']").click()

    browser.find("button.copied .did", "Copied")
    assert browser.driver.execute_async_script("navigator.clipboard.readText().then(arguments[0])") == session


def test_nothing_moves_for_a_reader_who_wants_less_motion(browser: Browser, watched: LiveServer) -> None:
    enter(browser, watched, "sessions")

    def moving(wish: str) -> int:
        wanted = {"features": [{"name": "prefers-reduced-motion", "value": wish}]}
        browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", wanted)
        return int(browser.driver.execute_script(MOVING))

    assert moving("reduce") == 0
    assert moving("no-preference") > 0


def test_a_key_alone_reaches_the_content(browser: Browser, watched: LiveServer) -> None:
    enter(browser, watched, "sessions")
    skip = "const skip = document.querySelector('.skip'); skip.focus(); skip.click();"

    assert browser.driver.execute_script(f"{skip} return document.activeElement.id") == "content"
    assert browser.driver.current_url.endswith("#/sessions")


def test_without_an_issuer_the_page_says_how_to_name_one(
    browser: Browser, watched: LiveServer, picture: Picture
) -> None:
    browser.driver.get("about:blank")
    browser.driver.get(f"{watched.url}/console")
    browser.find("pre", "SOJOURN_CONSOLE_ISSUER", "SOJOURN_CONSOLE_CLIENT_ID")
    picture("console-entrance-1280")

    assert axe.found(browser) == []


def test_a_list_that_is_left_open_says_what_changed_and_does_not_move(browser: Browser, watched: LiveServer) -> None:
    faster = "const slow = window.setInterval; window.setInterval = (act, wait) => slow(act, wait / 20);"
    script = browser.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": faster})
    try:
        ended = create(watched, "usr_left")
        enter(browser, watched, "sessions?user_id=usr_left")
        browser.find("td", "usr_left")
        create(watched, "usr_left")
        browser.find(".bar", "1 session has changed")
        assert len(browser.all("td.user_id")) == 1

        ask(watched, "DELETE", f"/internal/session/{ended}")
        browser.find("tr.changed", "Ended")
        browser.click(browser.find(".bar button", "Show"))
        browser.wait(lambda: len(browser.all("td.user_id")) == 2, "not shown")
    finally:
        browser.driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", script)


def test_a_session_is_suspended_and_reactivated(browser: Browser, watched: LiveServer) -> None:
    session = create(watched, "usr_paused")
    enter(browser, watched, f"sessions/{session}")
    browser.click(browser.find("main button.danger", "Suspend"))
    browser.click(browser.find("dialog[open] button.danger"))
    browser.find("h1", "Suspended")
    assert not is_active(watched, "usr_paused")
    browser.click(browser.find("main button.danger", "Reactivate"))
    browser.click(browser.find("dialog[open] button.danger"))

    browser.find("h1", "Active")
    assert is_active(watched, "usr_paused")


def test_a_plan_shows_its_numbers_and_ends_what_was_typed(
    browser: Browser, watched: LiveServer, picture: Picture
) -> None:
    for _ in range(3):
        create(watched, "usr_planned")
    enter(browser, watched, "plans")
    browser.find("input[name=user_id]").send_keys("usr_planned")
    browser.find("input[name=reason]").send_keys("stolen laptops\n")
    browser.find("h2", "3 sessions would end")
    end = browser.find("button.danger", "End 3 sessions")
    assert not end.is_enabled()
    browser.find("section form input").send_keys("3")
    picture("console-plan-1280")
    assert axe.found(browser) == []
    browser.click(browser.find("button.danger", "End 3 sessions"))

    browser.find("section", "3 sessions ended", "Finished")
    assert not is_active(watched, "usr_planned")


def test_a_tenant_that_never_had_a_session_has_empty_charts(browser: Browser, server: LiveServer) -> None:
    trusted = {"user_id": "usr_first", "device_fingerprint": "sha256:1"}
    ask(server, "POST", "/internal/session/trusted-devices", trusted, tenant="silent")
    browser.driver.get(f"{server.url}/console#token={token('root', 'admin', tenant_id='silent')}")

    browser.find(".chart .nothing")
    assert len(browser.all(".chart .nothing")) == 2
    assert browser.all("canvas") == []
    assert axe.found(browser) == []
