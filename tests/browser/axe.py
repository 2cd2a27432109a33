"""axe-core in a page: what makes it hard to use without a mouse, with a screen reader, or with weak eyes."""

import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from tests.browser.conftest import Browser

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "node_modules/axe-core/axe.min.js"
THEMES = ("light", "dark")
MISSING = "NOT TESTED: axe-core is not here, and there is no npm to get it with: install Node, then `npm ci`"
RUN = """
const [excluded, done] = [arguments[0], arguments[arguments.length - 1]];
axe.run({include: [["html"]], exclude: excluded.map((selector) => [selector])}, {resultTypes: ["violations"]})
  .then((found) => done(found.violations.flatMap((kind) =>
    kind.nodes.map((node) => `${kind.id} (${kind.impact}): ${node.target.join(" ")}: ${node.html.slice(0, 120)}`))))
  .catch((error) => done([String(error)]));
"""


@cache
def script() -> str:
    """axe-core as `package.json` pins it."""
    if not SCRIPT.exists():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip(MISSING)
        subprocess.run([npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=ROOT, check=True, timeout=300)
    return SCRIPT.read_text("utf-8")


def open_in(browser: Browser, address: str, theme: str) -> None:
    """Open a page as a browser does whose user likes the theme."""
    features = [{"name": "prefers-color-scheme", "value": theme}]
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    browser.driver.get(address)


def found(browser: Browser, *excluded: str) -> list[str]:
    """What axe finds on the page that is open, outside of the `excluded` selectors: nothing of these is ours."""
    browser.driver.set_script_timeout(120)
    browser.driver.execute_script(script())
    return list(browser.driver.execute_async_script(RUN, list(excluded)))
