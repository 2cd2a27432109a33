"""The unit of work and the writer: durable before it is acknowledged, and nobody's failure is another's."""

import asyncio
import json
import re
import signal
import sqlite3
import subprocess
import sys
import time
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any, get_args

import pytest
from sqlalchemy import create_engine, event
from sqlalchemy.sql.dml import UpdateBase

from sojourn.domain.errors import DomainError, SessionNotFound, Unavailable
from sojourn.domain.sessions import Status
from sojourn.storage.engines import open_database
from sojourn.storage.queries import (
    api_keys,
    feed,
    procedures,
    session_devices,
    session_limit,
    session_policies,
    sessions,
    statistics,
    status_lists,
    tenants,
    trusted_devices,
    users,
)
from sojourn.storage.queries.session_rows import NewSession, SessionRow
from sojourn.storage.queries.session_search import Sort, Way, compiled, count_of_user
from sojourn.storage.sqlite.functions import add_functions
from sojourn.storage.sqlite.writer import Writer
from sojourn.storage.statements import SQLITE, Many, Statement
from sojourn.storage.touches import Touches
from sojourn.storage.unit_of_work import UnitOfWork
from tests.conftest import on_sqlite
from tests.storage.conftest import ACME, T0, T1, Store, new_session

STATEMENTS = {
    f"{module.__name__}.{name}": value
    for module in (api_keys, sessions, statistics, tenants, trusted_devices, users)
    for name, value in vars(module).items()
    if isinstance(value, Statement)
} | {
    f"search by {way} in the order {sort}, {begun=}, {part}": statement
    for way in get_args(Way)
    for sort in get_args(Sort)
    for begun in (False, True)
    for part, statement in compiled(frozenset({"app_id"}), way, sort=sort, begun=begun)._asdict().items()
    if isinstance(statement, Statement)
}
PARAMETERS_OF_STANDING = re.findall(r":(\w+)", procedures.STANDING.text(SQLITE))
WITHOUT_TENANT = (
    {
        f"sojourn.storage.queries.api_keys.{name}"
        for name in ("ADD", "AFTER", "FIND", "ALL", "NOTE_USE", "REVOKE", "ROTATE")
    }
    | {
        "sojourn.storage.queries.tenants.ADD",
        "sojourn.storage.queries.tenants.AFTER",
        "sojourn.storage.queries.tenants.FIND",
        "sojourn.storage.queries.tenants.ALL",
        "sojourn.storage.queries.tenants.ANY",
        "sojourn.storage.queries.tenants.COUNT",
    }
    | {f"sojourn.storage.queries.status_lists.{name}" for name in ("TAKE", "MAKE", "FIND", "GET", "ALL", "RETIRE")}
)


class Remembered(DomainError):
    """A refusal whose traces are kept."""

    persist = True


@pytest.mark.parametrize("name", STATEMENTS)
def test_every_statement_names_the_tenant(name: str) -> None:
    assert bool(re.search(r":tenant\b", STATEMENTS[name].text(SQLITE))) != (name in WITHOUT_TENANT)


def test_a_job_that_is_refused_takes_nothing_of_its_neighbours_with_it(store: Store) -> None:
    kept, lost, remembered = new_session(), new_session(), new_session()

    async def write(session: NewSession, error: Exception | None) -> None:
        async def work(unit: UnitOfWork) -> None:
            await sessions.add(unit, session)
            if error is not None:
                raise error

        await store.database.write(ACME, work)

    async def all_at_once() -> list[BaseException | None]:
        return await asyncio.gather(
            write(kept, None), write(lost, SessionNotFound()), write(remembered, Remembered()), return_exceptions=True
        )

    outcomes = store.run(all_at_once())

    assert [type(outcome) for outcome in outcomes] == [type(None), SessionNotFound, Remembered]
    assert store.read(lambda unit: sessions.get(unit, lost.id)) is None
    for session in (kept, remembered):
        assert store.read(lambda unit, key=session.id: sessions.get(unit, key)) is not None


@on_sqlite
def test_writes_that_wait_together_are_committed_together(store: Store) -> None:
    async def many() -> None:
        await asyncio.gather(
            *(store.database.write(ACME, lambda unit: sessions.add(unit, new_session())) for _ in range(100))
        )

    commits = count_commits(store, many)

    assert store.read(lambda unit: sessions.count_active_of_user(unit, "ann", now=T0)) == 100
    assert commits < 10


def count_commits(store: Store, work) -> int:  # type: ignore[no-untyped-def]
    seen: list[str] = []
    store.database._writer._connection.set_trace_callback(seen.append)
    store.run(work())
    return sum(text == "COMMIT" for text in seen)


