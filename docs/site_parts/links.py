"""Links of the pages: they are written for readers of the repository, and in the site they lead to pages.

A link to a text that has a page leads to the page. A link to any other file of the repository leads to the
repository's address. No link is dropped: one that leads nowhere ends the build.
"""

import posixpath
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
TEXTS = {
    "CHANGELOG.md": "project/changelog",
    "CONTRIBUTING.md": "project/contributing",
    "SECURITY.md": "project/reporting",
    "README.md": "index",
    "conformance/README.md": "conformance/suite",
    "benchmarks/README.md": "project/benchmarks",
    "deploy/README.md": "project/deploy",
    "deploy/monitoring/README.md": "project/monitoring",
}
"""Texts outside of this folder, and the pages that hold them."""

_LINK = re.compile(r"(?<!!)(\[[^\]]+\])\(([^)\s]+)\)")
_FENCE = re.compile(r"^(```|~~~).*?^\1\s*$", re.MULTILINE | re.DOTALL)


def lead_to_pages(text: str, *, file: str, source: str) -> str:
    """The Markdown of `file` (its path in the repository), with links that are right in the site.

    `source` is the address below which the repository's files are found.
    """
    parts: list[str] = []
    end = 0
    for fence in _FENCE.finditer(text):
        parts += [_rewritten(text[end : fence.start()], file=file, source=source), fence[0]]
        end = fence.end()
    return "".join([*parts, _rewritten(text[end:], file=file, source=source)])


def _rewritten(text: str, *, file: str, source: str) -> str:
    def link(found: re.Match[str]) -> str:
        return f"{found[1]}({target(found[2], file=file, source=source)})"

    return _LINK.sub(link, text)


def target(link: str, *, file: str, source: str) -> str:
    """Where a link leads: a page, a file at `source`, or what was written where that is neither."""
    path, _, anchor = link.partition("#")
    if not path or re.match(r"[a-z]+:", link):
        return link
    meant = posixpath.normpath(posixpath.join(posixpath.dirname(file), path))
    name = TEXTS.get(meant)
    if name is None and meant.startswith("docs/") and meant.endswith(".md"):
        name = meant.removeprefix("docs/").removesuffix(".md")
    if name is not None:
        return f"/{name}.md#{anchor}" if anchor else f"/{name}.md"
    return f"{source}/{meant}" if (ROOT / meant).exists() else link


class _Page(HTMLParser):
    """The links and the names of one page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.names: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value and name in {"href", "src"}:
                self.links.add(value)
            if value and name in {"id", "name"}:
                self.names.add(value)


def dead(folder: Path) -> list[str]:
    """Every link of the built site that leads to no file or to no place of its page."""
    pages = {page.resolve(): _Page(page.read_text("utf-8")) for page in sorted(folder.rglob("*.html"))}
    found = []
    for page, content in pages.items():
        for link in sorted(content.links):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            file = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            name = unquote(parts.fragment)
            if not file.is_file() or (name and file in pages and name not in pages[file].names and name != "reference"):
                found.append(f"{page.relative_to(folder.resolve())}: {link}")
    return found
