"""The documentation of problem types: what a problem's `type` leads to, for people and for programs.

Pages stand alone: no script, no image, no request to anywhere. Their links are relative, so they work below
any prefix a gateway puts in front.
"""

import base64
import hashlib
import json
from datetime import UTC, datetime
from functools import cache, lru_cache
from html import escape
from typing import Any

from sojourn.problems import documents, i18n
from sojourn.problems.samples import SAMPLES

STYLE = (
    ":root{color-scheme:light dark;--accent:light-dark(#0b5c6b,#7fd3e0)}a{color:var(--accent)}"
    "body{background:Canvas;color:CanvasText;"
    "max-width:44rem;margin:0 auto;padding:1rem;font:1rem/1.6 system-ui,sans-serif}"
    "h1{line-height:1.25;margin:.5rem 0}h2{font-size:1.1rem;margin:1.5rem 0 .25rem}"
    "p{margin:.25rem 0}dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1rem}"
    "dd{margin:0}code,pre,dd{font-family:ui-monospace,monospace;overflow-wrap:anywhere}"
    "pre{padding:1rem;border:1px solid #8886;border-radius:.5rem;white-space:pre-wrap;font-size:.85rem}"
    "h3{font-size:1rem;margin:.75rem 0 0}section{border-top:1px solid #8886;margin-top:1.5rem}"
    "nav{display:flex;flex-wrap:wrap;gap:.5rem 1rem}nav [aria-current]{font-weight:bold}"
    ".contents{columns:18rem;padding-left:1.25rem}"
    ".skip{position:absolute;left:-99rem}.skip:focus{left:1rem;top:.25rem;padding:.25rem .75rem;background:Canvas}"
    "body>header{display:flex;flex-wrap:wrap;gap:.5rem 1.25rem;align-items:center;padding:.5rem 0;"
    "border-bottom:3px solid var(--accent)}body>header>a{display:flex;gap:.5rem;align-items:center;font-weight:bold;"
    "text-decoration:none;margin-right:auto}body>header svg{width:1.75rem;height:1.75rem}"
    ".places{list-style:none;padding:0;display:grid;gap:1rem;grid-template-columns:repeat(auto-fit,minmax(16rem,1fr))}"
    ".places li{border:1px solid #8886;border-radius:.5rem;padding:.75rem 1rem}"
    "@media print{:root{color-scheme:light}"
    "body>header nav,.skip{display:none}h2,h3{break-after:avoid}section,pre,dl{break-inside:avoid}}"
)


