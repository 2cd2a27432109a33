"""A real browser, headless, that looks at a real server."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from tests.live import LiveServer

MISSING = "NOT TESTED: there is no Chromium here to look at the pages with: `apt-get install chromium chromium-driver`"
STANDS_STILL = """
const [element, done] = arguments;
element.scrollIntoView({block: "center", behavior: "instant"});
const place = () => JSON.stringify(element.getBoundingClientRect());
const look = (before, frames) => requestAnimationFrame(() => {
  const now = place();
  const still = now === before && document.readyState === "complete";
  if (still && frames === 1) done(true);
  else look(now, still ? frames - 1 : 3);
});
look(place(), 3);
"""
NOTE_VIOLATIONS = """
globalThis.violations = [];
addEventListener("securitypolicyviolation", (event) => violations.push(event.effectiveDirective));
"""


class Browser:
    """A headless Chromium. `size` is that of its window in CSS pixels."""

    def __init__(self, chromium: str, driver: str) -> None:
        options = ChromeOptions()
        options.binary_location = chromium
        for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = Chrome(options=options, service=Service(driver))
        source = {"source": NOTE_VIOLATIONS}
        self.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", source)

    def resize(self, width: int, height: int) -> None:
        """Be as large as a desk's or a phone's screen."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def find(self, selector: str, *words: str) -> WebElement:
        """The first visible element of the CSS selector that holds all the words; waits for it."""
        return self.wait(lambda: next(iter(self.all(selector, *words)), None), f"no {selector} with {words}")

    def all(self, selector: str, *words: str) -> list[WebElement]:
        """All visible elements of the CSS selector that hold all the words."""
        return [
            element
            for element in self.driver.find_elements("css selector", selector)
            if element.is_displayed() and all(word in (element.get_property("textContent") or "") for word in words)
        ]

    def wait(self, condition: Callable[[], Any], otherwise: str) -> Any:
        """What the condition gives once it gives something; at most 20 seconds."""
        return WebDriverWait(self.driver, 20, ignored_exceptions=[Exception]).until(lambda _: condition(), otherwise)

    def click(self, element: WebElement) -> None:
        """Bring the element into view and click it, once the page is loaded, moves no more and nothing lies above it.

        A click goes to a place of the window: one that is sent while the page still moves hits something else.
        """
        self.driver.execute_async_script(STANDS_STILL, element)
        self.wait(lambda: element.click() is None, "cannot be clicked")

    def requests(self) -> list[str]:
        """Every address that was asked for since this was last called."""
        messages = (json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance"))
        return [
            message["params"]["request"]["url"]
            for message in messages
            if message["method"] == "Network.requestWillBeSent"
        ]

    def complaints(self) -> list[str]:
        """The errors in the console since this was last called."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]

    def violations(self) -> set[str]:
        """The directives of the page's policy that something tried to break."""
        return set(self.driver.execute_script("return violations"))

    def overflow(self) -> int:
        """By how many pixels the page is wider than its window."""
        script = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        return int(self.driver.execute_script(script))


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The one browser of the run."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip(MISSING)
    started = Browser(program, driver)
    yield started
    started.driver.quit()


@pytest.fixture
def browser(chromium: Browser) -> Iterator[Browser]:
    """The browser, with an empty page and a large window."""
    chromium.driver.get("about:blank")
    chromium.resize(1280, 900)
    chromium.requests()
    chromium.complaints()
    yield chromium
    assert chromium.complaints() == []


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    live = LiveServer(tmp_path_factory.mktemp("browser"))
    yield live
    live.stop()


@pytest.fixture(scope="session")
def demo() -> Iterator[dict[str, str]]:
    """What a running `sojourn demo` prints in two columns, such as `Console` and its link, already signed in."""
    command = [sys.executable, "-P", "-m", "sojourn", "demo", "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "")
        printed = takewhile(lambda line: not line.startswith("Contract:"), lines)
        rows = (line.strip().partition("  ") for line in printed)
        yield {name: value.strip() for name, between, value in rows if between}
    finally:
        process.terminate()
        process.communicate(timeout=20)


@pytest.fixture
def picture(browser: Browser, request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Keeps a picture of the window in `reports/pages/`, for people to look at."""
    folder = Path(request.config.rootpath) / "reports" / "pages"
    folder.mkdir(parents=True, exist_ok=True)

    def take(name: str) -> None:
        assert browser.driver.save_screenshot(str(folder / f"{name}.png"))

    return take
