"""`/docs/problems`: every problem type on one page, in each language."""

from functools import cache
from html import escape

from sojourn.problems import i18n
from sojourn.problems.pages import html_page, index_json, word


@cache
def catalogue_page(locale: str) -> bytes:
    """All problem types with their meaning and remedy, for people, in the locale's language."""
    kinds = index_json(locale)["items"]
    title = i18n.sentence(locale, "page-index-title")
    contents = "".join(
        f'<li><a href="#{kind["slug"]}">{kind["code"]} {escape(kind["title"])}</a></li>' for kind in kinds
    )
    main = (
        f"<h1>{escape(title)}</h1><p>{word(locale, 'index-lead')}</p>"
        f'<ul class="contents">{contents}</ul>{"".join(_section(locale, kind) for kind in kinds)}'
    )
    return html_page(locale, title, main=main, root="../").encode()


def _section(locale: str, kind: dict[str, object]) -> str:
    slug = kind["slug"]
    return (
        f'<section id="{slug}"><h2><a href="../problems/{slug}">{escape(str(kind["title"]))}</a></h2>'
        f"<dl><dt>{word(locale, 'status')}</dt><dd>{kind['status']}</dd>"
        f"<dt>{word(locale, 'code')}</dt><dd>{kind['code']}</dd>"
        f"<dt>{word(locale, 'key')}</dt><dd>{escape(str(kind['i18n_key']))}</dd></dl>"
        f"<h3>{word(locale, 'meaning')}</h3><p>{escape(str(kind['explanation']))}</p>"
        f"<h3>{word(locale, 'remedy')}</h3><p>{escape(str(kind['remedy']))}</p></section>"
    )
