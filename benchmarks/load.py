"""The load generator: `wrk`, one thread on a core of its own."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from benchmarks.callers import API_KEY

CONNECTIONS = 16
_SCRIPT = Path(__file__).parent / "load.lua"


class LoadFailed(Exception):
    """`wrk` did not do its work; the message says why."""


@dataclass(frozen=True, slots=True)
class Load:
    """What was asked and how it was answered. `failed` counts broken connections, `refused` statuses above 399."""

    requests: int
    microseconds: int
    p50_us: int
    p99_us: int
    failed: int
    refused: int

    @property
    def per_second(self) -> float:
        """Answers per second."""
        return self.requests * 1_000_000 / self.microseconds


def run_load(*, port: int, script: str, seed: int, credentials: Path, seconds: int, core: int | None) -> Load:
    """Put load on a server, from one core or from any. Raises LoadFailed."""
    place = [] if core is None else ["taskset", "-c", str(core)]
    command = [
        *place, "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "10s",
        "-s", str(_SCRIPT), f"http://127.0.0.1:{port}", "--", script, str(seed), str(credentials),
    ]  # fmt: skip
    environment = {**os.environ, "BENCHMARK_API_KEY": API_KEY}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=seconds + 60, check=False)
    last = done.stdout.rstrip().rpartition("\n")[2]
    if done.returncode != 0 or not last.startswith("{"):
        raise LoadFailed(f"wrk ended with {done.returncode}: {done.stderr or done.stdout}")
    return Load(**json.loads(last))
