"""Each metric of the catalogue is moved by what it says that it counts. A metric that nobody moves here fails."""

import os
import signal
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Event

import httpx
import pytest

from sojourn.domain.endings import REASON_CODES
from sojourn.observability.metrics import CATALOGUE, REFRESH_OUTCOMES
from tests.live import API_KEY, REFRESH_SECRET
from tests.observability.observed import TRUST, Observed
from tests.postgres import Cluster

SERVICE = {"X-API-Key": API_KEY, "X-Tenant-ID": "acme"}
SESSIONS_PER_USER = 300
ENDED = "sojourn_sessions_ended_total"

_HASTY = """
import datetime, pathlib, sys
import sojourn.app, sojourn.cli
import sojourn.serving.lifespan as lifespan, sojourn.serving.sampling as sampling
import sojourn.storage.upkeep.housekeeping as housekeeping
from sojourn.domain.clock import Reading, read_clocks
from sojourn.serving.clock_watch import WatchedClock

lifespan.HOUSEKEEPING_SECONDS = 1
sampling.ROUNDS_BETWEEN_COUNTS = 1
housekeeping.SETTLED_AFTER = datetime.timedelta(0)

def hands():
    told = read_clocks()
    return Reading(told.wall + (3600 if pathlib.Path("set").exists() else 0), told.steady)

sojourn.app.WatchedClock = lambda: WatchedClock(hands)
sojourn.cli.main()
"""


class Hasty(Observed):
    """Looks after everything once a second; its clock is set while there is a file `set` in its folder."""

    program = (sys.executable, "-W", "ignore", "-c", "import os, sys\nos.chdir(os.environ['FOLDER'])\n" + _HASTY)

    def __init__(self, folder: Path, **settings: str) -> None:
        folder.mkdir(exist_ok=True)
        super().__init__(folder, SOJOURN_REFRESH_SECRET=REFRESH_SECRET, FOLDER=str(folder), **settings)

    def ask(self, method: str, path: str, **options: object) -> httpx.Response:
        headers = options.pop("headers", SERVICE)
        return httpx.request(method, self.url + path, headers=headers, timeout=60, verify=TRUST, **options)  # type: ignore[arg-type]

    def create(self, user: str = "ann") -> dict[str, dict[str, str]]:
        answer = self.ask("POST", "/internal/session/create", json={"auth_user_id": user})
        assert answer.status_code == 201, answer.text
        made: dict[str, dict[str, str]] = answer.json()["data"]
        return made

    @contextmanager
    def rising(self, name: str, **labels: str) -> Iterator[None]:
        """What is done inside makes a sample greater."""
        before = self.value(name, **labels)
        yield
        self.awaits(lambda seen: seen.value(name, **labels) > before)


class Servers:
    """The servers of this file, each started when it is first asked for."""

    def __init__(self, folder: Path, cluster: Callable[[], Cluster]) -> None:
        self.folder = folder
        self.cluster = cluster
        self.database = ""
        self._started: dict[str, Hasty] = {}

    def _start(self, name: str, **settings: str) -> Hasty:
        if name not in self._started:
            limit = str(SESSIONS_PER_USER)
            self._started[name] = Hasty(self.folder / name, SOJOURN_MAX_SESSIONS_PER_USER=limit, **settings)
        return self._started[name]

    @property
    def sqlite(self) -> Hasty:
        return self._start("sqlite", SOJOURN_BUSY_TIMEOUT="60s")

    @property
    def forgetful(self) -> Hasty:
        """Its sessions are over after a second and go after another one."""
        return self._start("forgetful", SOJOURN_IDLE_TIMEOUT="1s", SOJOURN_SESSION_RETENTION="1s")

    @property
    def hooked(self) -> Hasty:
        """It may send to this machine."""
        return self._start("hooked", SOJOURN_WEBHOOK_ALLOW="127.0.0.1")

    @property
    def postgresql(self) -> Hasty:
        if not self.database:
            self.database = self.cluster().create()
        url = self.cluster().url(self.database)
        return self._start(
            "postgresql", SOJOURN_DATABASE_URL=url, SOJOURN_DATABASE_POOL="7", SOJOURN_SESSION_RETENTION="1s"
        )

    def stop(self) -> None:
        for server in self._started.values():
            assert server.stop() in (0, -signal.SIGTERM)
        if self.database:
            self.cluster().drop(self.database)


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Servers]:
    made = Servers(tmp_path_factory.mktemp("servers"), lambda: request.getfixturevalue("cluster"))
    yield made
    made.stop()


