"""A migration is a row of steps: each is told, none is done twice, and who comes too early or too late is told so."""

import asyncio
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sojourn.storage import engines
from sojourn.storage.engines import open_database
from sojourn.storage.schema import revisions
from tests.live import REFRESH_SECRET
from tests.postgres import Cluster
from tests.storage.conftest import Store, new_session

Sql = Callable[[str], list[tuple[Any, ...]]]
MIGRATIONS = Path(revisions.__file__).parent.parent / "migrations"
NEXT = f"{int(revisions.HEAD) + 1:04}"
EVERY_PART = f'''"""Notes.

More of it.
"""

import sqlalchemy as sa
from alembic import op
from sojourn.storage.schema.backfills import Backfill, Batch

revision = "{NEXT}"
down_revision = "{revisions.HEAD}"


def upgrade():
    op.add_column("users", sa.Column("note", sa.String(300)))
    op.add_column("users", sa.Column("draft", sa.String(64)))


def read(connection, tenant, *, after):
    wanted = "SELECT user_id FROM users WHERE tenant_id = :tenant AND user_id > :after AND note IS NULL"
    values = {{"tenant": tenant, "after": after}}
    found = connection.execute(sa.text(wanted + " ORDER BY user_id LIMIT 2"), values).all()
    return Batch([user for (user,) in found], found[-1][0] if found else "")


def write(connection, tenant, *, rows):
    for user in rows:
        change = "UPDATE users SET note = coalesce(note, '') || user_id WHERE tenant_id = :tenant AND user_id = :user"
        connection.execute(sa.text(change), {{"tenant": tenant, "user": user}})


backfill = Backfill("notes of users", read=read, write=write)


def contract():
    op.drop_column("users", "draft")
'''
USERS = ("ann", "bob", "cid", "dan", "eve")
EXPECTED = [
    f"{NEXT} expand: Notes.",
    *(f"{NEXT} fill: notes of users, tenant acme, {n} rows" for n in (2, 2, 1)),
    f"{NEXT} fill: notes of users, tenant noise, 2 rows",
    f"{NEXT} fill: notes of users, done",
]


@pytest.fixture
def next_release(tmp_path: Path) -> Path:
    """The migrations of a release to come, whose revision has every part that one can have."""
    shutil.copytree(MIGRATIONS / "versions", tmp_path / "next" / "versions")
    (tmp_path / "next" / "versions" / f"{NEXT}_notes.py").write_text(EVERY_PART)
    return tmp_path / "next"


def migrate(url: str, folder: Path | None = None, *, contract: bool = False) -> list[str]:
    """Migrate; what was told, without the times."""
    told: list[str] = []
    asyncio.run(engines.migrate(url, tell=told.append, folder=folder, contract=contract))
    return [line.rpartition(" (")[0] for line in told]


def add_users(store: Store) -> None:
    for user in USERS:
        store.add(new_session(user))


def notes(sql: Sql) -> list[tuple[str, str | None]]:
    """The notes of the tenant's users, as somebody who may see everything reads them."""
    return [(user, note) for user, note in sql("SELECT user_id, note FROM users WHERE tenant_id = 'acme' ORDER BY 1")]


def columns(sql: Sql) -> set[str]:
    """Which columns of the next release the table has."""
    has = {"note": True, "draft": True}
    for name in has:
        try:
            sql(f"SELECT {name} FROM users")
        except Exception:
            has[name] = False
    return {name for name, there in has.items() if there}


def test_every_step_is_told_and_nothing_is_left_afterwards(store: Store, sql: Sql, next_release: Path) -> None:
    add_users(store)

    assert migrate(store.url, next_release) == EXPECTED
    assert notes(sql) == [(user, user) for user in USERS]
    assert (migrate(store.url, next_release), columns(sql)) == ([], {"note", "draft"})


def test_contract_fills_what_older_programs_wrote_and_takes_away(store: Store, sql: Sql, next_release: Path) -> None:
    add_users(store)
    migrate(store.url, next_release)
    store.add(new_session("zoe"))  # by this program, which knows no notes

    told = migrate(store.url, next_release, contract=True)

    again = [line for line in told if line.startswith(NEXT)]
    assert again == [
        f"{NEXT} fill again: notes of users, tenant acme, 1 rows",
        f"{NEXT} fill again: notes of users, done",
        f"{NEXT} contract: Notes.",
    ]
    assert (notes(sql)[-1], columns(sql)) == (("zoe", "zoe"), {"note"})
    assert migrate(store.url, next_release, contract=True) == []


def test_a_migration_killed_after_every_step_goes_on_with_the_next(store: Store, sql: Sql, next_release: Path) -> None:
    """One process for each step, which is killed after it. Each step is done once."""
    add_users(store)
    told = [line for _ in EXPECTED for line in kill_after_one_step(store.url, next_release)]

    assert told == EXPECTED
    assert migrate(store.url, next_release) == []
    assert notes(sql) == [(user, user) for user in USERS]


