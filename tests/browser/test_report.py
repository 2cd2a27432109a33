"""What is not served by us alone: the conformance report as a page, and every page on paper."""

import pytest

from sojourn.conformance import catalogue
from sojourn.conformance.checks import check_of
from sojourn.conformance.contract import Contract
from sojourn.conformance.reports.writing import write_reports
from sojourn.conformance.target import Target
from sojourn.conformance.traffic import Traffic
from sojourn.conformance.verdicts import Case
from tests.browser import axe
from tests.browser.conftest import Browser
from tests.live import LiveServer

DARKEST = 128
"""Of 255: text on paper is no lighter, on average of red, green and blue."""
LIGHTNESS = """
const text = [...document.querySelectorAll("h1, h2, p, li, code")].filter((element) => element.checkVisibility());
const rgb = (element) => getComputedStyle(element).color.match(/[0-9.]+/g).slice(0, 3).map(Number);
return [text.length, Math.max(...text.map((element) => rgb(element).reduce((sum, part) => sum + part) / 3))];
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a report with a case of every verdict."""
    folder = tmp_path_factory.mktemp("report")
    checks = [check_of(function) for function in catalogue.functions()]
    name = "test_a_name_that_is_so_long_that_a_phone_cannot_show_it_in_one_line[list_trusted_devices]"
    cases = [
        Case(checks[number], name, verdict=verdict, message="got " + "x" * 200, exchanges=["GET /" + "y" * 200])
        for number, verdict in enumerate(("pass", "fail", "error", "skipped", "not applicable"))
    ]
    target = Target(url="http://127.0.0.1:8080", api_key="k", admin_token="t", tenant="acme", report_dir=folder)
    contract = Contract.read(None)
    write_reports(target, contract, traffic=Traffic(target, contract), cases=cases, verdict="fail")
    return (folder / "report.html").as_uri()


@pytest.mark.parametrize("theme", axe.THEMES)
def test_axe_finds_nothing_on_the_report(browser: Browser, report: str, theme: str) -> None:
    axe.open_in(browser, report, theme)

    assert axe.found(browser) == []


@pytest.mark.parametrize("width", [1280, 390])
def test_the_report_fits_its_window(browser: Browser, report: str, width: int) -> None:
    browser.resize(width, 844)
    browser.driver.get(report)

    assert browser.overflow() == 0


@pytest.mark.parametrize("path", ["/", "/docs", "/docs/problems", "report"])
def test_what_is_printed_is_dark_on_white_in_either_theme(
    browser: Browser, server: LiveServer, report: str, path: str
) -> None:
    axe.open_in(browser, report if path == "report" else f"{server.url}{path}", "dark")
    browser.find("h1")
    features = [{"name": "prefers-color-scheme", "value": "dark"}]
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print", "features": features})
    try:
        texts, lightest = browser.driver.execute_script(LIGHTNESS)
        assert texts > 3
        assert lightest <= DARKEST
    finally:
        browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})
