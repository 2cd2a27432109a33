"""A session that a browser holds: in Chromium with two tabs, and in an application of each framework."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import httpx
import pytest

from sojourn_verify import Verifier
from sojourn_verify.browser import BrowserSessions
from sojourn_verify.sealed_cookies import Pair, SealedCookies
from tests.browser.conftest import Browser, browser, chromium  # noqa: F401 - fixtures
from tests.clients.browser_applications import APPLICATIONS, FRIEND, SECRET, USER
from tests.clients.following import Beside, wait_until
from tests.clients.typescript import run
from tests.live import API_KEY, LiveServer, free_port

OTHER_SECRET = "another-secret-of-more-than-32-characters"


@pytest.fixture(scope="module")
def beside(browser_server: LiveServer) -> Iterator[Beside]:
    made = Beside(browser_server, Verifier(browser_server.url, API_KEY, leeway=0))
    yield made
    made.close()


@pytest.fixture(scope="module")
def sessions(beside: Beside) -> Iterator[BrowserSessions]:
    made = BrowserSessions(
        beside.verifier, url=beside.server.url, api_key=API_KEY, tenant="acme", secret=SECRET, origins=[FRIEND]
    )
    yield made
    made.close()


@pytest.fixture(scope="module", params=APPLICATIONS)
def url(request: pytest.FixtureRequest, sessions: BrowserSessions, beside: Beside) -> Iterator[str]:
    if request.param == "express":
        request.getfixturevalue("typescript_built")
    with APPLICATIONS[request.param](sessions, beside.server, beside.server.url) as address:
        yield address.replace("127.0.0.1", "localhost")


@pytest.fixture(params=APPLICATIONS)
def left_alone(request: pytest.FixtureRequest, beside: Beside) -> Iterator[str]:
    """An application that hears the feed, and has nobody to record sessions with."""
    if request.param == "express":
        request.getfixturevalue("typescript_built")
    nobody = f"http://127.0.0.1:{free_port()}"
    sessions = BrowserSessions(beside.verifier, url=nobody, api_key=API_KEY, tenant="acme", secret=SECRET)
    with APPLICATIONS[request.param](sessions, beside.server, nobody) as address:
        yield address
    sessions.close()


def jar(response: httpx.Response) -> dict[str, str]:
    """The cookies of a response, as a browser would send them again."""
    found = (cookie.split(";")[0].partition("=") for cookie in response.headers.get_list("Set-Cookie"))
    return {name: value for name, _, value in found}


def sent(cookies: dict[str, str], **headers: str) -> dict[str, str]:
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()), **headers}


def test_one_refresh_however_many_requests_arrive_together(url: str) -> None:
    cookies = jar(httpx.post(f"{url}/sign-in"))
    session, generation = httpx.get(f"{url}/me", headers=sent(cookies)).json()
    time.sleep(2.1)
    begun = time.monotonic()

    with ThreadPoolExecutor(16) as pool:
        responses = list(pool.map(lambda _: httpx.get(f"{url}/me", headers=sent(cookies), timeout=30), range(16)))

    seen = [response.json() for response in responses]
    expired_again = int((time.monotonic() - begun) / 1.8)  # on a machine that has much to do
    assert {key for key, _ in seen} == {session}
    assert {number for _, number in seen} <= set(range(generation + 1, generation + 2 + expired_again))
    assert httpx.get(f"{url}/me", headers=sent(jar(responses[3]))).json()[0] == session


def test_the_cookie_says_nothing_and_is_only_for_here(url: str) -> None:
    response = httpx.post(f"{url}/sign-in")

    written = response.headers.get_list("Set-Cookie")
    assert [cookie.split(";")[0] for cookie in written if "sojourn" not in cookie] == ["other=kept"]
    assert len(written) == 2
    for cookie in [cookie for cookie in written if "sojourn" in cookie]:
        assert cookie.startswith("__Host-sojourn=1.")
        assert cookie.endswith("; Path=/; Secure; HttpOnly; SameSite=Lax")
        assert "eyJ" not in cookie
    assert "cookie" in response.headers["Vary"].lower()
    cookies = jar(response)
    changed = {name: value[:-9] + "AAAAAAAAA" for name, value in cookies.items()}
    assert httpx.get(f"{url}/me", headers=sent(changed)).json() is None


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 303),
        ({"Origin": "{url}"}, 303),
        ({"Sec-Fetch-Site": "cross-site", "Origin": FRIEND}, 303),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "{url}"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({}, 403),
    ],
)
def test_unsafe_requests_from_elsewhere_are_refused(url: str, headers: dict[str, str], status: int) -> None:
    cookies = jar(httpx.post(f"{url}/sign-in"))
    named = {name: value.replace("{url}", url) for name, value in headers.items()}

    response = httpx.post(f"{url}/sign-out", headers=sent(cookies, **named))

    assert response.status_code == status
    assert (httpx.get(f"{url}/me", headers=sent(cookies)).json() is None) == (status == 303)


def test_who_cannot_be_signed_in_now_is_asked_to_try_again(left_alone: str) -> None:
    response = httpx.post(f"{left_alone}/sign-in")

    assert response.status_code == 503
    assert "set-cookie" not in response.headers or "sojourn" not in response.headers["set-cookie"]


@pytest.mark.parametrize("length", [1, 1_000, 3_000, 9_000])
def test_long_tokens_are_split_and_short_ones_leave_nothing_behind(length: int) -> None:
    cookies = SealedCookies([SECRET])
    pair = Pair("a" * length, "r" * length)

    written = {line.split("=")[0]: line.split("=", 1)[1].split(";")[0] for line in cookies.write(pair, [])}

    assert all(len(name) + len(value) < 4_000 for name, value in written.items())
    assert cookies.read(written) == pair
    assert SealedCookies([OTHER_SECRET, SECRET]).read(written) == pair
    assert SealedCookies([OTHER_SECRET]).read(written) is None
    deleted = {line.split("=")[0] for line in cookies.write(Pair("a", "r"), written) if "Max-Age=0" in line}
    assert deleted == set(written) - {"__Host-sojourn"}


def test_who_signs_out_everywhere_is_signed_out_in_every_browser_at_once_here_and_elsewhere_within_a_second(
    url: str, beside: Beside
) -> None:
    first, second = (jar(httpx.post(f"{url}/sign-in")) for _ in range(2))
    here = {"Sec-Fetch-Site": "same-origin"}

    response = httpx.post(f"{url}/everywhere", headers=sent(first, **here))

    deleted = [cookie for cookie in response.headers.get_list("Set-Cookie") if "Max-Age=0" in cookie]
    assert [cookie.split("=")[0] for cookie in deleted] == ["__Host-sojourn"]
    assert httpx.get(f"{url}/me", headers=sent(first)).json() is None
    wait_until(lambda: httpx.get(f"{url}/me", headers=sent(second)).json() is None, seconds=5)


def test_who_signs_in_again_leaves_no_session_behind(url: str, beside: Beside) -> None:
    first = jar(httpx.post(f"{url}/sign-in"))
    key = httpx.get(f"{url}/me", headers=sent(first)).json()[0]

    second = jar(httpx.post(f"{url}/sign-in", headers=sent(first, **{"Sec-Fetch-Site": "same-origin"})))

    assert httpx.get(f"{url}/me", headers=sent(second)).json()[0] != key
    assert httpx.get(f"{url}/me", headers=sent(first)).json() is None
    assert beside.internal("GET", f"/internal/session/{key}")["session"]["status"] == "revoked"


@pytest.mark.usefixtures("typescript_built")
def test_what_python_has_sealed_node_opens_and_the_other_way_round() -> None:
    pairs = [Pair("a" * length, "ü" + "r" * length) for length in (1, 2, 3, 1_000, 9_000)]
    python = [
        {line.split("=")[0]: line.split("=", 1)[1].split(";")[0] for line in SealedCookies([SECRET]).write(pair, [])}
        for pair in pairs
    ]
    program = """import { SealedCookies } from "./dist/browser/sealed_cookies.js";
        const cookies = new SealedCookies(process.argv.slice(1, 3));
        const given = JSON.parse(process.argv[3]).map((one) => new Map(Object.entries(one)));
        const pairs = await Promise.all(given.map((one) => cookies.read(one)));
        const present = new Map([["__Host-sojourn-7", ""], ["x", ""]]);
        const written = await Promise.all(pairs.map((pair) => cookies.write(pair, present)));
        console.log(JSON.stringify([pairs, written]))"""

    said = run("node", "--input-type=module", "--eval", program, SECRET, OTHER_SECRET, json.dumps(python))

    opened, written = json.loads(said)
    assert [Pair(**pair) for pair in opened] == pairs
    for pair, lines in zip(pairs, written, strict=True):
        assert lines[-1] == "__Host-sojourn-7=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0"
        assert all(len(line) < 4_096 for line in lines)
        cookies = {line.split("=")[0]: line.split("=", 1)[1].split(";")[0] for line in lines[:-1]}
        assert SealedCookies([OTHER_SECRET, SECRET]).read(cookies) == pair


@pytest.mark.parametrize("url", ["starlette"], indirect=True)
def test_two_tabs_of_a_browser(url: str, beside: Beside, browser: Browser) -> None:  # noqa: F811 - a fixture
    driver = browser.driver

    def shown(tab: str, who: str) -> bool:
        driver.switch_to.window(tab)
        driver.refresh()
        return bool(driver.title == who)

    driver.get(url)
    browser.find("h1", "nobody")
    browser.click(browser.find("button", "Sign in"))
    browser.find("h1", USER)
    first = driver.current_window_handle
    driver.switch_to.new_window("tab")
    driver.get(url)
    second = driver.current_window_handle
    browser.find("h1", USER)
    time.sleep(2.1)  # the token expires
    both = "Promise.all([...Array(8)].map(() => fetch('/me').then((response) => response.json())))"
    for tab in (first, second):
        driver.switch_to.window(tab)
        driver.execute_script(f"window.found = {both}")
    seen = [tuple(member) for member in driver.execute_async_script("found.then(arguments[0])")]
    assert len({key for key, _ in seen}) == 1
    assert shown(first, USER)
    assert shown(second, USER)
    browser.click(browser.find("button", "Sign out"))
    browser.find("h1", "nobody")
    assert shown(first, "nobody")

    browser.click(browser.find("button", "Sign in"))
    browser.find("h1", USER)
    beside.internal("DELETE", f"/internal/session/session/user/{quote(USER, safe='')}")
    wait_until(lambda: shown(second, "nobody"), seconds=5)
    assert shown(first, "nobody")
    assert [cookie["name"] for cookie in driver.get_cookies()] == ["other"]
    driver.close()
    driver.switch_to.window(second)
