"""The static site: these pages, and beside them the contract as a reference. `tox -e docs` builds it."""

import re
from pathlib import Path

from sphinx.application import Sphinx

from sojourn.documentation import scalar
from sojourn.openapi.loader import bundle_json, bundle_yaml, load_bundle

CONTRACT = load_bundle()

project = "Sojourn"
author = "the Sojourn maintainers"
release = CONTRACT["info"]["version"]
extensions = ["myst_parser"]
myst_heading_anchors = 3
suppress_warnings = ["myst.header"]  # the tables of docs/performance.md are written by the benchmarks
html_theme = "furo"
html_title = "Sojourn"
html_copy_source = False
html_show_sphinx = False
pygments_style = "default"

REFERENCE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sojourn API reference</title>
<link rel="icon" href="data:,">
</head>
<body>
<main id="reference"></main>
<script src="scalar.js"></script>
<script src="start.js"></script>
</body>
</html>
"""
START = """"use strict";
globalThis.Scalar.createApiReference("#reference", {
  url: "../openapi.json",
  telemetry: false,
  withDefaultFonts: false,
  hideClientButton: true,
  hideTestRequestButton: true,
  showDeveloperTools: "never",
  agent: { disabled: true },
  mcp: { disabled: true },
});
"""


def unlink_what_is_no_page(app: Sphinx, page: str, source: list[str]) -> None:
    """Links to texts outside this folder work where the source is read; in the site their words are left."""
    source[0] = re.sub(r"\[([^\]]+)\]\(\.\./[\w/-]+\.md\)", r"\1", source[0]) if "/" not in page else source[0]


def write_reference(app: Sphinx, error: Exception | None) -> None:
    """Put the reference and the contract beside the pages; nothing to try, for there is no server."""
    if error is not None:
        return
    files = {
        "openapi.json": bundle_json(CONTRACT),
        "openapi.yaml": bundle_yaml(CONTRACT),
        "reference/index.html": REFERENCE.encode(),
        "reference/start.js": START.encode(),
        "reference/scalar.js": scalar.script(),
    }
    for name, content in files.items():
        file = Path(app.outdir) / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("source-read", unlink_what_is_no_page)
    app.connect("build-finished", write_reference)
