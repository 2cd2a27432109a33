"""This tree beside an older one: each serves in a process of its own, round after round in turn, on one server."""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks.catalogue import ROOT
from tests.postgres import Cluster

SERVED = Path(__file__).with_name("turns.py")
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


class Cost(NamedTuple):
    """Microseconds a request: of the clock, of CPU in the process that serves, of CPU in the database's server."""

    clock: float
    process: float
    server: float


def server_cpu_seconds(cluster: Cluster) -> float:
    """Processor time of a cluster's server so far: all its processes, and those that have ended."""
    return cpu_seconds_of(cluster.folder / "data")


def cpu_seconds_of(data: Path) -> float:
    """The same of the server whose files are in a folder."""
    first = int((data / "postmaster.pid").read_text().split()[0])
    ticks = sum(_fields(first)[11:15])
    for child in Path(f"/proc/{first}/task/{first}/children").read_text().split():
        try:
            ticks += sum(_fields(int(child))[11:13])
        except OSError:  # it has ended meanwhile: it is counted with its parent from now on
            continue
    return ticks / _TICKS_PER_SECOND


def _fields(process: int) -> list[int]:
    text = Path(f"/proc/{process}/stat").read_text("utf-8", "replace").rpartition(")")[2]
    return [int(field) if field.lstrip("-").isdigit() else 0 for field in text.split()]


class Tree:
    """A tree's process, on a database of its own."""

    def __init__(self, folder: Path, cluster: Cluster) -> None:
        self._cluster = cluster
        name = cluster.create(empty=True)
        environment = {**os.environ, "PYTHONPATH": str(folder), "SOJOURN_DATABASE_URL": cluster.url(name)}
        environment["SOJOURN_KEY_FILE"] = str(cluster.folder / f"{name}.key")
        environment["SOJOURN_REFRESH_SECRET"] = "benchmark-secret-0123456789abcdef0123456789abcdef"
        command = [sys.executable, "-W", "ignore"]
        migrated = [*command, "-m", "sojourn", "migrate"]
        subprocess.run(migrated, cwd=folder, env=environment, check=True, capture_output=True, timeout=300)
        self._process = subprocess.Popen(
            [*command, str(SERVED)],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._line()

    def turn(self, operation: str, number: int, *, callers: int) -> Cost:
        """Serve so many requests."""
        assert self._process.stdin is not None
        before = server_cpu_seconds(self._cluster)
        self._process.stdin.write(f"{operation} {number} {callers}\n")
        self._process.stdin.flush()
        clock, process = json.loads(self._line())
        return Cost(clock, process, (server_cpu_seconds(self._cluster) - before) / number * 1e6)

    def stop(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"a process that serves ended with {self._process.wait()}")
        return line


@contextmanager
def trees(before: Path, cluster: Cluster) -> Iterator[Mapping[str, Tree]]:
    """The processes of an older tree and of this one."""
    found = {"before": Tree(before, cluster), "now": Tree(ROOT, cluster)}
    try:
        yield found
    finally:
        for tree in found.values():
            tree.stop()


def compare(before: Path, cluster: Cluster, *, rounds: int) -> str:
    """The medians of both, and the ratios within a round."""
    lines = [
        "| operation | callers | before, µs | now, µs | ratio (lowest to highest) | process CPU before | now"
        " | server CPU before | now |",
        "| --- |" + " ---: |" * 8,
    ]
    kinds = [(operation, callers) for operation in ("active", "create") for callers in (1, 16)]
    costs: dict[tuple[str, int], dict[str, list[Cost]]] = {kind: {"before": [], "now": []} for kind in kinds}
    with trees(before, cluster) as both:
        for number in range(rounds + 1):
            for operation, callers in kinds:
                for name in sorted(both, reverse=bool(number % 2)):
                    cost = both[name].turn(operation, 150 if callers == 1 else 800, callers=callers)
                    if number:  # the first is for the caches
                        costs[operation, callers][name].append(cost)
    for (operation, callers), found in costs.items():
        ratios = [old.clock / new.clock for old, new in zip(found["before"], found["now"], strict=True)]
        old, new = (
            Cost._make(statistics.median(column) for column in zip(*found[name], strict=True))
            for name in ("before", "now")
        )
        lines.append(
            f"| {operation} | {callers} | {old.clock:,.0f} | {new.clock:,.0f} |"
            f" {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) | {old.process:,.0f} |"
            f" {new.process:,.0f} | {old.server:,.0f} | {new.server:,.0f} |"
        )
    return "\n".join(lines)
