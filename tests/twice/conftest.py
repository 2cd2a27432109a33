"""A server on each engine whose transactions can be made to fail, and what its requests change."""

import json
import shutil
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from sojourn.conformance.wire import Raw
from sojourn.domain.clock import from_text, to_text
from sojourn.domain.ids import session_key, uuid7
from tests import postgres
from tests.faults.disks import no_file_grows
from tests.live import REFRESH_SECRET, LiveServer
from tests.strictness.conftest import Prepared
from tests.strictness.requests import exchange
from tests.twice.changes import TABLES, Contents, changes, contents_of_database, contents_of_file, is_at_work
from tests.twice.interruptions import Interruptions

SETTLE_SECONDS = 0.05
JOB_SECONDS = 60
REFRESHES_A_MINUTE = 20
FILLER_BYTES = 2_000_000
FINGERPRINT = "sha256:a1b2c3d4"
LONG_AGO = "2020-01-01T00:00:00.000Z"
NO_HOUSEKEEPING = (
    "INSERT INTO leases (name, holder, held_until) VALUES ('housekeeping', 'the test', '{until}'),"
    " ('expiry', 'the test', '{until}')"
    " ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, held_until = excluded.held_until"
)
NO_ENDPOINTS = f"UPDATE webhooks SET disabled_at = '{LONG_AGO}' WHERE disabled_at IS NULL"
"""What changes is changed by the requests alone. A lease that ends much later counts as over."""
LEASE = timedelta(seconds=100)
SETTINGS = {
    "SOJOURN_TOUCH_INTERVAL": "10ms",
    "SOJOURN_LOG_FORMAT": "json",
    "SOJOURN_MAX_SESSIONS_PER_USER": "100000",
    "SOJOURN_REFRESH_LIMIT": str(REFRESHES_A_MINUTE),
    "SOJOURN_REFRESH_SECRET": REFRESH_SECRET,
}


class Outcome(NamedTuple):
    """What a request did: its answer (see `shape`), what it changed, and the security events that it was."""

    status: int
    shape: Any
    changes: dict[str, int]
    events: Counter[str]


class Watched(Prepared):
    """A running server, and what its requests change."""

    def __init__(self, server: LiveServer) -> None:
        super().__init__(server)
        self.hold_leases()

    def hold_leases(self) -> None:
        """Take over, for a while, from what the server does by itself: housekeeping, and sending again what failed."""
        until = datetime.now(UTC) + LEASE  # noqa: TID251 - the server reads the clock, too
        self.run_sql(NO_HOUSEKEEPING.format(until=to_text(until)))
        self.run_sql(NO_ENDPOINTS)

    def contents(self) -> Contents:
        """Every row of its database."""
        raise NotImplementedError

    def run_sql(self, statement: str) -> None:
        """Change its database from beside."""
        raise NotImplementedError

    def fresh(self, operation_id: str = "") -> dict[str, Any]:
        """As `Prepared.fresh`; what the operation removes is there."""
        self.hold_leases()
        known = super().fresh(operation_id)
        if operation_id == "reset_token_config":
            self._ask("PUT", "/admin/tokens/config", {"access_expiry": "24h", "refresh_expiry": "168h"})
        elif operation_id in ("set_session_policy", "reset_session_policy"):
            self._ask("PUT", "/admin/policies/sessions", {"max_sessions": {"count": 60}})
            if operation_id == "set_session_policy":  # its row is there, without a rule
                self._ask("PUT", "/admin/policies/sessions", {})
        elif operation_id == "reactivate_session":
            self._ask("POST", f"/admin/sessions/{known['session_id']}/suspend", {})
        elif operation_id == "purge_expired_sessions":
            self.run_sql(long_ended_copy(known["session_id"]))
        elif operation_id.startswith(("untrust_", "remove_trusted_")):
            self._ask("POST", "/trusted-devices", {"device_fingerprint": FINGERPRINT})
            known["device_fingerprint"] = FINGERPRINT
            known["device_id"] = next(
                device["id"]
                for device in self._ask("GET", "/trusted-devices")["items"]
                if device["device_fingerprint"] == FINGERPRINT
            )
        return known

    def settled(self) -> Contents:
        """Every row, once what is written after an answer has been written and no job goes on."""
        seen, ends = self.contents(), time.monotonic() + JOB_SECONDS
        while time.monotonic() < ends:
            time.sleep(SETTLE_SECONDS)
            before, seen = seen, self.contents()
            if before == seen and not is_at_work(seen):
                return seen
        raise AssertionError(f"the rows still change after {JOB_SECONDS} seconds")

    def ask(self, request: Raw) -> Outcome:
        """What a request does."""
        before, known = self.settled(), len(self._events())
        reply = exchange(self.server.port, request)
        after = self.settled()
        answer = shape(reply.json) if reply.body else None
        return Outcome(reply.status, answer, changes(before, after), Counter(self._events()[known:]))

    def _events(self) -> list[str]:
        """The security events so far: their names, and which members say something."""
        lines = (json.loads(line) for line in self.server.log.read_text().splitlines() if line.startswith("{"))
        return [
            " ".join([line["event"], *sorted(name for name, value in line.items() if value is not None)])
            for line in lines
            if line["logger"] == "sojourn.security"
        ]