def kill_after_one_step(url: str, folder: Path) -> list[str]:
    """Run a migration in a process that is killed after its first step; what it told until then."""
    program = (
        "import asyncio, os, signal, sys; from pathlib import Path; from sojourn.storage import engines\n"
        "def tell(line):\n"
        "    print(line.rpartition(' (')[0], flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "asyncio.run(engines.migrate(sys.argv[1], tell=tell, folder=Path(sys.argv[2])))\n"
    )
    command = [sys.executable, "-c", program, url, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    return done.stdout.splitlines()


def test_a_second_migration_waits_for_the_first_and_finds_nothing_left(
    store: Store, sql: Sql, next_release: Path
) -> None:
    """The first one stands still after its first step until the second has said that it waits."""
    add_users(store)
    second_waits = threading.Event()
    told: dict[str, list[str]] = {"first": [], "second": []}

    def tell_first(line: str) -> None:
        told["first"].append(line.rpartition(" (")[0])
        if len(told["first"]) == 1:
            other.start()
            assert second_waits.wait(30)

    def tell_second(line: str) -> None:
        told["second"].append(line)
        second_waits.set()

    other = threading.Thread(
        target=lambda: asyncio.run(engines.migrate(store.url, tell=tell_second, folder=next_release))
    )
    asyncio.run(engines.migrate(store.url, tell=tell_first, folder=next_release))
    other.join(30)

    assert told == {"first": EXPECTED, "second": ["another migration runs: waiting for its end"]}
    assert notes(sql) == [(user, user) for user in USERS]


def test_the_plan_names_each_step_and_what_it_locks(store: Store, next_release: Path) -> None:
    plan = asyncio.run(engines.plan_migration(store.url, folder=next_release))
    assert [line.partition(":")[0] for line in plan] == [f"{NEXT} expand", f"{NEXT} fill"]
    assert "locked for the change alone" in plan[0]
    assert "500 rows at most are locked at a time" in plan[1]

    migrate(store.url, next_release)

    assert asyncio.run(engines.plan_migration(store.url, folder=next_release)) == []
    last = asyncio.run(engines.plan_migration(store.url, folder=next_release, contract=True))
    kinds = [line.partition(":")[0] for line in last]
    assert kinds == [f"{NEXT} fill again", f"{NEXT} contract", f"{NEXT} contract"]


def test_new_tables_are_not_filled_and_have_nothing_to_take_away(
    tmp_path: Path, next_release: Path, request: pytest.FixtureRequest, engine: str
) -> None:
    server: Cluster | None = request.getfixturevalue("cluster") if engine == "postgresql" else None
    name = "" if server is None else server.create(empty=True)
    url = f"sqlite:///{tmp_path}/new.db" if server is None else server.url(name)

    told = migrate(url, next_release)

    leaving = sum("def contract()" in path.read_text("utf-8") for path in next_release.glob("versions/*.py"))
    assert [line.split()[1] for line in told] == ["expand:"] * int(NEXT) + ["contract:"] * leaving
    assert asyncio.run(engines.plan_migration(url, folder=next_release, contract=True)) == []
    if server is not None:
        server.drop(name)


def test_a_newer_schema_is_served_until_its_release_has_contracted(
    store: Store, next_release: Path, caplog: pytest.LogCaptureFixture
) -> None:
    migrate(store.url, next_release)
    store.run(store.run(open_database(store.url)).close())
    assert f"has the schema {NEXT}, newer than this program's {revisions.HEAD}" in caplog.text

    migrate(store.url, next_release, contract=True)

    for _ in range(2):
        with pytest.raises(revisions.SchemaNewer, match=f"{NEXT}, and this program knows none after {revisions.HEAD}"):
            store.run(open_database(store.url))


def test_a_newer_schema_is_migrated_by_no_older_program(store: Store, next_release: Path) -> None:
    migrate(store.url, next_release)

    with pytest.raises(revisions.SchemaNewer, match="use the release that migrated the database"):
        migrate(store.url)
    with pytest.raises(revisions.SchemaNewer):
        asyncio.run(engines.plan_migration(store.url))


def test_commands_refuse_a_newer_schema_in_one_sentence(database_url: str, next_release: Path) -> None:
    migrate(database_url, next_release, contract=True)
    environ = {**os.environ, "SOJOURN_DATABASE_URL": database_url, "SOJOURN_REFRESH_SECRET": REFRESH_SECRET}

    for command in (["serve", "--port", "0"], ["migrate"], ["migrate", "--check"], ["tenant", "list"]):
        run = subprocess.run(
            [sys.executable, "-m", "sojourn", *command],
            env=environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert run.returncode == 1, command
        assert f"the database has the schema {NEXT}" in run.stderr
        assert "Traceback" not in run.stderr


def test_a_step_waits_for_requests_only_a_second_at_a_time(
    store: Store, sql: Sql, next_release: Path, request: pytest.FixtureRequest, engine: str
) -> None:
    """Somebody holds the table. The step steps back, so that requests go on, and comes again until it is free."""
    if engine == "sqlite":
        holder: Any = sqlite3.connect(store.path, isolation_level=None, check_same_thread=False)
        holder.execute("BEGIN IMMEDIATE")
        release = lambda: holder.execute("ROLLBACK")  # noqa: E731 - the other engine's is a method
    else:
        import asyncpg

        server: Cluster = request.getfixturevalue("cluster")
        url = server.url(store.url.partition("@/")[2].partition("?")[0], "postgres")
        holder = store.run(asyncpg.connect(url))
        store.run(holder.execute("BEGIN"))
        store.run(holder.execute("LOCK TABLE users IN ROW EXCLUSIVE MODE"))
        release = lambda: store.run(holder.execute("ROLLBACK"))  # noqa: E731
    told: list[str] = []
    migrator = threading.Thread(
        target=lambda: asyncio.run(engines.migrate(store.url, tell=told.append, folder=next_release))
    )
    migrator.start()
    deadline = time.monotonic() + 60
    while engine == "postgresql" and not told and time.monotonic() < deadline:
        time.sleep(0.05)
    release()
    migrator.join(60)
    store.run(holder.close()) if engine == "postgresql" else holder.close()

    assert (told[0] == "requests are in the way of the next step: it is tried again") == (engine == "postgresql")
    assert told[-1].startswith(EXPECTED[-1])
