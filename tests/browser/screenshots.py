"""`python -m tests.browser.screenshots docs/images`: the pictures of the guides, taken of a running demo."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.browser.axe import open_in
from tests.browser.conftest import MISSING, Browser

WIDE, OVERVIEW, LONG, PHONE = (1280, 800), (1280, 960), (1280, 1060), (390, 780)
FIRST_ROW = "document.querySelector('td.more a').click()"
RULE = "document.querySelector('input[name=max_sessions]').click()"
SIMULATE = "document.querySelector('main .card > button.first').click()"
END = "document.querySelector('.top > .buttons > button.danger:last-of-type').click()"
SAVE = "document.querySelector('main > .buttons > button.danger:last-of-type').click()"


def take(browser: Browser, links: dict[str, str], folder: Path) -> None:
    """Every picture. Raises TimeoutException where a page does not show what it should."""

    def shot(name: str, link: str, *, waits: str, theme: str = "light", size: tuple[int, int] = WIDE) -> None:
        browser.resize(*size)
        browser.driver.get("about:blank")
        open_in(browser, link, theme)
        browser.find(waits)
        keep(name)

    def keep(name: str) -> None:
        browser.driver.execute_async_script("setTimeout(arguments[0], 600)")
        browser.driver.save_screenshot(str(folder / f"{name}.png"))

    console = links["Console"]
    shot("console-overview", console, waits=".chart canvas", size=OVERVIEW)
    shot("console-sessions", f"{console}&to=/sessions%3Fstatus%3Dactive%26device_type%3Ddesktop", waits="td.more")
    shot("console-session", f"{console}&to=/sessions%3Famr%3Dpassword", waits="td.more", theme="dark", size=LONG)
    browser.driver.execute_script(FIRST_ROW)
    browser.find(".score")
    browser.find(".timeline li")
    browser.find(".card td")
    keep("console-session")
    browser.resize(*WIDE)
    browser.driver.execute_script(END)
    browser.find("dialog[open]", "End 1 session?")
    keep("console-end")
    shot("console-policies", f"{console}&to=/policies", waits=".members")
    browser.driver.execute_script(RULE)
    limit = browser.find("input[name='max_sessions.count']")
    limit.clear()
    limit.send_keys("1")
    browser.driver.execute_script(SIMULATE)
    browser.find(".simulated")
    browser.driver.execute_script(SAVE)
    browser.find("dialog[open]")
    keep("console-policies")
    shot("account-phone", links["My devices"], waits="sojourn-devices", theme="dark", size=PHONE)


def main(folder: Path) -> int:
    """Start a demo, take the pictures, end it. Returns the exit code."""
    program, driver = shutil.which("chromium") or shutil.which("google-chrome"), shutil.which("chromedriver")
    if program is None or driver is None:
        print(MISSING)
        return 1
    command = [sys.executable, "-P", "-m", "sojourn", "demo", "--port", "0"]
    demo = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    browser = Browser(program, driver)
    try:
        assert demo.stdout is not None
        links = {}
        for line in iter(demo.stdout.readline, ""):
            if found := re.match(r"(Console|My devices) +(\S+)", line):
                links[found[1]] = found[2]
            if line.startswith("Contract:"):
                break
        folder.mkdir(parents=True, exist_ok=True)
        take(browser, links, folder)
    finally:
        browser.driver.quit()
        demo.terminate()
        demo.communicate(timeout=20)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
