"""A session that a browser holds: in Chromium with two tabs, and in an application of each framework."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from sojourn_verify import Verifier
from sojourn_verify.browser import BrowserSessions
from sojourn_verify.browser_starlette import BrowserMiddleware
from sojourn_verify.sealed_cookies import Pair, SealedCookies
from tests.browser.conftest import Browser, browser, chromium  # noqa: F401 - fixtures
from tests.clients.following import Beside, wait_until
from tests.clients.test_python_adapters import asgi
from tests.live import API_KEY, LiveServer

SECRET = "a-secret-for-cookies-of-more-than-32-characters"
PAGE = """<title>{who}</title><link rel=icon href=data:,><h1>{who}</h1>
<form method=post action=/sign-in><button>Sign in</button></form>
<form method=post action=/sign-out><button>Sign out</button></form>"""


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Beside]:
    settings = {"SOJOURN_ACCESS_EXPIRY": "2s", "SOJOURN_JWT_LEEWAY": "0s"}
    server = LiveServer(tmp_path_factory.mktemp("browsers"), **settings)
    made = Beside(server, Verifier(server.url, API_KEY, leeway=0))
    yield made
    made.close()
    server.stop()


@pytest.fixture(scope="module")
def sessions(beside: Beside) -> Iterator[BrowserSessions]:
    made = BrowserSessions(beside.verifier, url=beside.server.url, api_key=API_KEY, tenant="acme", secret=SECRET)
    yield made
    made.close()


def front(request: Request) -> Response:
    session = request.state.browser.session
    return HTMLResponse(PAGE.format(who="nobody" if session is None else session.subject))


def me(request: Request) -> Response:
    session = request.state.browser.session
    return JSONResponse(None if session is None else [session.session_id, session.claims["gen"]])


def sign_in(request: Request) -> Response:
    request.state.browser.sign_in("usr_ann", user_agent=request.headers["User-Agent"])
    return RedirectResponse("/", 303)


def sign_out(request: Request) -> Response:
    request.state.browser.sign_out()
    return RedirectResponse("/", 303)


@pytest.fixture(scope="module")
def url(sessions: BrowserSessions) -> Iterator[str]:
    routes = [
        Route("/", front),
        Route("/me", me),
        Route("/sign-in", sign_in, methods=["POST"]),
        Route("/sign-out", sign_out, methods=["POST"]),
    ]
    app = Starlette(routes=routes)
    app.add_middleware(BrowserMiddleware, sessions=sessions)
    with asgi(app) as address:
        yield address.replace("127.0.0.1", "localhost")


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

    for cookie in response.headers.get_list("Set-Cookie"):
        assert cookie.startswith("__Host-sojourn")
        assert cookie.endswith("; Path=/; Secure; HttpOnly; SameSite=Lax")
        assert "eyJ" not in cookie
    cookies = jar(response)
    changed = {name: value[:-9] + "AAAAAAAAA" for name, value in cookies.items()}
    assert httpx.get(f"{url}/me", headers=sent(changed)).json() is None


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 303),
        ({"Origin": "{url}"}, 303),
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


@pytest.mark.parametrize("length", [1, 1_000, 3_000, 9_000])
def test_long_tokens_are_split_and_short_ones_leave_nothing_behind(length: int) -> None:
    cookies = SealedCookies([SECRET])
    pair = Pair("a" * length, "r" * length)

    written = {line.split("=")[0]: line.split("=", 1)[1].split(";")[0] for line in cookies.write(pair, [])}

    assert all(len(name) + len(value) < 4_000 for name, value in written.items())
    assert cookies.read(written) == pair
    assert SealedCookies(["another-secret-of-more-than-32-characters", SECRET]).read(written) == pair
    assert SealedCookies(["another-secret-of-more-than-32-characters"]).read(written) is None
    deleted = {line.split("=")[0] for line in cookies.write(Pair("a", "r"), written) if "Max-Age=0" in line}
    assert deleted == set(written) - {"__Host-sojourn"}


def test_two_tabs_of_a_browser(url: str, beside: Beside, browser: Browser) -> None:  # noqa: F811 - a fixture
    driver = browser.driver

    def shown(tab: str, who: str) -> bool:
        driver.switch_to.window(tab)
        driver.refresh()
        return bool(driver.title == who)

    driver.get(url)
    browser.find("h1", "nobody")
    browser.click(browser.find("button", "Sign in"))
    browser.find("h1", "usr_ann")
    first = driver.current_window_handle
    driver.switch_to.new_window("tab")
    driver.get(url)
    second = driver.current_window_handle
    browser.find("h1", "usr_ann")
    time.sleep(2.1)  # the token expires
    both = "Promise.all([...Array(8)].map(() => fetch('/me').then((response) => response.json())))"
    for tab in (first, second):
        driver.switch_to.window(tab)
        driver.execute_script(f"window.found = {both}")
    seen = [tuple(member) for member in driver.execute_async_script("found.then(arguments[0])")]
    assert len({key for key, _ in seen}) == 1
    assert shown(first, "usr_ann")
    assert shown(second, "usr_ann")
    browser.click(browser.find("button", "Sign out"))
    browser.find("h1", "nobody")
    assert shown(first, "nobody")

    browser.click(browser.find("button", "Sign in"))
    browser.find("h1", "usr_ann")
    beside.internal("DELETE", "/internal/session/session/user/usr_ann")
    wait_until(lambda: shown(second, "nobody"), seconds=5)
    assert shown(first, "nobody")
    assert driver.get_cookies() == []
    driver.close()
    driver.switch_to.window(second)