def policy_hash(text: str) -> str:
    """What a Content-Security-Policy calls a script or a style of this text."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


_POLICY = f"default-src 'none'; style-src {policy_hash(STYLE)}; img-src 'self'; base-uri 'none'; form-action 'none'"
CONTENT_SECURITY_POLICY = f"{_POLICY}; frame-ancestors 'none'"
"""The CSP header. The page repeats it in a `<meta>`, except `frame-ancestors`, which is not allowed there."""

HTML = "text/html"
CURRENT = ' aria-current="true"'

MARK = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
    '<rect width="32" height="32" rx="7" fill="#0b5c6b"/>'
    '<path d="M9 25V13a7 7 0 0 1 14 0v12" fill="none" stroke="#fff" stroke-width="3"/>'
    '<circle cx="16" cy="17" r="3" fill="#ffd166"/></svg>'
)
"""The mark: a gate and somebody in it."""


class Pages:
    """The pages of one server, each made when it is first asked for. `prefix` stands before every type."""

    def __init__(self, prefix: str | None) -> None:
        self._prefix = prefix or ""
        self._made: dict[tuple[str | None, str, str], bytes] = {}

    def index(self, locale: str, media_type: str) -> bytes:
        """The list of all problem types, as HTML or as JSON."""
        return self._bytes(None, locale, media_type=media_type)

    def page(self, slug: str, locale: str, *, media_type: str) -> bytes | None:
        """The page of one problem type, or None when there is no such type."""
        return self._bytes(slug, locale, media_type=media_type) if slug in documents.BY_SLUG else None

    def _bytes(self, slug: str | None, locale: str, *, media_type: str) -> bytes:
        key = (slug, locale, media_type)
        if key not in self._made:
            self._made[key] = self._make(slug, locale, media_type=media_type).encode()
        return self._made[key]

    def _make(self, slug: str | None, locale: str, *, media_type: str) -> str:
        if media_type == HTML:
            return index_html(locale, "") if slug is None else page_html(slug, locale, prefix=self._prefix)
        return json.dumps(
            index_json(locale, self._prefix) if slug is None else page_json(slug, locale, prefix=self._prefix),
            ensure_ascii=False,
        )


def page_json(slug: str, locale: str, *, prefix: str = "") -> dict[str, Any]:
    """One problem type for programs."""
    kind = documents.BY_SLUG[slug]
    return {
        "slug": slug,
        "type": documents.type_uri(kind, prefix),
        "title": i18n.sentence(locale, kind.key),
        "status": kind.status,
        "code": kind.code,
        "i18n_key": f"error.{kind.key}",
        "explanation": i18n.sentence(locale, f"{kind.key}.explanation"),
        "remedy": i18n.sentence(locale, f"{kind.key}.remedy"),
    }


def index_json(locale: str, prefix: str = "") -> dict[str, Any]:
    """All problem types for programs, by code."""
    kinds = [page_json(slug, locale, prefix=prefix) for slug in _slugs_by_code()]
    return {"items": kinds, "total": len(kinds)}


def page_html(slug: str, locale: str, *, prefix: str = "") -> str:
    """One problem type for people."""
    kind, facts = documents.BY_SLUG[slug], page_json(slug, locale, prefix=prefix)
    rows = "".join(
        f"<dt>{word(locale, label)}</dt><dd>{escape(str(facts[name]))}</dd>"
        for label, name in (("status", "status"), ("code", "code"), ("key", "i18n_key"))
    )
    example = json.dumps(_example(kind, locale, prefix=prefix), ensure_ascii=False, indent=2)
    return html_page(
        locale,
        facts["title"],
        root="../",
        main=f'<p><a href="{way(locale, "../docs/problems")}">{word(locale, "all")}</a></p>'
        f"<h1>{escape(facts['title'])}</h1><dl>{rows}</dl>"
        f"<h2>{word(locale, 'meaning')}</h2><p>{escape(facts['explanation'])}</p>"
        f"<h2>{word(locale, 'remedy')}</h2><p>{escape(facts['remedy'])}</p>"
        f"<h2>{word(locale, 'example')}</h2><pre>{escape(example)}</pre>",
    )


@cache
def index_html(locale: str, root: str) -> str:
    """All problem types with their meaning and remedy, for people. `root` is the way to the front page."""
    kinds = index_json(locale)["items"]
    title = i18n.sentence(locale, "page-index-title")
    contents = "".join(
        f'<li><a href="#{kind["slug"]}">{kind["code"]} {escape(kind["title"])}</a></li>' for kind in kinds
    )
    sections = "".join(_section(locale, kind, root=root) for kind in kinds)
    main = f'<h1>{escape(title)}</h1><p>{word(locale, "index-lead")}</p><ul class="contents">{contents}</ul>{sections}'
    return html_page(locale, title, main=main, root=root)


def _section(locale: str, kind: dict[str, Any], *, root: str) -> str:
    slug = kind["slug"]
    return (
        f'<section id="{slug}"><h2><a href="{way(locale, f"{root}problems/{slug}")}">'
        f"{escape(kind['title'])}</a></h2>"
        f"<dl><dt>{word(locale, 'status')}</dt><dd>{kind['status']}</dd>"
        f"<dt>{word(locale, 'code')}</dt><dd>{kind['code']}</dd>"
        f"<dt>{word(locale, 'key')}</dt><dd>{escape(kind['i18n_key'])}</dd></dl>"
        f"<h3>{word(locale, 'meaning')}</h3><p>{escape(kind['explanation'])}</p>"
        f"<h3>{word(locale, 'remedy')}</h3><p>{escape(kind['remedy'])}</p></section>"
    )


def html_page(locale: str, title: str, *, main: str, root: str) -> str:
    """A whole page, with the style that the policy allows. `main` is HTML, `root` the way to the front page."""
    return (
        f'<!DOCTYPE html>\n<html lang="{locale}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<link rel="icon" type="image/svg+xml" href="{root}favicon.ico">\n'
        f"<title>{escape(title)} · Sojourn</title>\n<style>{STYLE}</style>\n</head>\n"
        f'<body>\n<a class="skip" href="#content">{word(locale, "skip")}</a>\n{_header(locale, root)}\n'
        f'<main id="content">{main}</main>\n</body>\n</html>\n'
    )


def _header(locale: str, root: str) -> str:
    """The mark, the ways to the other pages, and this page in the other languages."""
    mark = MARK.replace("<svg ", '<svg aria-hidden="true" ')
    return (
        f'<header><a href="{way(locale, root or "./")}">{mark}Sojourn</a>'
        f'<nav><a href="{way(locale, f"{root}docs")}">{word(locale, "reference")}</a>'
        f'<a href="{way(locale, f"{root}docs/problems")}">{word(locale, "index-title")}</a>{languages(locale)}'
        "</nav></header>"
    )


def way(locale: str, path: str) -> str:
    """A link to another page of ours, which is then shown in the same language."""
    return f"{path}?language={locale}"


def languages(locale: str) -> str:
    """Links to this page in each language, the present one marked, as HTML."""
    return "".join(
        f'<a href="?language={other}" hreflang="{other}" lang="{other}"'
        f"{CURRENT if other == locale else ''}>{word(other, 'language')}</a>"
        for other in i18n.LOCALES
    )


def word(locale: str, name: str) -> str:
    """One of the words of the pages, as HTML."""
    return escape(i18n.sentence(locale, f"page-{name}"))


def _example(kind: documents.ProblemType, locale: str, *, prefix: str) -> dict[str, Any]:
    """A document of this type as a client could meet it."""
    return documents.document(
        SAMPLES[kind.key],
        documents.Facts(
            instance="/sessions/sess_0196376f-2c00-7000-8000-0123456789ab",
            request_id="req_0196376f-2c00-7000-8000-9876543210fe",
            trace_id="0af7651916cd43dd8448eb211c80319c",
            span_id="b7ad6b7169203331",
            locale=locale,
            now=datetime(2026, 4, 15, 8, tzinfo=UTC),
            public_url=prefix,
        ),
    )


@lru_cache(maxsize=1)
def _slugs_by_code() -> tuple[str, ...]:
    return tuple(sorted(documents.BY_SLUG, key=lambda slug: documents.BY_SLUG[slug].code))
