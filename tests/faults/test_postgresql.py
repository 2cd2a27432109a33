"""What can happen to a PostgreSQL server and on the way to it."""

import asyncio
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest

from tests.faults.clients import Held, RecordingClient
from tests.faults.clusters import Server
from tests.faults.conftest import Experiment
from tests.faults.disks import fill_for, small_disk
from tests.faults.history import History
from tests.faults.services import Service

Serve = Callable[..., Service]


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_the_server_is_restarted(serve: Serve, postgresql: Server, url: str, experiment: Experiment, mode: str) -> None:
    service = serve(url)

    experiment(f"PostgreSQL restarted ({mode})", service, lambda: postgresql.restart(mode))


def test_workers_that_start_while_the_server_is_gone_wait_for_it(
    serve: Serve, postgresql: Server, url: str, experiment: Experiment
) -> None:
    """Both are killed while PostgreSQL is stopped: their successors live, refuse, and recover with it."""
    service = serve(url)

    def kill_without_server() -> None:
        postgresql.stop_fast()
        try:
            service.kill_workers()
            assert status_of(service, "/health/ready") == 503
        finally:
            postgresql.start_again()

    verdict = experiment("all workers killed while PostgreSQL is stopped", service, kill_without_server)
    assert verdict.refused > 0


def test_the_server_stands_still(serve: Serve, postgresql: Server, url: str, experiment: Experiment) -> None:
    """SIGSTOP to all of its processes for five seconds: who waits is served or refused, and nobody hangs on."""
    service = serve(url)

    def stand_still() -> None:
        postgresql.send(signal.SIGSTOP)
        time.sleep(5)
        assert seconds_for(service, "/health/live") < 1
        postgresql.send(signal.SIGCONT)

    experiment("PostgreSQL stopped for 5 s (SIGSTOP, SIGCONT)", service, stand_still)


@pytest.mark.parametrize("workers", [1, 2])
def test_the_service_ends_although_the_server_stands_still(
    serve: Serve, postgresql: Server, url: str, workers: int
) -> None:
    """SIGTERM while a request waits for PostgreSQL: it is refused, and nobody waits for a farewell."""
    service = serve(url, workers, SOJOURN_SHUTDOWN_TIMEOUT="1s")
    history = History()
    client = RecordingClient(service.port, "acme", "usr_abc123", history)
    postgresql.send(signal.SIGSTOP)
    try:
        waiting = threading.Thread(target=client.create)
        waiting.start()
        time.sleep(0.5)
        service.process.terminate()
        assert service.process.wait(60) == 0
        waiting.join()
    finally:
        postgresql.send(signal.SIGCONT)
    client.close()

    [call] = history.calls
    assert (call.status, call.problem) == (503, True)


def test_the_pool_is_exhausted(
    serve: Serve, postgresql: Server, database: str, url: str, experiment: Experiment
) -> None:
    """A table is locked from outside and each worker has one connection: who waits for either is refused in time."""
    service = serve(url, SOJOURN_DATABASE_POOL="1", SOJOURN_BUSY_TIMEOUT="1s")
    slowest: list[float] = []

    async def hold() -> None:
        other = await asyncpg.connect(postgresql.url(database, "postgres"))
        async with other.transaction():
            await other.execute("LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE")
            for _ in range(50):
                await asyncio.sleep(0.1)
                slowest.append(await asyncio.to_thread(seconds_for, service, "/health/live"))
        await other.close()

    verdict = experiment("pool exhausted for 5 s", service, lambda: asyncio.run(hold()))
    assert verdict.refused > 0
    print(f"liveness answered within {max(slowest) * 1000:.0f} ms")
    assert max(slowest) < 1


@pytest.mark.parametrize("interrupt", ["pg_cancel_backend", "pg_terminate_backend"])
def test_statements_are_interrupted(
    serve: Serve, postgresql: Server, database: str, url: str, experiment: Experiment, interrupt: str
) -> None:
    """For five seconds whatever runs, most of all a COMMIT, is cancelled or its connection ended."""
    service = serve(url)
    running = (
        f"SELECT {interrupt}(pid) FROM pg_stat_activity"
        f" WHERE datname = '{database}' AND application_name = 'sojourn' AND state = 'active' ORDER BY random() LIMIT 1"
    )

    async def disturb() -> None:
        other = await asyncpg.connect(postgresql.url(database, "postgres"))
        hits, deadline = 0, time.monotonic() + 5
        while time.monotonic() < deadline:
            hits += len(await other.fetch(running))
            await asyncio.sleep(0.005)
        await other.close()
        assert hits > 50, f"only {hits} statements were met"

    experiment(f"statements interrupted ({interrupt})", service, lambda: asyncio.run(disturb()))


def test_the_disk_is_full(
    serve: Serve, postgresql: Server, experiment: Experiment, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """The tables' disk is full for six seconds. (The log has a disk of its own: without it a server cannot run.)"""
    folder = postgresql.folder / "small"
    with small_disk(folder, 48):
        postgresql.own(folder)
        postgresql.command(f"CREATE TABLESPACE small LOCATION '{folder}'")
        name = postgresql.create()
        postgresql.command(f"ALTER DATABASE {name} SET TABLESPACE small")
        service = serve(postgresql.url(name))

        verdict = experiment("disk of PostgreSQL's tables full for 6 s", service, lambda: fill_for(folder, 6))

        assert verdict.refused > 0
        service.stop()
        postgresql.drop(name)
        postgresql.command("DROP TABLESPACE small")


def test_while_the_database_is_gone_nothing_is_valid_and_afterwards_everything_is(
    serve: Serve, postgresql: Server, url: str
) -> None:
    service = serve(url)
    history = History()
    client = RecordingClient(service.port, "acme", "usr_abc123", history)
    held = client.create()
    assert held is not None
    assert told(client, history, held) == {"validate": 200, "check": 200, "introspect": 200, "bearer": 200, "list": 200}

    postgresql.stop_fast()
    try:
        outage = told(client, history, held)
        client.refresh(held)
        client.revoke(held)
        health = [client.ask("GET", f"/health/{name}", {}).status for name in ("live", "ready")]
    finally:
        postgresql.start_again()

    assert set(outage.values()) == {503}
    assert health == [200, 503]
    refused = [call for call in history.calls if call.outcome == "refused"]
    assert [call.problem for call in refused] == [True] * 5
    deadline = time.monotonic() + 60
    while client.check(held) != "active":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert set(told(client, history, held).values()) == {200}
    client.close()


def told(client: RecordingClient, history: History, held: Held) -> dict[str, int]:
    """The status of every way to ask whether a token or a session is good."""
    statuses: dict[str, int] = {}
    for name, ask in (("validate", client.validate), ("check", client.check)):
        ask(held)
        statuses[name] = history.calls[-1].status
    client.list()
    statuses["list"] = history.calls[-1].status
    statuses["introspect"] = client.introspect(held).status
    statuses["bearer"] = client.ask("GET", f"/sessions/{held.id}", {"Authorization": f"Bearer {held.access}"}).status
    return statuses


def status_of(service: Service, path: str) -> int:
    """The status of a GET."""
    client = RecordingClient(service.port, "acme", "usr_abc123", History())
    try:
        return client.ask("GET", path, {}).status
    finally:
        client.close()


def seconds_for(service: Service, path: str) -> float:
    """How long a GET took."""
    started = time.monotonic()
    assert status_of(service, path) == 200
    return time.monotonic() - started
