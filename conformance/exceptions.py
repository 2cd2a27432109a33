"""What a run cannot exercise from outside, by name and reason: `exceptions.toml`."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from sojourn.conformance.contract import Operation


@cache
def _read() -> dict[str, list[dict[str, Any]]]:
    return tomllib.loads(files("sojourn.conformance").joinpath("exceptions.toml").read_text("utf-8"))


def excused_status(operation: Operation, status: int) -> str | None:
    """Why a documented status cannot be provoked, or None when it can."""
    for entry in _read().get("status", []):
        if entry["status"] == status and _names(entry, operation):
            return str(entry["reason"])
    return None


def _names(entry: dict[str, Any], operation: Operation) -> bool:
    """Whether an exception is for an operation: by its id, by `*`, or by how its callers are known."""
    if "scheme" in entry:
        return bool(entry["scheme"] == operation.scheme)
    return entry["operation"] in ("*", operation.id)


def excused_keyword(place: str) -> str | None:
    """Why a schema keyword, by its place, cannot be exercised, or None when it can."""
    for entry in _read().get("keyword", []):
        if place.startswith(entry["place"]):
            return str(entry["reason"])
    return None


def listed() -> list[tuple[str, str]]:
    """Every exception and its reason, for the reports."""
    statuses = [
        (f"{entry.get('operation') or entry['scheme']} {entry['status']}", entry["reason"])
        for entry in _read().get("status", [])
    ]
    return statuses + [(entry["place"], entry["reason"]) for entry in _read().get("keyword", [])]
