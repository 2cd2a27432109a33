"""Forked workers share the memory of what was built before, and nothing that has to be each one's own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.live import API_KEY, LiveServer

WORKERS = 3
MEGABYTES = 40
"""What a worker may have that it shares with nobody."""
OTHER_KEY = "another-internal-key-for-the-tests-0123456789"
DRAWN = """
import json, os, random, sys, uuid
from multiprocessing import get_context
from sojourn.app import prepare_app_from_env
from sojourn.authentication.vault import Vault
from sojourn.domain.clock import utc_now
from sojourn.domain.ids import mint, uuid7
from sojourn.observability.tracing import continue_trace, request_id

prepare_app_from_env()
vault, now = Vault(b"x" * 32), utc_now()

def drawn(pipe):
    found = []
    for _ in range(200):
        trace = continue_trace(None)
        found += [request_id(None, now), uuid7(now), mint("usr", now), vault.seal("cursor", b"place")]
        found += [trace.trace_id, trace.span_id, random.random(), str(uuid.uuid4())]
    pipe.send(found)

ends = []
for _ in range(4):
    ours, theirs = get_context("fork").Pipe()
    get_context("fork").Process(target=drawn, args=(theirs,)).start()
    ends.append(ours)
print(json.dumps([one for end in ends for one in end.recv()]))
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """One server, whose key for its callers stands in a file."""
    folder = tmp_path_factory.mktemp("forking")
    keys = folder / "keys"
    keys.write_text(API_KEY)
    keys.chmod(0o600)
    settings = {"SOJOURN_INTERNAL_API_KEYS": "", "SOJOURN_INTERNAL_API_KEYS_FILE": str(keys)}
    server = LiveServer(folder, "--workers", str(WORKERS), **settings)
    yield server
    server.stop()


def asked(server: LiveServer, times: int, *, key: str = API_KEY) -> list[httpx.Response]:
    """The responses to creations, each on a connection of its own: any worker may take it."""
    headers = {"X-API-Key": key, "X-Tenant-ID": "acme"}
    body = {"auth_user_id": "ann", "ip": "192.0.2.1", "user_agent": "Mozilla/5.0 (X11; Linux x86_64)"}
    url = f"{server.url}/internal/session/create"
    return [httpx.post(url, headers=headers, json=body, timeout=60) for _ in range(times)]


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def own_megabytes(process: int) -> int:
    lines = Path(f"/proc/{process}/smaps_rollup").read_text("utf-8").splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) // 1024


def test_no_two_forked_processes_draw_the_same(tmp_path: Path) -> None:
    settings = {"SOJOURN_DATABASE_URL": f"sqlite:///{tmp_path}/x.db", "SOJOURN_INTERNAL_API_KEYS": API_KEY}
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", DRAWN],
        env={**os.environ, **settings},
        capture_output=True,
        check=True,
        timeout=120,
    )
    drawn = json.loads(run.stdout)

    assert len(set(drawn)) == len(drawn) == 4 * 200 * 8


def test_workers_are_forked_and_answer_with_ids_of_their_own(server: LiveServer) -> None:
    assert {Path(f"/proc/{worker}/cmdline").read_bytes() for worker in server.workers()} == {
        Path(f"/proc/{server.process.pid}/cmdline").read_bytes()
    }
    answers = asked(server, 60)

    assert {answer.status_code for answer in answers} == {201}
    ids = [answer.headers["X-Request-ID"] for answer in answers]
    assert len(set(ids)) == len(ids)
    assert len({one.rpartition("-")[2] for one in ids}) > 1, "one worker took them all"
    made = [answer.json()["data"] for answer in answers]
    for name in ("access_token", "refresh_token"):
        assert len({one["tokens"][name] for one in made}) == len(made)
    assert len({one["session"]["id"] for one in made}) == len(made)


def test_a_worker_has_little_that_it_shares_with_nobody(server: LiveServer) -> None:
    asked(server, 30)

    own = [own_megabytes(worker) for worker in server.workers()]
    assert len(own) == WORKERS
    assert max(own) <= MEGABYTES, own


def test_a_worker_forked_later_reads_the_keys_as_they_are_then(server: LiveServer) -> None:
    (server.folder / "keys").write_text(OTHER_KEY)
    before = server.workers()
    for worker in before:
        os.kill(worker, signal.SIGKILL)
    until(lambda: len(set(server.workers()) - set(before)) == WORKERS)
    until(lambda: server.log.read_bytes().count(b"Application startup complete") >= 2 * WORKERS)

    assert {answer.status_code for answer in asked(server, 10, key=OTHER_KEY)} == {201}
    assert {answer.status_code for answer in asked(server, 10)} == {401}
