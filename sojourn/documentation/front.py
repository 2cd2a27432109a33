"""`/`: what this is and where to look first."""

import json
from functools import cache

from sojourn import __version__
from sojourn.problems.pages import html_page, way, word

PLACES = {"reference": "docs", "contract": "openapi.json", "problems": "docs/problems", "health": "health/ready"}
"""Where the front page leads, by the name of the link, relative to it."""

_PAGES = {"reference", "problems"}
"""Those of them that are pages in the reader's language."""


@cache
def front_json(prefix: str) -> bytes:
    """The name, the version and the links, for programs."""
    links = {name: f"{prefix}/{path}" for name, path in PLACES.items()}
    return json.dumps({"name": "Sojourn", "version": __version__, "links": links}).encode()


@cache
def front_html(locale: str) -> bytes:
    """The same for people, in the locale's language."""
    places = "".join(
        f'<li><a href="{way(locale, path) if name in _PAGES else path}">{word(locale, f"place-{name}")}</a><br>'
        f"{word(locale, f'place-{name}-about')}</li>"
        for name, path in PLACES.items()
    )
    main = f'<h1>Sojourn {__version__}</h1><p>{word(locale, "front-lead")}</p><ul class="places">{places}</ul>'
    return html_page(locale, word(locale, "front-title"), main=main, root="./").encode()