def a_build(servers: Servers) -> None:
    servers.sqlite.awaits(lambda seen: seen.value("sojourn_build", version="0.1.0", engine="sqlite") == 1)
    servers.postgresql.awaits(lambda seen: seen.value("sojourn_build", version="0.1.0", engine="postgresql") == 1)


def a_request(servers: Servers) -> None:
    with servers.sqlite.rising("sojourn_requests_total", operation="create_session", status="201"):
        servers.sqlite.create()


def the_duration_of_a_request(servers: Servers) -> None:
    with (
        servers.sqlite.rising("sojourn_request_duration_seconds_sum", operation="create_session"),
        servers.sqlite.rising("sojourn_request_duration_seconds_bucket", operation="create_session", le="+Inf"),
    ):
        servers.sqlite.create()


def a_refusal(servers: Servers) -> None:
    with servers.sqlite.rising("sojourn_refusals_total", problem="authentication_required"):
        servers.sqlite.ask("GET", "/sessions", headers={})


def a_security_event(servers: Servers) -> None:
    with servers.sqlite.rising("sojourn_security_events_total", event="session.created"):
        servers.sqlite.create()


def a_session_that_is_active(servers: Servers) -> None:
    with servers.sqlite.rising("sojourn_sessions_active"):
        servers.sqlite.create()


def a_session_that_begins(servers: Servers) -> None:
    for server in (servers.sqlite, servers.postgresql):
        with server.rising("sojourn_sessions_created_total"):
            server.create()


def a_session_that_ends(servers: Servers) -> None:
    for server in (servers.sqlite, servers.postgresql):
        made = server.create()
        with server.rising("sojourn_sessions_ended_total", reason="revoked_by_service"):
            server.ask("DELETE", f"/internal/session/{made['session']['id']}")


def a_refresh(servers: Servers) -> None:
    for server in (servers.sqlite, servers.postgresql):
        token = {"refresh_token": server.create()["tokens"]["refresh_token"]}
        with server.rising("sojourn_refreshes_total", outcome="rotated"):
            server.ask("POST", "/sessions/refresh", headers={}, json=token)


def a_connection(servers: Servers) -> None:
    with httpx.Client(base_url=servers.sqlite.url) as held, servers.sqlite.rising("sojourn_connections"):
        held.get("/health/live")
        held.get("/health/live")


def again(enough: Event, ask: Callable[[], httpx.Response]) -> set[int]:
    """Ask until it is enough; the statuses. A request that waits for a lock ends with the service's own deadline."""
    statuses = {ask().status_code}
    while not enough.is_set():
        statuses.add(ask().status_code)
    return statuses


@contextmanager
def a_locked_file(server: Hasty) -> Iterator[None]:
    """Another program holds the file's lock, and twenty callers create sessions meanwhile."""
    server.create()
    other = sqlite3.connect(server.folder / "sojourn.db", isolation_level=None, timeout=60)
    enough = Event()
    create = partial(server.ask, "POST", "/internal/session/create", json={"auth_user_id": "bo"})
    with ThreadPoolExecutor(20) as pool:
        other.execute("BEGIN IMMEDIATE")
        creations = [pool.submit(again, enough, create) for _ in range(20)]
        try:
            yield
        finally:
            enough.set()
            other.execute("ROLLBACK")
        assert set().union(*(creation.result() for creation in creations)) <= {201, 503}
    other.close()


def readers_of_events(servers: Servers) -> None:
    server = servers.sqlite
    after = server.ask("GET", "/internal/events", params={"types": "policy.changed"}).json()["next_cursor"]
    asked = {"after": after, "wait": "5s", "types": "policy.changed"}
    enough = Event()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(again, enough, partial(server.ask, "GET", "/internal/events", params=asked))
        try:
            server.awaits(lambda seen: seen.value("sojourn_feed_readers") == 1)
            server.awaits(lambda seen: seen.value("sojourn_feed_age_seconds") > 0)
        finally:
            enough.set()
        assert waiting.result() == {200}
    server.awaits(lambda seen: seen.value("sojourn_feed_readers") == 0)
    server.awaits(lambda seen: seen.value("sojourn_feed_age_seconds") == 0)


