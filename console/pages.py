"""`/console` and `/account`: two pages that hold settings and words, and name the modules that do the rest."""

import json
from typing import Literal
from urllib.parse import urlsplit

from sojourn.console import files
from sojourn.problems import i18n
from sojourn.problems.pages import word
from sojourn.settings import Settings

CURRENT = "current"


STYLES = {"console": ("parts.css", "console.css", "uplot.css"), "account": ("parts.css", "console.css")}


def prepare() -> None:
    """Make what the first visitor would wait for: the files are read, and the words of all languages."""
    files.release()
    for locale in i18n.LOCALES:
        word(locale, "no-script")


class Console:
    """The pages of one server. Each is the same for everybody: it knows who looks only after a sign-in."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._made: dict[tuple[str, str], bytes] = {}
        self._policy = _policy(settings.console_issuer).encode()

    def page(self, name: Literal["console", "account"], locale: str) -> tuple[bytes, bytes]:
        """The page in the locale's language, and its Content-Security-Policy."""
        if (name, locale) not in self._made:
            self._made[name, locale] = self._html(name, locale).encode()
        return self._made[name, locale], self._policy

    def file(self, release: str, name: str) -> bytes | None:
        """A script or a style sheet; None when the release, or its file, is not here."""
        return files.contents().get(name) if release in (CURRENT, files.release()) else None

    def _html(self, name: str, locale: str) -> str:
        """The page. It names every module: one that only another module names would be asked for later."""
        release = files.release()
        styles = "".join(f'<link rel="stylesheet" href="console/styles/{release}/{style}">\n' for style in STYLES[name])
        modules = "".join(
            f'<link rel="modulepreload" href="console/scripts/{release}/{module}">\n'
            for module in files.imported_by(f"{name}.js")
        )
        return (
            f'<!DOCTYPE html>\n<html lang="{locale}">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            '<meta name="color-scheme" content="light dark">\n'
            f"<title>Sojourn</title>\n"
            '<link rel="icon" type="image/svg+xml" href="favicon.ico">\n'
            f"{styles}{modules}"
            f'<script type="application/json" id="page">{self._data(locale)}</script>\n'
            f'<script type="module" src="console/scripts/{release}/{name}.js"></script>\n</head>\n'
            f'<body><noscript><p>{word(locale, "no-script")} <a href="docs">{word(locale, "reference")}</a></p>'
            f'</noscript><div id="app"></div></body>\n</html>\n'
        )

    def _data(self, locale: str) -> str:
        """What the modules read: data, which no policy takes for a script."""
        settings = self._settings
        facts = {
            "issuer": settings.console_issuer,
            "clientId": settings.console_client_id,
            "scope": settings.console_scope,
            "rolesClaim": settings.jwt_roles_claim,
            "roleMap": dict(pair.split("=", 1) for pair in settings.jwt_role_map),
            "locale": locale,
            "names": {name: i18n.sentence(name, "page-language") for name in files.words()},
        }
        return json.dumps(facts, ensure_ascii=False).replace("<", "\\u003c")


def _policy(issuer: str | None) -> str:
    parts = urlsplit(issuer or "")
    origin = f" {parts.scheme}://{parts.netloc}" if issuer else ""
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        f"connect-src 'self'{origin}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