def test_a_caller_that_gives_up_does_not_break_the_group(store: Store) -> None:
    async def cancel_one() -> None:
        session = new_session()
        doomed = asyncio.ensure_future(store.database.write(ACME, lambda unit: sessions.add(unit, session)))
        other = asyncio.ensure_future(store.database.write(ACME, lambda unit: sessions.add(unit, new_session())))
        await asyncio.sleep(0)
        doomed.cancel()
        await other

    store.run(cancel_one())

    assert store.read(lambda unit: sessions.count_active_of_user(unit, "ann", now=T0)) >= 1


def test_a_write_waits_for_another_process_and_then_gives_up(tmp_path: Path) -> None:
    async def try_it() -> float:
        database = await open_database(f"sqlite:///{tmp_path}/x.db", timedelta(milliseconds=200))
        other = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        started = time.monotonic()
        with pytest.raises(Unavailable):
            await database.write(ACME, lambda unit: tenants.ensure(unit, T0))
        waited = time.monotonic() - started
        other.execute("ROLLBACK")
        await database.write(ACME, lambda unit: tenants.ensure(unit, T0))
        await database.close()
        other.close()
        return waited

    assert 0.15 < asyncio.run(try_it()) < 5


class FailingConnection(sqlite3.Connection):
    """A connection whose disk fails at COMMIT, and at the ROLLBACK after it, while `broken`."""

    broken = False

    def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:  # type: ignore[override]
        if self.broken and sql in ("COMMIT", "ROLLBACK"):
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR
            raise error
        return super().execute(sql, *parameters)


@on_sqlite
def test_a_failed_commit_is_told_to_everyone_and_the_writer_lives_on(store: Store) -> None:
    connection = sqlite3.connect(store.path, isolation_level=None, check_same_thread=False, factory=FailingConnection)

    async def write(writer: Writer) -> SessionRow:
        return await writer.submit(
            lambda runner: sessions.add(UnitOfWork(runner, ACME, touches=Touches()), new_session())
        )

    async def fail_then_recover() -> tuple[list[Any], SessionRow]:
        writer = Writer(connection, 0.1)
        connection.broken = True
        lost = await asyncio.gather(write(writer), write(writer), return_exceptions=True)
        lost += await asyncio.gather(write(writer), return_exceptions=True)
        connection.broken = False
        await asyncio.gather(write(writer), return_exceptions=True)
        kept = await write(writer)
        await writer.close()
        return lost, kept

    lost, kept = store.run(fail_then_recover())

    assert all(isinstance(outcome, Unavailable | sqlite3.OperationalError) for outcome in lost)
    assert [type(outcome) for outcome in lost[:2]] == [Unavailable, Unavailable]
    assert store.read(lambda unit: sessions.get(unit, kept.id)) == kept
    assert store.read(lambda unit: sessions.count_active_of_user(unit, "ann", now=T0)) == 1


@on_sqlite
def test_the_reader_cannot_write(store: Store) -> None:
    with pytest.raises(sqlite3.OperationalError):
        store.read(lambda unit: tenants.ensure(unit, T0))


@on_sqlite
def test_compiled_statements_answer_as_sqlalchemy_does(store: Store) -> None:
    """Both ways read the same rows: what the tables describe is what the driver runs."""
    session = store.add(new_session(amr="pwd", ip="::1"))
    engine = create_engine(f"sqlite:///{store.path}")
    event.listen(engine, "connect", lambda connection, _: add_functions(connection))
    cases = [
        (sessions.GET, {"tenant": "acme", "id": session.id}),
        (sessions.COUNT_ACTIVE_OF_USER, {"tenant": "acme", "user_id": "ann", "now": T0}),
        (sessions.LIST_ACTIVE_OF_USER, {"tenant": "acme", "user_id": "ann", "now": T0, "limit": 9, "offset": 0}),
        (sessions.LIST_ACTIVE_WITH_USERS, {"tenant": "acme", "now": T0, "limit": 9, "after": "~"}),
        (statistics.NUMBERS, {"tenant": "acme", "now": T0}),
        (trusted_devices.LIST_TRUSTED, {"tenant": "noise", "user_id": "ann", "now": T0, "limit": 9, "offset": 0}),
    ]
    with engine.connect() as connection:
        for statement, parameters in cases:
            assert not isinstance(statement.clause, UpdateBase)
            rows = connection.execute(statement.clause, parameters).fetchall()  # type: ignore[call-overload]
            plain = sqlite3.connect(store.path)
            add_functions(plain)
            compiled = plain.execute(statement.text(SQLITE), parameters).fetchall()
            assert [tuple(row) for row in rows] == compiled != []
    engine.dispose()


