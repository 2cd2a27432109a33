"""`python -m benchmarks.instructions`: instructions per operation, beside those of the commit before."""

import json
import os
import platform
import sys
import time
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from benchmarks.instructions.counting import (
    REQUESTS,
    STEPPED,
    CountingFailed,
    commit_of,
    is_changed,
    per_request,
    steps_per_request,
    tree_of,
    valgrind_is_here,
)

ROOT = Path(__file__).parent.parent.parent
TREND = ROOT / "benchmarks" / "results" / "instructions.json"
MOST = 5.0
"""An operation that costs more per cent than this above the commit before fails the run."""


@click.command()
@click.option(
    "--ops",
    default=",".join(REQUESTS),
    show_default=True,
    help="Operations, separated by commas; `revoke` with --steps only.",
)
@click.option("--base", help="The revision to compare with; by default the commit before what is here.")
@click.option("--jobs", type=click.IntRange(1), default=os.cpu_count() or 1, help="Runs side by side.")
@click.option("--record", is_flag=True, help="Add the counts to benchmarks/results/instructions.json.")
@click.option("--without", type=click.Choice(["head-judgement"]), help="Compare with this tree without a part.")
@click.option("--steps", is_flag=True, help="Count steps of the interpreter instead: in seconds, without valgrind.")
def main(ops: str, base: str | None, jobs: int, record: bool, without: str | None, steps: bool) -> None:
    """Count what one request of each hot operation costs on SQLite, from its bytes to the answer's."""
    if steps:
        _compare_steps(_named(ops, STEPPED), base, jobs=jobs)
        return
    if not valgrind_is_here():
        click.echo("NOT COUNTED: valgrind is not installed, so nothing holds the instructions per operation")
        return
    operations = _named(ops, REQUESTS)
    try:
        now = per_request(ROOT, operations, jobs=jobs)
        if without is not None:
            left_out = per_request(ROOT, operations, jobs=jobs, options=("--without", without))
            click.echo(_table(now, left_out, title=f"without {without}"))
            return
        before, revision = _before(base, operations, jobs=jobs)
    except CountingFailed as error:
        raise click.ClickException(str(error)) from None
    if before is None:
        click.echo(f"NOT COMPARED: the history here does not have {revision} (a shallow clone?)")
    click.echo(_table(now, before, title=revision[:12]))
    if record:
        _record(now)
    dearer = [name for name in operations if before is not None and _growth(now[name], before[name]) > MOST]
    if dearer:
        raise click.ClickException(f"more than {MOST:.0f} % dearer than {revision[:12]}: {', '.join(dearer)}")


def _compare_steps(operations: list[str], base: str | None, *, jobs: int) -> None:
    commit = commit_of(base or "HEAD~1", ROOT)
    now, before = steps_per_request(ROOT, operations, jobs=jobs), None
    if commit is not None:
        with tree_of(commit, ROOT) as tree:
            before = steps_per_request(tree, operations, jobs=jobs)
    click.echo(_table(now, before, title=(commit or "not in this history")[:12], unit="steps"))


def _before(base: str | None, operations: list[str], *, jobs: int) -> tuple[Mapping[str, int] | None, str]:
    """The counts of the commit before, None where it is not there, and its name."""
    wanted = base or ("HEAD" if is_changed(ROOT) else "HEAD~1")
    commit = commit_of(wanted, ROOT)
    if commit is None:
        return None, wanted
    with tree_of(commit, ROOT) as tree:
        return per_request(tree, operations, jobs=jobs), commit


def _named(text: str, known: Collection[str]) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if unknown := [name for name in names if name not in known]:
        raise click.BadParameter(f"{', '.join(unknown)}: choose from {', '.join(known)}")
    return names


def _table(now: Mapping[str, int], before: Mapping[str, int] | None, *, title: str, unit: str = "instructions") -> str:
    lines = [f"| operation | {unit} | {title} | change |", "| --- | ---: | ---: | ---: |"]
    for name, count in now.items():
        beside = ("", "") if before is None else (f"{before[name]:,}", f"{_growth(count, before[name]):+.1f} %")
        lines.append(f"| {name} | {count:,} | {beside[0]} | {beside[1]} |")
    return "\n".join(lines)


def _growth(now: int, before: int) -> float:
    return (now - before) * 100 / before


def _record(now: Mapping[str, int]) -> None:
    """Add a line to the trend: counts depend on the build of Python, so it is named with them."""
    known: list[dict[str, Any]] = json.loads(TREND.read_text("utf-8")) if TREND.exists() else []
    commit = commit_of("HEAD", ROOT)
    known.append(
        {
            "taken_at": datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="seconds"),
            "commit": f"{commit}, changed" if is_changed(ROOT) else commit,
            "python": f"{platform.python_version()} ({platform.python_compiler()})",
            "instructions": dict(now),
        }
    )
    TREND.write_text(json.dumps(known, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    sys.exit(main())
