"""Our own server before the judge: the full profile on both engines, nothing failed and nothing skipped.

`CONFORMANCE_SEED` is a number or `random`, `CONFORMANCE_EXAMPLES` how many cases fuzzing makes for an operation,
`CONFORMANCE_SEEDS` how often the core profile is repeated with another seed. Reports stay in `reports/conformance`.
"""

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests import postgres
from tests.conformance.serving import (
    FIRST,
    RECEIVER_HOST,
    admin_token,
    judge,
    kept_by_administrators,
    put_by_administrators,
    receiver_url,
)
from tests.live import LiveServer

SEED = os.environ.get("CONFORMANCE_SEED", "20260421")
EXAMPLES = os.environ.get("CONFORMANCE_EXAMPLES", "4")
SEEDS = int(os.environ.get("CONFORMANCE_SEEDS", "1"))
REPORTS = Path(os.environ.get("CONFORMANCE_REPORTS", "reports/conformance")).resolve()
BADGE = Path("docs/conformance.svg")
"""What the README shows: the badge of the report on SQLite."""
SETTINGS = {
    "SOJOURN_RESPONSE_VALIDATION": "off",
    "SOJOURN_BODY_TIMEOUT": "2s",
    "SOJOURN_API_KEY_GUESSES": "0",  # generated requests try more wrong keys than an address may
    "SOJOURN_REFRESH_SECRET": "another-secret-of-at-least-thirty-two-bytes",
    "SOJOURN_PUBLIC_URL": "{url}",
    "SOJOURN_WEBHOOK_ALLOW": RECEIVER_HOST,
}
SHORT = {"SOJOURN_IDLE_TIMEOUT": "2s", "SOJOURN_ABSOLUTE_TIMEOUT": "4s"}


@contextmanager
def database(engine: str) -> Iterator[dict[str, str]]:
    """The setting that names an empty database of the engine; none for SQLite, which makes its own."""
    if engine == "sqlite":
        yield {}
        return
    with postgres.cluster() as cluster:
        yield {"SOJOURN_DATABASE_URL": cluster.url(cluster.create())}


@contextmanager
def running(folder: Path, engine: str) -> Iterator[tuple[LiveServer, str]]:
    """A server, and the address of a second one on the same data whose sessions end within seconds."""
    with database(engine) as where:
        server = LiveServer(folder, **SETTINGS, **where)
        (folder / "short").mkdir()
        address = {"SOJOURN_DATABASE_URL": server.environ["SOJOURN_DATABASE_URL"]}
        short = LiveServer(folder / "short", **{**SETTINGS, **SHORT, **address})
        try:
            yield server, short.url
        finally:
            short.stop()
            server.stop()


def run(server: LiveServer, *arguments: str) -> str:
    """What a command of ours prints, run with the server's settings."""
    command = [sys.executable, "-m", "sojourn", *arguments]
    return subprocess.run(command, env=server.environ, capture_output=True, text=True, check=True).stdout.strip()


def credentials(server: LiveServer, manager: str) -> list[str]:
    """The callers that only the full profile needs."""
    limited = run(server, "api-key", "create", "--name", "limited", "--tenant", "elsewhere")
    stranger = run(server, "token", "--tenant", "nowhere", "--user", "root", "--role", "admin", "--ttl", "12h")
    user, ended = admin_token(FIRST, "somebody", role="member"), admin_token(FIRST, seconds=-600)
    more = ["--manage-api-key", manager, "--user-token", user, "--expired-token", ended]
    return ["--limited-api-key", limited, "--stranger-token", stranger, *more]


def errors_of(server: LiveServer) -> list[str]:
    """What the server logged as errors."""
    return [line for line in server.log.read_text().splitlines() if " ERROR " in line or "Traceback" in line]


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_our_server_passes_the_full_profile(engine: str, tmp_path: Path, capsys: Any) -> None:
    seed = SEED if SEED != "random" else str(random.SystemRandom().randrange(2**32))
    if SEED != "random" and engine != "sqlite":
        seed = str(int(SEED) + 1)  # another history on each engine
    with running(tmp_path, engine) as (server, short_lived):
        options = ["--profile", "full", "--seed", seed, "--examples", EXAMPLES, "--short-lived-url", short_lived]
        options += ["--receiver-url", receiver_url()]
        manager = run(server, "api-key", "create", "--name", "manager", "--scope", "manage")
        callers = credentials(server, manager)
        put_by_administrators(server.url)
        before = kept_by_administrators(server.url, manager)
        said = judge(server.url, REPORTS / engine, *options, *callers)
        after = kept_by_administrators(server.url, manager)
    with capsys.disabled():
        print(f"\n{engine}, seed {seed}:\n{(REPORTS / engine / 'summary.md').read_text()}")

    assert said.status == 0, said.output
    assert set(said.verdicts.values()) == {"pass"}
    assert errors_of(server) == []
    assert after == before, "the suite removes what it made and nothing else"
    if engine == "sqlite":
        assert (REPORTS / engine / "badge.svg").read_text() == BADGE.read_text(), f"copy it to {BADGE}"


def test_our_server_passes_whatever_the_seed(tmp_path: Path) -> None:
    with running(tmp_path, "sqlite") as (server, _):
        statuses = {}
        for number in range(SEEDS):
            said = judge(server.url, tmp_path / str(number), "--profile", "core", "--seed", str(number))
            statuses[number] = said.status
            assert said.status == 0, said.output
    assert errors_of(server) == []
