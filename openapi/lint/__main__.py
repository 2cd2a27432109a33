"""Lint the contract: `python -m openapi.lint`, from the folder that holds `node_modules`.

The bundle has to be a valid OpenAPI document, and neither Redocly nor Spectral may find anything in it, not
even a hint. Exits with 1 when one of them does. The linters come with `npm ci`; nothing is sent anywhere.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from openapi_spec_validator import OpenAPIV30SpecValidator

from openapi.loader import bundle_json, load_bundle

RULES = Path(__file__).parent
TOOLS = Path("node_modules/.bin")
SILENCE = {
    "REDOCLY_TELEMETRY": "off",
    "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true",
    "SCARF_ANALYTICS": "false",
    "DO_NOT_TRACK": "1",
}


class ToolMissing(Exception):
    """A linter is not installed; the message says how to get it."""


def spec_validator(bundle: Mapping[str, Any]) -> str:
    """What makes the bundle no valid OpenAPI 3.0 document, a line each; empty when it is one."""
    errors = OpenAPIV30SpecValidator(dict(bundle)).iter_errors()
    return "\n".join(f"{'/'.join(map(str, error.absolute_path))}: {error.message}" for error in errors)


def redocly(document: Path) -> str:
    """What Redocly finds in the document; empty when it finds nothing."""
    return _run("redocly", "lint", "--config", str(RULES / "redocly.yaml"), "--format", "stylish", str(document))


def spectral(document: Path) -> str:
    """What Spectral finds in the document; empty when it finds nothing."""
    rules = str(RULES / "spectral.yaml")
    return _run("spectral", "lint", "--ruleset", rules, "--fail-severity", "hint", str(document))


def main() -> int:
    """Run all of them and say what they found. Returns the exit code."""
    bundle = load_bundle()
    with tempfile.TemporaryDirectory() as folder:
        document = Path(folder) / "openapi.json"
        document.write_bytes(bundle_json(bundle))
        try:
            findings = {
                "openapi-spec-validator": spec_validator(bundle),
                "redocly": redocly(document),
                "spectral": spectral(document),
            }
        except ToolMissing as error:
            print(error, file=sys.stderr)
            return 1
    for name, found in findings.items():
        print(f"{name}: {found or 'nothing found'}")
    return 1 if any(findings.values()) else 0


def _run(tool: str, *arguments: str) -> str:
    """Run one linter; its words when it is not content, and nothing otherwise."""
    program = TOOLS / tool
    if not program.exists():
        raise ToolMissing(f"{tool} is not installed here: run `npm ci --no-audit --no-fund` first")
    result = subprocess.run(  # noqa: S603 - one of two programs, with arguments of ours
        [program, *arguments], capture_output=True, text=True, env={**os.environ, **SILENCE}, check=False
    )
    return "" if result.returncode == 0 else (result.stdout + result.stderr).strip()


if __name__ == "__main__":
    sys.exit(main())
