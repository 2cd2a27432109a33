"""`/docs`: the contract as a reference to read, to search and to try.

The page asks this server and no other. Its policy names the one script of the page by hash; styles that the reference
makes at run time carry a nonce that is drawn for each answer.
"""

import base64
import secrets
from importlib.resources import files

from sojourn.problems.pages import MARK, policy_hash

STYLE = (
    ":root{color-scheme:light dark;--scalar-custom-header-height:44px}body{margin:0;font:1rem/1.5 system-ui,sans-serif}"
    "header{box-sizing:border-box;height:44px;display:flex;gap:1.25rem;align-items:center;padding:0 1rem;"
    "position:sticky;top:0;z-index:10;background:var(--scalar-background-1,Canvas);color:var(--scalar-color-1,CanvasText);"
    "border-bottom:3px solid #0b5c6b;white-space:nowrap;"
    "overflow-x:auto}header a{color:inherit}.home{margin-right:auto;display:flex;"
    "gap:.5rem;align-items:center;font-weight:bold;text-decoration:none}"
    ".home svg{width:26px;height:26px}.skip{position:absolute;left:-99rem}.skip:focus{position:static}"
    "noscript p{padding:1rem}"
)
START = files("sojourn.documentation").joinpath("start.js").read_text("utf-8")

MEASURES = ("width:30px;height:30px;overflow-y:scroll;", "width:100%;height:40px")
"""Style attributes of the pinned reference, which measures a scrollbar with them; the policy allows these two."""


def reference_page() -> tuple[bytes, bytes]:
    """The page and its Content-Security-Policy, which fit each other and no other answer."""
    nonce = base64.b64encode(secrets.token_bytes(18)).decode()
    return _PAGE.replace("{nonce}", nonce).encode(), _POLICY.replace("{nonce}", nonce).encode()


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
_PAGE = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta property="csp-nonce" content="{{nonce}}">
<title>Sojourn API reference</title>
<link rel="icon" type="image/svg+xml" href="favicon.ico">
<style nonce="{{nonce}}">{STYLE}</style>
<script nonce="{{nonce}}">{START}</script>
<script src="docs/reference.js" defer></script>
</head>
<body>
<a class="skip" href="#reference">Skip to the operations</a>
<header>
<a class="home" href="./">{MARK}Sojourn</a>
<a href="docs/problems">Problems</a>
<a href="openapi.yaml">openapi.yaml</a>
</header>
<noscript><p>The reference needs JavaScript. Without it: <a href="openapi.yaml">the contract</a>,
<a href="docs/problems">the problems</a>.</p></noscript>
<div id="reference" tabindex="-1"></div>
</body>
</html>
"""
