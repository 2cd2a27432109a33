"""Workers that die, that stand still, whose supervisor goes, and what holds for all of them meanwhile."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.faults.clients import RecordingClient
from tests.faults.conftest import Experiment
from tests.faults.history import History
from tests.faults.load import CLIENTS
from tests.faults.services import Service
from tests.live import API_KEY
from tests.workers import each_worker

LIMIT = 3
OTHER_KEY = "another-internal-key-for-the-tests-0123456789"
SECONDS = 60


def test_workers_are_killed(serve: Callable[..., Service], database_url: str, experiment: Experiment) -> None:
    """SIGKILL to one worker after the other; the one that is left serves on, the supervisor replaces the dead."""
    service = serve(database_url)

    def kill_each() -> None:
        for victim in service.workers():
            before = service.starts()
            os.kill(victim, signal.SIGKILL)
            service.wait_for_starts(before + 1)

    experiment("worker killed (SIGKILL)", service, kill_each)


def test_all_workers_are_killed_at_once(
    serve: Callable[..., Service], database_url: str, experiment: Experiment
) -> None:
    """SIGKILL to both: nobody serves until the supervisor has replaced them."""
    service = serve(database_url)

    verdict = experiment("all workers killed (SIGKILL)", service, service.kill_workers)
    assert verdict.unknown > 0


def test_a_worker_stands_still_and_goes_on(
    serve: Callable[..., Service], database_url: str, experiment: Experiment
) -> None:
    """SIGSTOP for three seconds: shorter than the supervisor's patience, so the worker goes on where it stood."""
    service = serve(database_url)
    victim = service.workers()[0]

    def stop_and_continue() -> None:
        os.kill(victim, signal.SIGSTOP)
        time.sleep(3)
        os.kill(victim, signal.SIGCONT)

    experiment("worker stopped 3 s (SIGSTOP, SIGCONT)", service, stop_and_continue)
    assert victim in service.workers()


def test_a_worker_that_stands_still_too_long_is_replaced(
    serve: Callable[..., Service], database_url: str, experiment: Experiment
) -> None:
    """SIGSTOP for good: the supervisor kills it and starts another."""
    service = serve(database_url)
    victim = service.workers()[0]

    def stop() -> None:
        before = service.starts()
        os.kill(victim, signal.SIGSTOP)
        service.wait_for_starts(before + 1)

    experiment("worker stopped for good (SIGSTOP)", service, stop)


def test_the_supervisor_is_killed(serve: Callable[..., Service], database_url: str, experiment: Experiment) -> None:
    """SIGKILL to the supervisor: its workers end in good order, and the service starts again on the same port."""
    service = serve(database_url)

    def kill_and_start() -> None:
        orphans = service.workers()
        service.kill()
        _until(lambda: not any(Path(f"/proc/{orphan}").exists() for orphan in orphans))
        service.restart()

    experiment("supervisor killed (SIGKILL), service started again", service, kill_and_start)


def test_the_service_is_started_anew(serve: Callable[..., Service], database_url: str, experiment: Experiment) -> None:
    """SIGTERM to the supervisor: what was acknowledged stays, and no request that was taken is cut off."""
    service = serve(database_url, SOJOURN_DRAIN_TIME="1s")

    def stop_and_start() -> None:
        assert service.stop() in (0, -signal.SIGTERM)
        service.restart()

    experiment("service stopped (SIGTERM) and started again", service, stop_and_start)


def test_keys_change_under_load(
    serve: Callable[..., Service], database_url: str, experiment: Experiment, tmp_path: Path
) -> None:
    """A signing key is rotated twice. A key of the environment comes and goes by SIGHUP, in every worker."""
    file = tmp_path / "keys"
    file.write_text(API_KEY)
    file.chmod(0o600)
    from_file = {"SOJOURN_INTERNAL_API_KEYS": "", "SOJOURN_INTERNAL_API_KEYS_FILE": str(file)}
    service = serve(database_url, **from_file)
    before = service.workers()
    workers = each_worker(service, len(before))

    def treated() -> set[int]:
        headers = {"X-API-Key": OTHER_KEY, "X-Tenant-ID": "acme"}
        return {worker.ask("GET", "/internal/session/sessions/usr_0/active", headers).status for worker in workers}

    def change() -> None:
        for keys, status in ((f"{API_KEY},{OTHER_KEY}", 200), (API_KEY, 401)):
            command = [sys.executable, "-m", "sojourn", "keys", "rotate", "--now"]
            subprocess.run(command, env=service.environ, check=True, capture_output=True)
            file.write_text(keys)
            service.process.send_signal(signal.SIGHUP)
            _until(lambda status=status: treated() == {status})  # type: ignore[misc]  # a default that binds

    assert treated() == {401}
    verdict = experiment("keys changed in every worker (SIGHUP, keys rotate)", service, change)

    for worker in workers:
        worker.close()
    assert service.workers() == before
    assert (verdict.refused, verdict.unknown) == (0, 0)


def test_a_limit_of_sessions_holds_while_workers_are_killed(serve: Callable[..., Service], database_url: str) -> None:
    """Sign-ins of one user meet in both workers, which are killed twice: never are there more sessions than allowed."""
    service, history = serve(database_url), History()
    policy = {"max_sessions": {"count": LIMIT, "on_limit": "deny"}}
    internal = {"X-API-Key": API_KEY, "X-Tenant-ID": "acme"}
    first = RecordingClient(service.port, "acme", "usr_0", history)
    assert first.create() is not None
    assert first.ask("PUT", "/admin/policies/sessions", first.admin, policy).status == 200
    over = threading.Event()

    def work(_: int) -> list[int]:
        client = RecordingClient(service.port, "acme", "usr_0", history)
        counts, held = [], []
        while not over.is_set():
            made = client.create()
            seen = client.ask("GET", "/internal/session/sessions/usr_0/active", internal)
            counts += [seen.body["session_count"]] if seen.status == 200 else []
            if made is not None:
                held.append(made)
            elif held:
                client.revoke(held.pop())
        client.close()
        return counts

    with ThreadPoolExecutor(CLIENTS) as pool:
        working = [pool.submit(work, number) for number in range(CLIENTS)]
        for _ in range(2):
            time.sleep(2)
            service.kill_workers()
            # Sessions of which no client knows might take all places.
            _until(
                lambda: first.ask("DELETE", "/internal/session/session/user/usr_0", internal).status in range(200, 300)
            )
        time.sleep(2)
        over.set()
        counts = [count for future in working for count in future.result()]
    first.close()

    outcomes = Counter(call.status for call in history.calls if call.action == "create")
    assert set(outcomes) <= {0, 201, 409, 503}
    assert min(outcomes[201], outcomes[409]) > LIMIT
    assert max(counts) == LIMIT
    assert "unexpected error" not in service.log.read_text()
    print(f"{outcomes[201]} sign-ins, {outcomes[409]} denied, {len(counts)} counts of at most {max(counts)} sessions")


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)
