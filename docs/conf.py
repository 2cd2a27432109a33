"""The static site: these pages, and beside them the contract as a reference. `tox -e docs` builds it."""

import re
import sys
import tomllib
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

sys.path.insert(0, str(Path(__file__).parent))

from pygments.lexers.special import TextLexer
from site_parts import chart, links, reference
from sphinx.highlighting import lexers

from sojourn import __version__

lexers["mermaid"] = TextLexer()  # where code is hosted it is drawn; here it is shown as it is written

SOURCE = tomllib.loads((links.ROOT / "pyproject.toml").read_text("utf-8"))["project"]["urls"]["Source"]
REPOSITORY = f"{SOURCE}/blob/main"

project = "Sojourn"
author = "the Sojourn maintainers"
copyright = "the Sojourn maintainers, Apache-2.0"  # noqa: A001 - Sphinx reads this name
release = __version__
extensions = ["myst_parser", "sphinx_copybutton"]
exclude_patterns = ["site_parts", "pictures"]
myst_heading_anchors = 3
suppress_warnings = ["myst.header"]  # the tables of docs/performance.md are written by the benchmarks
html_theme = "furo"
html_title = f"Sojourn {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_logo = "_static/mark.svg"
html_favicon = "_static/mark.svg"
html_copy_source = False
html_show_sphinx = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#0b5c6b", "color-brand-content": "#0b5c6b"},
    "dark_css_variables": {"color-brand-primary": "#7fd3e0", "color-brand-content": "#7fd3e0"},
    "source_repository": SOURCE,
}
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"
copybutton_exclude = ".linenos, .gp, .go"

COLUMNS = {"sidebar-drawer": "Pages", "toc-drawer": "On this page"}
"""The theme's columns, and what they are called to those who do not see them."""


def read_page(app: Sphinx, page: str, source: list[str]) -> None:
    """Links lead to pages, and the picture of the benchmarks is drawn by the site."""
    text = source[0].replace(chart.IMAGE, chart.bars())
    source[0] = links.lead_to_pages(text, file=f"docs/{page}.md", source=REPOSITORY)


def read_text(app: Sphinx, path: Path, page: str, source: list[str]) -> None:
    """The same for a text of the repository that a page includes."""
    file = (Path(app.srcdir) / path).resolve()
    if file.suffix == ".md" and file.is_relative_to(links.ROOT):
        name = file.relative_to(links.ROOT).as_posix()
        source[0] = links.lead_to_pages(source[0], file=name, source=REPOSITORY)


def make_accessible(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object) -> None:
    """What scrolls can be reached by keyboard; a heading of the theme has a level."""
    body = context.get("body", "")
    body = body.replace("<pre>", '<pre tabindex="0">')
    context["body"] = re.sub(r'<div class="table-wrapper([^"]*)">', r'<div class="table-wrapper\1" tabindex="0">', body)
    tree = context.get("furo_navigation_tree", "")
    context["furo_navigation_tree"] = tree.replace('role="heading"', 'role="heading" aria-level="2"')


def finish(app: Sphinx, error: Exception | None) -> None:
    """Name what the theme leaves without a name, put the reference beside the pages, and follow every link once."""
    if error is not None or app.builder.format != "html":
        return
    for page in Path(app.outdir).rglob("*.html"):
        text = page.read_text("utf-8")
        for column, name in COLUMNS.items():
            text = text.replace(f'<aside class="{column}', f'<aside aria-label="{name}" class="{column}')
        text = re.sub(r'<th class="head([^"]*)">\s*(<p>\s*</p>)?\s*</th>', r'<td class="head\1"></td>', text)
        text = text.replace('<div id="search-results">', '<h1>Search</h1><div id="search-results">')
        page.write_text(text, "utf-8")
    reference.write(Path(app.outdir))
    found = links.dead(Path(app.outdir))
    if found:
        raise ExtensionError("links that lead nowhere:\n" + "\n".join(found))


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("source-read", read_page)
    app.connect("include-read", read_text)
    app.connect("html-page-context", make_accessible, priority=900)
    app.connect("build-finished", finish)