class OnPostgres(Watched):
    """On PostgreSQL, with triggers that undo transactions."""

    def __init__(self, server: LiveServer, cluster: postgres.Cluster, *, name: str, interrupts: Interruptions) -> None:
        self._cluster, self._name = cluster, name
        self.undisturbed: dict[tuple[str, str], tuple[Outcome, int]] = {}
        super().__init__(server)
        self.interrupts = interrupts

    def contents(self) -> Contents:
        return contents_of_database(self._cluster, self._name)

    def run_sql(self, statement: str) -> None:
        self._cluster.script(statement, self._name)


class OnSqlite(Watched):
    """On SQLite, whose file can be kept from growing."""

    def __init__(self, server: LiveServer) -> None:
        self._path = server.folder / "sojourn.db"
        super().__init__(server)

    def contents(self) -> Contents:
        return contents_of_file(str(self._path))

    def run_sql(self, statement: str) -> None:
        with sqlite3.connect(self._path, timeout=10) as connection:
            connection.execute(statement)
        connection.close()

    @contextmanager
    def always_at_the_end_of_its_log(self) -> Iterator[None]:
        """While somebody reads an old state, the write-ahead log only grows: each commit makes the file longer.

        The file is longer than the server's own log from the start, so that a limit keeps no line of that back.
        """
        with sqlite3.connect(self._path, isolation_level=None) as connection:
            connection.execute("CREATE TABLE filler (bytes BLOB)")
            connection.execute("INSERT INTO filler VALUES (zeroblob(?))", (FILLER_BYTES,))
            connection.execute("BEGIN")
            connection.execute("SELECT count(*) FROM filler").fetchone()
            yield
        connection.close()

    @contextmanager
    def full_disk(self) -> Iterator[None]:
        """No commit succeeds."""
        log = Path(f"{self._path}-wal")
        assert self.server.log.stat().st_size < log.stat().st_size
        with no_file_grows([self.server.process.pid], beyond=log):
            yield


@pytest.fixture(scope="session")
def on_postgres(cluster: postgres.Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnPostgres]:
    name = cluster.create()
    live = LiveServer(tmp_path_factory.mktemp("twice"), SOJOURN_DATABASE_URL=cluster.url(name), **SETTINGS)
    yield OnPostgres(live, cluster, name=name, interrupts=Interruptions(cluster, name))
    assert live.stop() in (0, -signal.SIGTERM)
    cluster.drop(name)


@pytest.fixture(scope="session")
def on_sqlite(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnSqlite]:
    folder = tmp_path_factory.mktemp("twice")
    shutil.copy(migrated_file, folder / "sojourn.db")
    live = LiveServer(folder, **SETTINGS)
    server = OnSqlite(live)
    with server.always_at_the_end_of_its_log():
        yield server
    assert live.stop() in (0, -signal.SIGTERM)


def long_ended_copy(session_id: str) -> str:
    """The statement that adds a copy of a session, begun and ended long ago."""
    instants = dict.fromkeys(("created_at", "last_active_at", "expires_at", "idle_expires_at", "revoked_at"), LONG_AGO)
    replaced = {**instants, "id": uuid7(from_text(LONG_AGO))}
    columns = [column.name for column in TABLES["sessions"].columns]
    values = ", ".join(f"'{replaced[name]}'" if name in replaced else name for name in columns)
    key = session_key(session_id)
    return f"INSERT INTO sessions ({', '.join(columns)}) SELECT {values} FROM sessions WHERE id = '{key}'"


def shape(value: Any) -> Any:
    """What kinds of values stand where: ids and instants differ from answer to answer, and so do lists."""
    if isinstance(value, dict):
        return {name: shape(item) for name, item in value.items()}
    return type(value).__name__
