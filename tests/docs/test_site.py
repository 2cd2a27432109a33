"""The static site: complete, and without any other server."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from sojourn.openapi.loader import bundle_json, load_bundle
from tests.docs.snippets import ROOT


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built anew; a warning is an error."""
    folder = tmp_path_factory.mktemp("site")
    options = ["-q", "-W", "-b", "html", "-d", str(folder / "doctrees")]
    command = [sys.executable, "-m", "sphinx", *options, str(ROOT / "docs"), str(folder / "html")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "html"


class References(HTMLParser):
    """What a page loads, and what it leads to."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.loaded: set[str] = set()
        self.links: set[str] = set()
        self.feed(page.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag in ("script", "img", "iframe") and found.get("src"):
            self.loaded.add(found["src"] or "")
        if tag == "link" and found.get("rel") in ("stylesheet", "preload", "icon"):
            self.loaded.add(found["href"] or "")
        if tag == "a" and found.get("href"):
            self.links.add(found["href"] or "")


def test_every_page_is_in_the_site(site: Path) -> None:
    pages = {page.relative_to(ROOT / "docs").with_suffix(".html") for page in (ROOT / "docs").rglob("*.md")}

    assert {page for page in pages if not (site / page).exists()} == set()
    assert "guides/quick-start.html" in (site / "index.html").read_text("utf-8")


def test_no_page_loads_anything_from_another_server(site: Path) -> None:
    loaded = {name for page in site.rglob("*.html") for name in References(page).loaded}

    assert len(loaded) > 5
    assert {name for name in loaded if re.match(r"(https?:)?//", name)} == set()


def test_every_link_within_the_site_leads_somewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        for link in References(page).links:
            target = link.split("#")[0]
            if target and not re.match(r"[a-z]+:", target):
                assert (page.parent / target).resolve().exists(), (page, link)


def test_the_contract_and_its_reference_are_beside_the_pages(site: Path) -> None:
    assert (site / "openapi.json").read_bytes() == bundle_json(load_bundle())
    assert References(site / "reference/index.html").loaded == {"scalar.js", "start.js", "data:,"}
