"""Compares two runs by their `report.json`: `python -m sojourn.conformance.reports.compare A.json B.json`."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

SAME, DIFFERENT, MISTAKE = 0, 1, 3
_ABSENT = "not judged"


def compared(left: dict[str, Any], right: dict[str, Any]) -> str:
    """A table in Markdown: the two runs, and each check that they do not have alike."""
    lines = ["| | first | second |", "|---|---|---|"]
    for name in ("url", "verdict", "profile", "suite", "contract", "seed"):
        lines.append(f"| {name} | {left.get(name, '')} | {right.get(name, '')} |")
    unlike = differences(left, right)
    lines += ["", f"{len(unlike)} checks differ." if unlike else "No check differs.", ""]
    if unlike:
        lines += ["| check | first | second | requirement |", "|---|---|---|---|"]
        lines += [f"| {' | '.join(row)} |" for row in unlike]
    return "\n".join(lines) + "\n"


def differences(left: dict[str, Any], right: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    """Id, both verdicts and requirement of each check whose verdicts differ, by id."""
    first, second = ({check["id"]: check for check in run["checks"]} for run in (left, right))
    found = []
    for name in sorted(first.keys() | second.keys()):
        one, other = (run.get(name, {}).get("verdict", _ABSENT) for run in (first, second))
        if one != other:
            known = first.get(name) or second[name]
            found.append((name, one, other, str(known["requirement"]).replace("|", "\\|")))
    return found


def main(arguments: Sequence[str]) -> int:
    """Print the table; 0 where all checks are alike, 1 where some differ, 3 where there is nothing to compare."""
    if len(arguments) != 2:
        print("compare: give two files, report.json of one run and of another", file=sys.stderr)
        return MISTAKE
    runs = []
    for name in arguments:
        try:
            run = json.loads(Path(name).read_text("utf-8"))
            differences(run, run)
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            print(f"compare: {name} is no report of a run: {error}", file=sys.stderr)
            return MISTAKE
        runs.append(run)
    sys.stdout.write(compared(*runs))
    return DIFFERENT if differences(*runs) else SAME


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