def writes_that_wait(servers: Servers) -> None:
    with a_locked_file(servers.sqlite):
        servers.sqlite.awaits(lambda seen: seen.value("sojourn_writes_waiting") >= 10)
    servers.sqlite.awaits(lambda seen: seen.value("sojourn_writes_waiting") == 0)


def work_in_the_database(servers: Servers) -> None:
    with a_locked_file(servers.sqlite):
        servers.sqlite.awaits(lambda seen: seen.value("sojourn_database_work") >= 20)
    servers.sqlite.awaits(lambda seen: seen.value("sojourn_database_work") == 0)


def connections_in_use(servers: Servers) -> None:
    server, name = servers.postgresql, servers.database
    server.create()
    held = "application_name <> 'sojourn' AND query LIKE '%pg_sleep(600)%' AND pid <> pg_backend_pid()"
    with ThreadPoolExecutor(4) as pool:
        lock = "DO $$ BEGIN LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE; PERFORM pg_sleep(600); END $$"
        locked = pool.submit(servers.cluster().command, lock, name)
        look = "SELECT 1 FROM pg_locks WHERE relation = 'sessions'::regclass AND mode = 'AccessExclusiveLock'"
        deadline = time.monotonic() + 60
        while not servers.cluster().command(look + " AND granted", name):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        in_use = "sojourn_database_connections_in_use"
        seen = Event()
        users = "/internal/session/session"
        asked = [  # different statements: those that are alike share a connection
            pool.submit(again, seen, partial(server.ask, method, path, **options))
            for method, path, options in (
                ("POST", "/internal/session/create", {"json": {"auth_user_id": "bo"}}),
                ("GET", f"{users}s/bo", {}),
                ("DELETE", f"{users}/user/cy", {}),
            )
        ]
        try:
            server.awaits(lambda read: read.value(in_use) >= 3)
        finally:
            seen.set()
        servers.cluster().command(f"SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE {held}", name)
        assert locked.exception() is not None
        assert set().union(*(one.result() for one in asked)) <= {200, 201, 503}


def the_size_of_the_pool(servers: Servers) -> None:
    servers.postgresql.awaits(lambda seen: seen.value("sojourn_database_connections_max") == 7)
    servers.sqlite.awaits(lambda seen: ("sojourn_database_connections_max", frozenset()) in seen.read())
    assert servers.sqlite.value("sojourn_database_connections_max") == 0


def the_delay_of_the_loop(servers: Servers) -> None:
    with servers.sqlite.rising("sojourn_event_loop_delay_seconds_count"):
        pass


def log_lines_that_nobody_reads(servers: Servers) -> None:
    folder = servers.folder / "unread"
    folder.mkdir()
    os.mkfifo(folder / "server.log")
    end = os.open(folder / "server.log", os.O_RDONLY | os.O_NONBLOCK)
    server = Observed(folder, SOJOURN_LOG_FORMAT="json")
    with httpx.Client(base_url=server.url, timeout=60) as client:
        for _ in range(6_000):
            client.get("/health/live")
    deadline = time.monotonic() + 60
    while server.value("sojourn_log_lines_dropped_total", kind="access") < 100:
        assert time.monotonic() < deadline
        try:
            os.read(end, 1 << 20)
        except BlockingIOError:
            time.sleep(0.01)
    server.stop()
    os.close(end)


def _webhook_to_nobody(server: "Hasty") -> None:
    """An endpoint where nothing listens, and an event for it."""
    body = {"url": "http://127.0.0.1:1/", "events": ["session.created"]}
    made = server.ask("POST", "/admin/webhooks", headers=server.bearer("root", "admin"), json=body)
    assert made.status_code == 201, made.text
    server.create("dot")


def an_attempt_to_deliver(servers: Servers) -> None:
    servers.hooked.create("cy")
    with servers.hooked.rising("sojourn_webhook_attempts_total", outcome="unreachable"):
        _webhook_to_nobody(servers.hooked)


