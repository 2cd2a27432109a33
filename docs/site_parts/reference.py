"""The contract as a reference beside the pages: to read, with a way back, and without a server to send requests to."""

from pathlib import Path

from sojourn.documentation import scalar
from sojourn.documentation.reference import BADGES
from sojourn.openapi.loader import bundle_json, bundle_yaml, load_bundle
from sojourn.problems.pages import MARK

PAGE = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>API reference · Sojourn</title>
<link rel="icon" type="image/svg+xml" href="../_static/mark.svg">
<link rel="stylesheet" href="../_static/reference.css">
</head>
<body>
<a class="skip" href="#reference">Skip to the content</a>
<nav aria-label="Sojourn">
<a class="home" href="../index.html">{MARK.replace("<svg ", '<svg aria-hidden="true" ')}Sojourn documentation</a>
<a href="../openapi.yaml">openapi.yaml</a>
</nav>
<div id="reference" tabindex="-1"></div>
<script src="scalar.js"></script>
<script src="start.js"></script>
</body>
</html>
"""
SERVER = "https://sessions.example.org"
"""The server of the requests that are shown: a made-up one, since the site has none."""

START = f""""use strict";
{BADGES}const draw = (contract) => globalThis.Scalar.createApiReference("#reference", {{
  content: withScopes(contract),
  servers: [{{ url: "{SERVER}", description: "Your server" }}],
  telemetry: false,
  withDefaultFonts: false,
  hideClientButton: true,
  hideTestRequestButton: true,
  showDeveloperTools: "never",
  agent: {{ disabled: true }},
  mcp: {{ disabled: true }},
}});
fetch("../openapi.json").then((answer) => answer.json()).then(draw);
"""


def write(folder: Path) -> None:
    """Write the reference and the contract into the site."""
    contract = load_bundle()
    files = {
        "openapi.json": bundle_json(contract),
        "openapi.yaml": bundle_yaml(contract),
        "reference/index.html": PAGE.encode(),
        "reference/start.js": START.encode(),
        "reference/scalar.js": scalar.script(),
    }
    for name, content in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
