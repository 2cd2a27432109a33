"""Signing in at a real OpenID provider: authorization code with PKCE, and nothing that stays behind."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import node
from tests.browser.conftest import Browser
from tests.browser.test_console import create
from tests.live import LiveServer, free_port

PROVIDER = Path(__file__).parent / "provider"
MISSING = "NOT TESTED: there is no Node here to run a provider with: install Node"


@pytest.fixture(scope="module")
def issuer() -> str:
    return f"http://127.0.0.1:{free_port()}"


@pytest.fixture(scope="module")
def served(issuer: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server that trusts the provider, and the provider, which knows the server's pages."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip(MISSING)
    if not (PROVIDER / "node_modules").exists():
        subprocess.run([npm, "ci", "--ignore-scripts"], cwd=PROVIDER, check=True, timeout=300)
    port = free_port()
    with node.running("provider.mjs", issuer, f"http://127.0.0.1:{port}", cwd=PROVIDER) as provider:
        assert provider.stdout is not None
        assert any(line == "ready\n" for line in iter(provider.stdout.readline, ""))
        server = LiveServer(
            tmp_path_factory.mktemp("signing-in"),
            port=port,
            SOJOURN_OIDC_ISSUER=issuer,
            SOJOURN_JWT_AUDIENCE="https://sessions.example.com",
            SOJOURN_CONSOLE_ISSUER=issuer,
            SOJOURN_CONSOLE_CLIENT_ID="sojourn-console",
        )
        create(server, "usr_a")
        yield server
        server.stop()


def sign_in(browser: Browser, name: str) -> None:
    """At the provider, as somebody who was not there before."""
    browser.click(browser.find("main.entrance button.first"))
    browser.find("input[name=login]").send_keys(name)
    browser.find("input[name=password]").send_keys("any")
    browser.click(browser.find("button[type=submit]"))
    browser.click(browser.find("button[type=submit]", "Continue"))


def forget(browser: Browser) -> None:
    browser.driver.execute_cdp_cmd("Network.clearBrowserCookies", {})
    browser.driver.get("about:blank")


@pytest.mark.parametrize(("name", "may_write"), [("admin-1", True), ("auditor-1", False)])
def test_who_signs_in_comes_back_to_the_same_place_with_their_role(
    browser: Browser, served: LiveServer, name: str, may_write: bool
) -> None:
    forget(browser)
    browser.driver.get(f"{served.url}/console#/sessions?status=active")
    sign_in(browser, name)

    browser.find(".head .who", name)
    browser.find("td", "usr_a")
    assert browser.driver.current_url == f"{served.url}/console#/sessions?status=active"
    assert (browser.all(".bar", "may change nothing") == []) == may_write
    kept = "return [localStorage.length, sessionStorage.length, document.cookie]"
    assert browser.driver.execute_script(kept) == [0, 0, ""]
    assert browser.violations() == set()
    browser.complaints()  # of the provider's pages


def test_the_page_of_ones_own_devices_signs_in_there_too(browser: Browser, served: LiveServer) -> None:
    forget(browser)
    browser.driver.get(f"{served.url}/account")
    sign_in(browser, "user-1")

    browser.find(".head .who", "user-1")
    assert browser.violations() == set()
    browser.complaints()


def test_a_code_that_nobody_here_asked_for_is_refused(browser: Browser, served: LiveServer) -> None:
    forget(browser)
    browser.driver.get(f"{served.url}/console#code=stolen&state=of-somebody-else")

    browser.find(".refusal", "Signing in failed")
    assert "stolen" not in browser.driver.current_url