@on_sqlite
@pytest.mark.parametrize(
    ("statement", "parameters", "index"),
    [
        (sessions.GET, {"id": "x"}, "USING PRIMARY KEY"),
        (sessions.COUNT_ACTIVE_OF_USER, {"user_id": "u", "now": T0}, "COVERING INDEX ix_sessions_open"),
        (sessions.COUNT_ACTIVE_OF_USERS, {"users": Many(["u", "v"]), "now": T0}, "COVERING INDEX ix_sessions_open"),
        (sessions.ACTIVE_AMONG, {"keys": Many(["x", "y"]), "now": T0}, "USING PRIMARY KEY"),
        (
            session_devices.BY_DEVICE,
            {"user_id": "u", "now": T0, "current": "x", "limit": 1, "window": 9},
            "ix_sessions_user",
        ),
        (sessions.LIST_ACTIVE_OF_USER, {"user_id": "u", "now": T0, "limit": 1, "offset": 0}, "ix_sessions_open"),
        (session_limit.IDLEST, {"user_id": "u", "now": T0, "limit": 1}, "ix_sessions_open"),
        (session_policies.ROOM_OF_USER, {"user_id": "u", "now": T0, "most": 1}, "COVERING INDEX ix_sessions_open"),
        (session_policies.ROOM_IN_APP, {"user_id": "u", "now": T0, "most": 1, "app_id": "a"}, "ix_sessions_open"),
        (session_policies.OPEN_OF_USER, {"user_id": "u", "now": T0}, "ix_sessions_open"),
        (count_of_user("active"), {"user_id": "u", "now": T0}, "COVERING INDEX ix_sessions_open"),
        (procedures.STANDING, dict.fromkeys(PARAMETERS_OF_STANDING, "x"), "COVERING INDEX ix_sessions_open"),
        (statistics.NUMBERS, {"now": T0}, "ix_sessions_due"),
        (trusted_devices.LIST_TRUSTED, {"user_id": "u", "now": T0, "limit": 1, "offset": 0}, "ix_trusted_devices_user"),
    ],
)
def test_hot_statements_use_their_index(store: Store, statement: Statement, parameters: object, index: str) -> None:
    assert isinstance(parameters, dict)
    connection = sqlite3.connect(store.path)
    add_functions(connection)
    plan = connection.execute(
        f"EXPLAIN QUERY PLAN {statement.text(SQLITE)}", {"tenant": "acme", **parameters}
    ).fetchall()
    connection.close()

    assert any(index in step[3] for step in plan), plan
    assert not any("SCAN sessions" in step[3] for step in plan), plan


@on_sqlite
@pytest.mark.parametrize(
    ("statement", "index"),
    [
        (feed.READ, "events_"),
        (feed.READ_ALL, "ux_events_number"),
        (feed.LIVE, "ix_events_kept"),
        (feed.LIVE_OF_ALL, "ix_events_kept"),
        (feed.NEXT, "ux_events_number"),
        (feed.FIRST_SINCE, "ux_events_number"),
        (feed.ENDS, "ux_events_number"),
        (feed.OLDEST, "ux_events_number"),
        (status_lists.REFUSED, "ix_events_kept"),
        (status_lists.FIND, "ux_status_lists_of"),
        (status_lists.GET, "sqlite_autoindex_status_lists"),
    ],
)
def test_readers_of_events_go_by_an_index_of_events(store: Store, statement: Statement, index: str) -> None:
    text = statement.text(SQLITE)
    parameters = dict.fromkeys(re.findall(r":(\w+)", text), 1)
    connection = sqlite3.connect(store.path)
    add_functions(connection)
    plan = connection.execute(f"EXPLAIN QUERY PLAN {text}", parameters).fetchall()
    connection.close()

    assert any(index in step[3] for step in plan), plan
    assert [step[3] for step in plan if step[3] == "SCAN events"] == []


@on_sqlite
@pytest.mark.parametrize("status", [None, "active", "revoked", "expired"])
def test_a_tenants_lists_are_read_in_order_and_never_sorted(store: Store, status: Status | None) -> None:
    names = frozenset(() if status is None else (f"status={status}",))
    page = compiled(names, "revoked" if status == "revoked" else "all", begun=False).rows
    connection = sqlite3.connect(store.path)
    add_functions(connection)
    parameters = {"tenant": "acme", "now": T0, "limit": 1, "offset": 0, "window": 9, "after": "~"}
    plans = [
        connection.execute(f"EXPLAIN QUERY PLAN {statement.text(SQLITE)}", parameters).fetchall()
        for statement in (page, sessions.LIST_ACTIVE_WITH_USERS)
    ]
    connection.close()

    for plan in plans:
        assert not any("TEMP B-TREE" in step[3] for step in plan), plan
        assert any("SEARCH sessions" in step[3] for step in plan), plan


