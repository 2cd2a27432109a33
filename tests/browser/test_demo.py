"""What `sojourn demo` shows in a browser: a first request, and the numbers over time as lines and as tables."""

import json
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from tests.browser import axe
from tests.browser.conftest import Browser
from tests.browser.test_console import HOSTILE

Picture = Callable[[str], None]
INK = """
const pixels = (canvas) => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
const dots = (data) => data.filter((value, at) => at % 4 === 3 && value > 0).length;
return [...document.querySelectorAll(".canvas canvas")].map((canvas) => dots(pixels(canvas)));
"""
TABLES = """
const numbers = (row) => [...row.querySelectorAll("td")].slice(1).map((cell) => Number(cell.textContent));
const line = (row) => [row.querySelector("time").getAttribute("datetime"), ...numbers(row)];
return [...document.querySelectorAll(".numbers table")].map((table) =>
  [...table.querySelectorAll("tbody tr")].map(line));
"""
DRAWN_WITH = """
const [name, done] = arguments;
const scripts = [...document.scripts].find((script) => script.type === "module").src.replace(/[^/]*$/, "");
const modules = ["charts.js", "html.js"].map((file) => import(scripts + file));
Promise.all(modules).then(([{ Bars, Chart }, { html, render }]) => {
  const points = ["2026-04-15T08:00:00Z", "2026-04-15T09:00:00Z"].map((at) => ({ at }));
  const of = [{ key: name, name, count: 1, link: "#/" }, { key: "b", name, count: 1 }];
  const lines = [{ name, counts: [1, 2] }];
  render(html`<${Chart} title=${name} about=${name} points=${points} step="1h" lines=${lines} />
    <${Bars} title=${name} of=${of} />`, document.querySelector("main"));
  setTimeout(done, 300);
}, (error) => done(String(error)));
"""


def open_overview(browser: Browser, demo: dict[str, str], theme: str, query: str = "") -> None:
    browser.driver.get("about:blank")
    axe.open_in(browser, f"{demo['Console']}&to=/overview{quote(query)}", theme)
    browser.find(".chart .canvas canvas")


def series(demo: dict[str, str], query: str) -> Any:
    """The series as the API gives them to the demo's administrator."""
    request = urllib.request.Request(f"{demo['Base URL']}/admin/sessions/series?{query}")
    request.add_header("Authorization", f"Bearer {demo['Admin token']}")
    with urllib.request.urlopen(request, timeout=20) as response:
        return json.load(response)


def test_the_first_request_of_a_demo_needs_nothing_to_be_filled_in(
    browser: Browser, demo: dict[str, str], picture: Picture
) -> None:
    place = "#tag/internal-sessions/GET/internal/session/sessions/{user_id}/active"
    browser.driver.get(f"{demo['Base URL']}/docs{place}")
    browser.click(browser.find("button", "Test Request", "/active)"))
    browser.click(browser.find("[role=dialog] button", "Send"))
    answer = browser.find("[role=dialog]", "200 OK", "session_count")
    picture("demo-request-1280")

    assert '"active": true' in answer.text
    assert browser.violations() <= {"script-src"}  # the reference asks whether it may make functions of texts


def test_lines_are_drawn_and_the_tables_have_the_numbers_of_the_api(
    browser: Browser, demo: dict[str, str], picture: Picture
) -> None:
    open_overview(browser, demo, "light", "?step=24h")
    picture("console-charts-light-1280")
    active, changes = browser.driver.execute_script(TABLES)
    begun, ended = (series(demo, f"metric={metric}&step=24h")["points"] for metric in ("created", "ended"))

    assert all(dots > 1000 for dots in browser.driver.execute_script(INK))
    assert [row[:2] for row in changes] == [[point["at"], point["count"]] for point in begun]
    assert [row[2] for row in changes] == [point["count"] for point in ended]
    assert [row[0] for row in active] == [row[0] for row in changes]
    assert all(whole == sum(parts) for _, whole, *parts in active)
    assert active[-1][1] > 0


@pytest.mark.parametrize(("theme", "language", "width"), [("light", "en", 1280), ("dark", "zh-CN", 390)])
def test_the_overview_of_a_demo_is_free_of_faults_and_fits(
    browser: Browser, demo: dict[str, str], picture: Picture, theme: str, language: str, width: int
) -> None:
    browser.resize(width, 844)
    open_overview(browser, demo, theme)
    choose = "const all = document.querySelector('.languages select'); all.value = arguments[0];"
    browser.driver.execute_script(f"{choose} all.dispatchEvent(new Event('change'))", language)
    browser.driver.execute_script("for (const one of document.querySelectorAll('.numbers')) one.open = true")
    browser.find(".numbers table")
    picture(f"console-charts-{theme}-{width}-{language}")

    assert axe.found(browser) == []
    assert browser.overflow() == 0
    assert browser.violations() == set()


def test_a_line_takes_the_colour_of_a_theme_that_changes(browser: Browser, demo: dict[str, str]) -> None:
    colour = "return getComputedStyle(document.querySelector('.key .line-0')).color"
    looked = "return document.querySelector('.canvas canvas').toDataURL()"
    open_overview(browser, demo, "light")
    before = [browser.driver.execute_script(script) for script in (colour, looked)]
    features = [{"name": "prefers-color-scheme", "value": "dark"}]
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    browser.wait(lambda: browser.driver.execute_script(looked) != before[1], "the canvas stays as it was")
    assert browser.driver.execute_script(colour) != before[0]


def test_another_period_stands_in_the_address(browser: Browser, demo: dict[str, str]) -> None:
    open_overview(browser, demo, "light")
    browser.click(browser.find(".switch a", "Last hour"))
    browser.wait(lambda: len(browser.driver.execute_script(TABLES)[0]) == 60, "not by minutes")

    assert browser.driver.current_url.endswith("#/overview?step=1m")


def test_a_hostile_name_of_a_line_or_a_bar_is_text(browser: Browser, demo: dict[str, str]) -> None:
    open_overview(browser, demo, "light")
    browser.driver.set_script_timeout(20)

    assert browser.driver.execute_async_script(DRAWN_WITH, HOSTILE) is None
    assert len(browser.all(".chart h2", HOSTILE)) == len(browser.all(".bars a", HOSTILE)) == 1
    assert browser.driver.execute_script("return window.ran ?? null") is None
    assert browser.driver.execute_script("return document.querySelectorAll('main img, main script').length") == 0
