"""What the linters find, in one form, and the waivers: findings that stay, each with its reason."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib.resources import files
from typing import Any

import yaml


@dataclass(frozen=True, slots=True)
class Finding:
    """What a linter has to say about one place of the document. `pointer` is a JSON Pointer (RFC 6901)."""

    linter: str
    rule: str
    pointer: str
    message: str

    def __str__(self) -> str:
        return f"{self.linter} {self.rule} at {self.pointer}: {self.message}"


@dataclass(frozen=True, slots=True)
class Waiver:
    """Findings of one rule that stay. In the patterns of `places`, `*` stands for anything."""

    linter: str
    rule: str
    places: tuple[str, ...]
    reason: str

    def covers(self, finding: Finding) -> bool:
        """Whether the finding is one of those that stay."""
        return (self.linter, self.rule) == (finding.linter, finding.rule) and any(
            fnmatchcase(finding.pointer, _literally(place)) for place in self.places
        )

    def __str__(self) -> str:
        return f"{self.linter} {self.rule}"


def waivers() -> tuple[Waiver, ...]:
    """Every waiver of `waivers.yaml`. Raises KeyError for one without its reason."""
    entries = yaml.safe_load(files("sojourn.openapi.lint").joinpath("waivers.yaml").read_text("utf-8"))
    return tuple(Waiver(entry["linter"], entry["rule"], tuple(entry["at"]), entry["reason"]) for entry in entries)


def judge(found: Iterable[Finding], waived: Iterable[Waiver]) -> tuple[list[Finding], list[Waiver]]:
    """The findings that no waiver covers, and the waivers that cover none."""
    found, waived = list(found), list(waived)
    open_ones = [finding for finding in found if not any(waiver.covers(finding) for waiver in waived)]
    idle = [waiver for waiver in waived if not any(waiver.covers(finding) for finding in found)]
    return open_ones, idle


def from_redocly(report: str) -> list[Finding]:
    """The findings in a report of Redocly (`--format json`)."""
    return [
        Finding("redocly", problem["ruleId"], problem["location"][0]["pointer"], problem["message"])
        for problem in json.loads(report)["problems"]
    ]


def from_spectral(report: str) -> list[Finding]:
    """The findings in a report of Spectral (`--format json`)."""
    return [
        Finding("spectral", result["code"], json_pointer(result["path"]), result["message"])
        for result in json.loads(report)
    ]


def json_pointer(path: Iterable[Any]) -> str:
    """The JSON Pointer (RFC 6901), as a fragment, that takes these steps."""
    return "#/" + "/".join(str(step).replace("~", "~0").replace("/", "~1") for step in path)


def _literally(place: str) -> str:
    """A pattern in which only `*` is special."""
    return place.replace("[", "[[]").replace("?", "[?]")