WAYS: dict[Way, str] = {
    "user": "USING INDEX ix_sessions_user (tenant_id=? AND user_id=?",
    "device": "USING INDEX ix_sessions_device (tenant_id=? AND device_id=?",
    "revoked": "USING INDEX ix_sessions_revoked (tenant_id=?",
    "few": "USING INDEX ix_sessions_due (tenant_id=?",
    "suspended": "USING INDEX ix_sessions_due (tenant_id=?",
    "all": "USING PRIMARY KEY (tenant_id=?",
}


@on_sqlite
@pytest.mark.parametrize("way", get_args(Way))
def test_every_search_goes_by_the_index_of_its_way_and_sorts_no_more_than_a_window(store: Store, way: Way) -> None:
    connection = sqlite3.connect(store.path)
    add_functions(connection)
    values = dict.fromkeys(["tenant", "now", "limit", "offset", "window", "place", "seen_at", "newest", "oldest"], 1)
    values |= dict.fromkeys(["app_id", "ip", "user_id", "device_id", "created_from", "created_after"], 1)
    for sort, names in product(get_args(Sort), ({"app_id", "ip"}, {"device_id", "status=suspended"})):
        for begun in (False, True):
            search = compiled(frozenset({*names, "created_after"}), way, sort=sort, begun=begun)
            for statement in (search.rows, search.numbers, search.end):
                if statement is search.end and way in ("device", "few", "suspended"):
                    continue  # all of their rows are looked at, so nobody asks where a window ends
                text = statement.text(SQLITE)
                plan = [step[3] for step in connection.execute(f"EXPLAIN QUERY PLAN {text}", values)]
                plan = [step for step in plan if not step.endswith("(tenant_id=? AND id=?) LEFT-JOIN")]  # of the page
                assert [
                    step for step in plan if "sessions" in step and WAYS[way] not in step.replace("COVERING ", "")
                ] == []
                sorts = any("TEMP B-TREE" in step for step in plan)
                assert not sorts or way in ("device", "few", "suspended") or sort == "-last_active_at", plan
    connection.close()


@on_sqlite
def test_where_few_sessions_of_a_tenant_are_active_their_own_index_finds_them(store: Store) -> None:
    few = compiled(frozenset({"status=active"}), "few", begun=False).rows
    connection = sqlite3.connect(store.path)
    add_functions(connection)
    parameters = {"tenant": "acme", "now": T0, "limit": 1, "offset": 0, "window": 9, "after": "~"}
    for statement in (few, sessions.LIST_FEW_ACTIVE_WITH_USERS):
        plan = connection.execute(f"EXPLAIN QUERY PLAN {statement.text(SQLITE)}", parameters).fetchall()
        assert any("ix_sessions_due" in step[3] for step in plan), plan
    connection.close()


def test_a_tenant_is_made_once(store: Store) -> None:
    async def add() -> list[bool]:
        return [
            await store.database.write_system(lambda unit: tenants.add(unit, "new", name="New", now=T1)),
            await store.database.write_system(lambda unit: tenants.add(unit, "new", name=None, now=T1)),
        ]

    assert store.run(add()) == [True, False]


KILLED = """
import asyncio, json, sys
from sojourn.domain.values import Tenant
from sojourn.storage.queries import sessions
from sojourn.domain.sessions import Status
from sojourn.storage.engines import open_database
from tests.conftest import on_sqlite
from tests.storage.conftest import new_session

async def main():
    database = await open_database(sys.argv[1])
    async def one():
        while True:
            session = new_session()
            await database.write(Tenant("acme"), lambda unit: sessions.add(unit, session))
            print(session.id, flush=True)
    await asyncio.gather(*(one() for _ in range(8)))

asyncio.run(main())
"""


def test_a_killed_process_loses_no_acknowledged_session(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/killed.db"
    process = subprocess.Popen([sys.executable, "-c", KILLED, url], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    acknowledged = [process.stdout.readline().strip() for _ in range(200)]
    process.send_signal(signal.SIGKILL)
    acknowledged += [line.strip() for line in process.stdout if len(line) == 37]
    process.wait(60)
    process.stdout.close()

    connection = sqlite3.connect(tmp_path / "killed.db")
    kept = {row[0] for row in connection.execute("SELECT id FROM sessions")}
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    counted = connection.execute("SELECT sum(value) FROM session_counters WHERE kind = 'created'").fetchone()[0]
    connection.close()

    print(json.dumps({"acknowledged": len(acknowledged), "kept": len(kept)}))
    assert set(acknowledged) <= kept
    assert counted == len(kept)