def an_event_that_waits_for_its_endpoint(servers: Servers) -> None:
    servers.hooked.create("cy")
    with servers.hooked.rising("sojourn_webhook_backlog"):
        _webhook_to_nobody(servers.hooked)


def a_clock_that_is_set(servers: Servers) -> None:
    server = Hasty(servers.folder / "set")
    with server.rising("sojourn_clock_steps_total"):
        (server.folder / "set").touch()
    server.stop()


def a_round_of_housekeeping(servers: Servers) -> None:
    with servers.forgetful.rising("sojourn_housekeeping_rounds_total"):
        pass
    servers.forgetful.awaits(lambda seen: seen.value("sojourn_housekeeping_rounds_total") >= 2)
    servers.forgetful.awaits(lambda seen: seen.value("sojourn_housekeeping_overdue_seconds") == 0)


def when_the_last_round_was(servers: Servers) -> None:
    with servers.forgetful.rising("sojourn_housekeeping_last_round_timestamp_seconds"):
        pass
    assert 0 <= time.time() - servers.forgetful.value("sojourn_housekeeping_last_round_timestamp_seconds") < 600


def an_expiry_that_is_settled(servers: Servers) -> None:
    server = servers.forgetful
    with (
        server.rising("sojourn_housekeeping_settled_total"),
        server.rising("sojourn_sessions_ended_total", reason="idle_timeout"),
    ):
        server.create()


def a_session_that_is_purged(servers: Servers) -> None:
    with servers.forgetful.rising("sojourn_housekeeping_purged_total"):
        servers.forgetful.create()


def a_session_that_is_kept_too_long(servers: Servers) -> None:
    """On PostgreSQL a session stays until its whole week may go."""
    server = servers.postgresql
    made = server.create("old")
    server.ask("DELETE", f"/internal/session/{made['session']['id']}")
    with server.rising("sojourn_housekeeping_overdue_seconds"):
        long_ago = "UPDATE sessions SET revoked_at = now() - interval '2 days' WHERE user_id = 'old'"
        servers.cluster().command(long_ago, servers.database)


MOVERS: dict[str, Callable[[Servers], None]] = {
    "sojourn_build": a_build,
    "sojourn_requests": a_request,
    "sojourn_request_duration_seconds": the_duration_of_a_request,
    "sojourn_refusals": a_refusal,
    "sojourn_security_events": a_security_event,
    "sojourn_sessions_active": a_session_that_is_active,
    "sojourn_sessions_created": a_session_that_begins,
    "sojourn_sessions_ended": a_session_that_ends,
    "sojourn_refreshes": a_refresh,
    "sojourn_connections": a_connection,
    "sojourn_writes_waiting": writes_that_wait,
    "sojourn_feed_readers": readers_of_events,
    "sojourn_feed_age_seconds": readers_of_events,
    "sojourn_database_work": work_in_the_database,
    "sojourn_database_connections_in_use": connections_in_use,
    "sojourn_database_connections_max": the_size_of_the_pool,
    "sojourn_event_loop_delay_seconds": the_delay_of_the_loop,
    "sojourn_log_lines_dropped": log_lines_that_nobody_reads,
    "sojourn_webhook_attempts": an_attempt_to_deliver,
    "sojourn_webhook_backlog": an_event_that_waits_for_its_endpoint,
    "sojourn_clock_steps": a_clock_that_is_set,
    "sojourn_housekeeping_rounds": a_round_of_housekeeping,
    "sojourn_housekeeping_settled": an_expiry_that_is_settled,
    "sojourn_housekeeping_purged": a_session_that_is_purged,
    "sojourn_housekeeping_overdue_seconds": a_session_that_is_kept_too_long,
    "sojourn_housekeeping_last_round_timestamp_seconds": when_the_last_round_was,
}


