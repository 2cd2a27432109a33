"""`/docs`: the contract as a reference to read, to search and to try.

The page asks this server and no other. Its policy names the one script of the page by hash; styles that the reference
makes at run time carry a nonce that is drawn for each answer.
"""

import base64
import json
import secrets
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from sojourn.documentation import scalar
from sojourn.problems.pages import MARK, languages, policy_hash, way, word

STYLE = (
    ":root{color-scheme:light dark;--scalar-custom-header-height:44px}body{margin:0;font:1rem/1.5 system-ui,sans-serif}"
    "body.light-mode{--scalar-color-accent:#0b5c6b;--scalar-color-2:#4a4a4a;--scalar-color-3:#5f5f5f}"
    "body.dark-mode{--scalar-color-accent:#7fd3e0;--scalar-color-2:#bdbdbd;--scalar-color-3:#a3a3a3}"
    "body>nav{box-sizing:border-box;height:44px;display:flex;gap:1.25rem;align-items:center;padding:0 1rem;"
    "position:sticky;top:0;z-index:10;background:var(--scalar-background-1,Canvas);color:var(--scalar-color-1,CanvasText);"
    "border-bottom:3px solid #0b5c6b;white-space:nowrap;"
    "overflow-x:auto}body>nav a{color:var(--scalar-color-accent,LinkText)}.home{margin-right:auto;display:flex;"
    "gap:.5rem;align-items:center;font-weight:bold;text-decoration:none}[aria-current]{font-weight:bold}"
    ".home svg{width:26px;height:26px}.skip{position:absolute;left:-99rem}.skip:focus{left:1rem;top:.25rem;z-index:20;"
    "padding:.25rem .75rem;border-radius:.5rem;background:Canvas;color:light-dark(#0b5c6b,#7fd3e0)}"
    "@media(max-width:40rem){body>nav{gap:.75rem;font-size:.875rem;scrollbar-width:none}"
    "body>nav a[href$='.yaml']{display:none}}"
    "#reference:focus,#reference section:focus{outline:none}noscript p{padding:1rem}"
    "body:has([role=dialog])>nav>:not(.home){visibility:hidden}.ascii-art-animate{display:none}"
    "@media print{:root{color-scheme:light}body>nav,.skip,aside,.t-doc__sidebar{display:none!important}"
    "body.dark-mode{--scalar-color-1:#000;--scalar-color-2:#222;--scalar-color-3:#444;--scalar-color-accent:#0b5c6b;"
    "--scalar-background-1:#fff;--scalar-background-2:#f6f6f6;--scalar-background-3:#eee;--scalar-border-color:#ccc}}"
)
_FOLDER = files("sojourn.documentation")
BADGES = _FOLDER.joinpath("badges.js").read_text("utf-8")
"""The function `withScopes`: the contract with a badge for each scope."""
START = _FOLDER.joinpath("start.js").read_text("utf-8") + BADGES

MEASURES = ("width:30px;height:30px;overflow-y:scroll;", "width:100%;height:40px")
"""Style attributes of the pinned reference, which measures a scrollbar with them; the policy allows these two."""

SHOWN_TENANT, SHOWN_USER = "tnt_xyz789", "usr_abc123"
"""The tenant and the user of the contract's examples."""


@dataclass(frozen=True, slots=True)
class FilledIn:
    """What the page's requests are made with: credentials, and who stands where the examples name somebody.

    The page shows them to anybody who opens it: they are for made-up data only.
    """

    api_key: str
    token: str
    tenant: str
    user: str


def reference_page(locale: str, filled_in: FilledIn | None = None) -> tuple[bytes, bytes]:
    """The page, its head in the locale's language, and its Content-Security-Policy.

    They fit each other and no other answer.
    """
    nonce = base64.b64encode(secrets.token_bytes(18)).decode()
    page = _page(locale).replace("{filled_in}", "" if filled_in is None else _data(filled_in))
    return page.replace("{nonce}", nonce).encode(), _POLICY.replace("{nonce}", nonce).encode()


def _data(filled_in: FilledIn) -> str:
    """What `start.js` reads: data, which no policy takes for a script."""
    text = json.dumps(
        {
            "apiKey": filled_in.api_key,
            "token": filled_in.token,
            "instead": {SHOWN_TENANT: filled_in.tenant, SHOWN_USER: filled_in.user},
        }
    ).replace("<", "\\u003c")
    return f'<script type="application/json" id="filled-in">{text}</script>\n'


_POLICY = "; ".join(
    (
        "default-src 'none'",
        f"script-src 'self' {policy_hash(START)}",
        "style-src 'nonce-{nonce}'",
        f"style-src-attr 'unsafe-hashes' {' '.join(policy_hash(text) for text in MEASURES)}",
        "connect-src 'self'",
        "img-src 'self' data:",
        "font-src data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)


@cache
def _page(locale: str) -> str:
    """The page, without its nonce and without what is filled in."""
    return f"""<!DOCTYPE html>
<html lang="{locale}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta property="csp-nonce" content="{{nonce}}">
<title>{word(locale, "reference")} · Sojourn</title>
<link rel="icon" type="image/svg+xml" href="favicon.ico">
<style nonce="{{nonce}}">{STYLE}</style>
{{filled_in}}<script nonce="{{nonce}}">{START}</script>
<script src="docs/reference.js?hash={scalar.script_hash()}" defer></script>
</head>
<body>
<a class="skip" href="#reference">{word(locale, "skip")}</a>
<nav aria-label="Sojourn">
<a class="home" href="{way(locale, "./")}">{MARK.replace("<svg ", '<svg aria-hidden="true" ')}Sojourn</a>
<a href="{way(locale, "docs/problems")}">{word(locale, "place-problems")}</a>
<a href="openapi.yaml">openapi.yaml</a>
{languages(locale)}
</nav>
<noscript><p>{word(locale, "no-script")} <a href="openapi.yaml">{word(locale, "place-contract")}</a>,
<a href="{way(locale, "docs/problems")}">{word(locale, "place-problems")}</a></p></noscript>
<div id="reference" lang="en" tabindex="-1"></div>
</body>
</html>
"""
