"""Lint the contract: `python -m sojourn.openapi.lint`, from the folder that holds `node_modules`.

The bundle has to be a valid OpenAPI document, and neither Redocly nor Spectral (with the OWASP rules for APIs) may
find anything in it, not even a hint, that `waivers.yaml` does not name with a reason. Exits with 1 when one of them
does, or when a waiver waives nothing. The linters come with `npm ci`; nothing is sent anywhere.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from openapi_spec_validator import OpenAPIV30SpecValidator

from sojourn.openapi.lint.findings import Finding, Waiver, from_redocly, from_spectral, json_pointer, judge, waivers
from sojourn.openapi.loader import bundle_json, load_bundle
from sojourn.openapi.places import Places

RULES = Path(__file__).parent
TOOLS = Path("node_modules/.bin")
_LONGEST = 200
SILENCE = {
    "REDOCLY_TELEMETRY": "off",
    "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true",
    "SCARF_ANALYTICS": "false",
    "DO_NOT_TRACK": "1",
}


class ToolMissing(Exception):
    """A linter is not installed; the message says how to get it."""


class ToolFailed(Exception):
    """A linter did not do its work; the message is what it said."""


def spec_validator(bundle: Mapping[str, Any]) -> list[Finding]:
    """What makes the bundle no valid OpenAPI 3.0 document; empty when it is one."""
    errors = OpenAPIV30SpecValidator(dict(bundle)).iter_errors()
    return [
        Finding("openapi-spec-validator", "valid", json_pointer(error.absolute_path), _brief(error.message))
        for error in errors
    ]


def redocly(document: Path) -> list[Finding]:
    """What Redocly finds in the document, waived or not."""
    rules = str(RULES / "redocly.yaml")
    return from_redocly(_run("redocly", "lint", "--config", rules, "--format", "json", str(document)))


def spectral(document: Path) -> list[Finding]:
    """What Spectral finds in the document, waived or not."""
    rules = str(RULES / "spectral.yaml")
    options = ("--format", "json", "--quiet", "--fail-severity", "hint")
    return from_spectral(_run("spectral", "lint", "--ruleset", rules, *options, str(document)))


def lint(bundle: Mapping[str, Any]) -> tuple[list[Finding], list[Waiver]]:
    """What all three find in the bundle that is not waived, and the waivers that waive nothing.

    Raises ToolMissing and ToolFailed.
    """
    with tempfile.TemporaryDirectory() as folder:
        document = Path(folder) / "openapi.json"
        document.write_bytes(bundle_json(dict(bundle)))
        return judge([*spec_validator(bundle), *redocly(document), *spectral(document)], waivers())


def main() -> int:
    """Run all of them and say what they found. Returns the exit code."""
    try:
        found, idle = lint(load_bundle())
    except (ToolMissing, ToolFailed) as error:
        print(error, file=sys.stderr)
        return 1
    places = Places()
    for finding in found:
        print(f"openapi/{places.of(finding.pointer)}: {finding}")
    for waiver in idle:
        print(f"waivers.yaml: nothing to waive: {waiver}")
    print(f"openapi-spec-validator, Redocly, Spectral: {len(found)} findings, {len(waivers())} waivers with reasons")
    return 1 if found or idle else 0


def _brief(message: str) -> str:
    """The end of the first line: the validator begins with the whole value that it dislikes."""
    line = message.splitlines()[0]
    return line if len(line) <= _LONGEST else f"… {line[-_LONGEST:]}"


def _run(tool: str, *arguments: str) -> str:
    """Run one linter; its report. Raises ToolMissing and ToolFailed."""
    program = TOOLS / tool
    if not program.exists():
        raise ToolMissing(f"{tool} is not installed here: run `npm ci --no-audit --no-fund` first")
    result = subprocess.run(  # noqa: S603 - one of two programs, with arguments of ours
        [program, *arguments], capture_output=True, text=True, env={**os.environ, **SILENCE}, check=False
    )
    if not result.stdout.startswith(("{", "[")):
        raise ToolFailed(f"{tool}: {(result.stdout + result.stderr).strip()}")
    return result.stdout


if __name__ == "__main__":
    sys.exit(main())