@pytest.mark.parametrize("name", CATALOGUE)
def test_each_metric_is_moved_by_what_it_counts(name: str, servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    assert name in MOVERS, "a metric that no test moves"
    read: set[str] = set()
    value = Observed.value
    monkeypatch.setattr(
        Observed, "value", lambda server, sample, **labels: (read.add(sample), value(server, sample, **labels))[1]
    )

    MOVERS[name](servers)

    assert any(sample.startswith(name) for sample in read), "the mover never looked at the metric"


def test_each_end_is_counted_once_under_its_reason(servers: Servers) -> None:
    server, admin = servers.sqlite, servers.sqlite.bearer("root", "admin")

    def ends() -> Counter[str]:
        found = {dict(labels)["reason"]: value for (name, labels), value in server.read().items() if name == ENDED}
        assert found.keys() <= set(REASON_CODES)
        return Counter({reason: int(value) for reason, value in found.items()})

    def one(reason: str, end: Callable[[dict[str, dict[str, str]]], object], *, times: int = 1) -> None:
        before = ends()
        for _ in range(2):  # to end what has ended counts for nothing
            end(made := server.create("cy"))
            end(made)
        assert ends() - before == Counter({reason: 2 * times})

    def by_id(path: str, **options: object) -> Callable[[dict[str, dict[str, str]]], object]:
        return lambda made: server.ask("DELETE", path + made["session"]["id"], **options)

    def signed_out(made: dict[str, dict[str, str]]) -> object:
        own = {"Authorization": f"Bearer {made['tokens']['access_token']}"}
        return server.ask("DELETE", f"/sessions/{made['session']['id']}", headers=own)

    def in_bulk(made: dict[str, dict[str, str]]) -> object:
        return server.ask(
            "POST", "/admin/sessions/bulk-revoke", headers=admin, json={"session_ids": [made["session"]["id"]]}
        )

    def reused(made: dict[str, dict[str, str]]) -> object:
        spent = {"refresh_token": made["tokens"]["refresh_token"]}
        for _ in range(2):
            following = server.ask("POST", "/sessions/refresh", headers={}, json=spent)
            if following.status_code == 200:
                token = {"refresh_token": following.json()["refresh_token"]}
                server.ask("POST", "/sessions/refresh", headers={}, json=token)
        return server.ask("POST", "/sessions/refresh", headers={}, json=spent)

    one("signed_out", signed_out)
    one("revoked_by_user", by_id("/sessions/", headers=server.bearer("cy")))
    one("revoked_by_admin", by_id("/sessions/", headers=admin))
    one("revoked_by_service", by_id("/internal/session/"))
    one("revoked_by_service", lambda _: server.ask("DELETE", "/internal/session/session/user/cy"))
    one("revoked_by_admin", lambda _: server.ask("DELETE", "/admin/sessions/user/cy", headers=admin))
    one("bulk", in_bulk)
    one("refresh_token_reuse", reused)
    one("erased", lambda _: server.ask("POST", "/internal/session/erase-user-data", json={"user_id": "cy"}))


def test_each_outcome_of_a_refresh_is_counted(servers: Servers) -> None:
    server = servers.sqlite
    before = {outcome: server.value("sojourn_refreshes_total", outcome=outcome) for outcome in REFRESH_OUTCOMES}
    first = {"refresh_token": server.create("di")["tokens"]["refresh_token"]}

    def refresh(token: dict[str, str], path: str = "/sessions/refresh") -> httpx.Response:
        return server.ask("POST", path, headers={}, json=token)

    second = {"refresh_token": refresh(first).json()["refresh_token"]}
    assert refresh(first).json()["refresh_token"] == second["refresh_token"]
    assert refresh(second, "/sessions/rotate-access").status_code == 200
    assert refresh(second).status_code == 200
    assert refresh(first).status_code == 401

    after = {outcome: server.value("sojourn_refreshes_total", outcome=outcome) for outcome in REFRESH_OUTCOMES}
    assert {outcome: after[outcome] - before[outcome] for outcome in after} == {
        "rotated": 2,
        "repeated": 1,
        "access_token": 1,
        "reused": 1,
    }


def test_what_is_undone_is_not_counted(servers: Servers) -> None:
    server = servers.sqlite
    before = server.value("sojourn_sessions_created_total"), server.value("sojourn_sessions_ended_total", reason="bulk")

    refused = server.ask("POST", "/internal/session/create", json={"auth_user_id": ""})

    assert refused.status_code == 400
    after = server.value("sojourn_sessions_created_total"), server.value("sojourn_sessions_ended_total", reason="bulk")
    assert after == before
