"""The static site: complete, and without any other server."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from docs.site_parts import chart, links, reference
from sojourn import __version__
from sojourn.openapi.loader import bundle_json, load_bundle
from sojourn.problems.pages import MARK
from tests.docs.conftest import build
from tests.docs.snippets import ROOT


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
    assert References(site / "reference/index.html").loaded == {
        "../_static/mark.svg",
        "../_static/reference.css",
        "scalar.js",
        "start.js",
    }


def test_the_reference_has_a_way_back_and_names_no_server_of_the_site(site: Path) -> None:
    start = (site / "reference/start.js").read_text("utf-8")

    assert "../index.html" in References(site / "reference/index.html").links
    assert f'servers: [{{ url: "{reference.SERVER}"' in start


@pytest.mark.parametrize(
    ("link", "name"),
    [
        ("[gone](gone.md)", "gone.md"),
        ("[gone](tokens.md#gone)", "tokens.md"),
        ("[gone](#gone)", "gone"),
        ("[gone](../gone.toml)", "gone.toml"),
        ('<a href="reference/gone.html">gone</a>', "reference/gone.html"),
        ('<a href="index.html#gone">gone</a>', "index.html#gone"),
    ],
)
def test_a_link_that_leads_nowhere_ends_the_build(link: str, name: str, tmp_path: Path) -> None:
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages/index.md").write_text(f"# A page\n\nA link: {link}.\n", "utf-8")

    done = build(tmp_path / "pages", tmp_path)

    assert done.returncode != 0
    assert name in done.stderr


def test_every_link_of_a_text_is_a_link_in_the_site(tmp_path: Path) -> None:
    text = "# A page\n\n[a file](../LICENSE) [a folder](../deploy/proxies) [another server](https://example.org/x)\n"
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages/index.md").write_text(text, "utf-8")

    done = build(tmp_path / "pages", tmp_path)

    assert done.returncode == 0, done.stderr
    found = References(tmp_path / "html/index.html").links
    assert {"https://example.org/x"} < {link for link in found if "://" in link}
    assert len([link for link in found if link.endswith(("/LICENSE", "/deploy/proxies"))]) == 2


def test_texts_outside_of_the_folder_are_pages_and_links_to_them_lead_there(site: Path) -> None:
    for name, page in links.TEXTS.items():
        title = re.search(r"^# (.+)$", (ROOT / name).read_text("utf-8"), re.MULTILINE)
        assert title is not None
        assert title[1] in (site / f"{page}.html").read_text("utf-8")
    assert "conformance/suite.html" in References(site / "index.html").links


def test_the_site_says_its_version_and_what_changed(site: Path) -> None:
    start = (site / "index.html").read_text("utf-8")

    assert f"Sojourn {__version__}" in start
    assert "project/changelog.html" in start
    assert "Additive" in (site / "project/changelog.html").read_text("utf-8")


def test_pictures_and_charts_are_part_of_the_page_so_that_they_follow_its_theme(site: Path) -> None:
    assert "<svg" in (site / "concepts.html").read_text("utf-8")
    performance = (site / "performance.html").read_text("utf-8")
    assert performance.count("<figcaption>") == len(chart.TITLES)
    assert "latest.svg" not in performance


def test_the_mark_of_the_site_is_that_of_the_service() -> None:
    assert (ROOT / "docs/_static/mark.svg").read_text("utf-8").strip() == MARK
