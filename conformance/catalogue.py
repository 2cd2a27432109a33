"""All checks: found in the chapters, listed for `--list`, and written down in `docs/conformance/CHECKS.md`.

`python -m sojourn.conformance.catalogue docs/conformance/CHECKS.md` writes the page.
"""

import importlib
import pkgutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import sojourn.conformance.chapters
from sojourn.conformance.checks import PROFILES, Check, check_of

INTRODUCTION = """# The checks of the conformance suite

Each check has an id that does not change, a requirement, the source of the requirement, and the smallest profile that
it belongs to; a profile holds the checks of the ones before it: `seed`, `core`, `full`. *Needs* are options without
which a check is skipped. `sojourn conformance --list` prints the same, `--check TEN-002` runs one.
"""
END = "This page is written by `python -m sojourn.conformance.catalogue docs/conformance/CHECKS.md`.\n"


def modules() -> Iterator[ModuleType]:
    """The chapters, by name."""
    for info in pkgutil.iter_modules(sojourn.conformance.chapters.__path__):
        if info.name != "conftest":
            yield importlib.import_module(f"sojourn.conformance.chapters.{info.name}")


def functions() -> list[Callable[..., Any]]:
    """Every check of every chapter, as the function that it is."""
    return [function for module in modules() for function in _functions_of(module)]


def _functions_of(module: ModuleType) -> list[Callable[..., Any]]:
    own = [value for name, value in vars(module).items() if name.startswith("test_")]
    return [value for value in own if value.__module__ == module.__name__]


def _checks_of(module: ModuleType) -> list[Check]:
    found = [check_of(function) for function in _functions_of(module)]
    return sorted((check for check in found if check is not None), key=lambda check: check.id)


def lines() -> Iterator[str]:
    """A line for each check, by id."""
    found = sorted((check for module in modules() for check in _checks_of(module)), key=lambda check: check.id)
    for check in found:
        yield f"{check.id}  {check.profile:<4}  {check.requirement} [{check.source}]{_needs(check)}"
    counts = ", ".join(f"{sum(check.profile == name for check in found)} of {name}" for name in PROFILES)
    yield f"{len(found)} checks: {counts}"


def _needs(check: Check) -> str:
    named = ", ".join("--" + name.replace("_", "-") for name in check.needs)
    return f" (needs {named})" if named else ""


def page() -> str:
    """The page of all checks."""
    parts = [INTRODUCTION]
    for module in modules():
        found = _checks_of(module)
        if found:
            about = (module.__doc__ or "").strip()
            parts.append(f"## {module.__name__.rpartition('.')[2].replace('_', ' ').capitalize()}\n\n{about}\n")
            parts.append("\n".join((_HEAD, *map(_row, found))) + "\n")
    return "\n".join((*parts, END))


_HEAD = "| id | requirement | source | profile | needs |\n|---|---|---|---|---|"


def _row(check: Check) -> str:
    needs = ", ".join(f"`--{name.replace('_', '-')}`" for name in check.needs)
    profile = f"{check.profile}, {check.feature}" if check.feature else check.profile
    cells = (check.id, check.requirement, check.source, profile, needs)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), "utf-8")
