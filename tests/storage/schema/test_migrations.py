"""Migrated tables are the tables of the models, and a migration does not disturb who is being served."""

import asyncio
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlmodel import SQLModel

from sojourn.storage import engines
from sojourn.storage.engines import open_database
from sojourn.storage.postgres import schema as postgres_schema
from sojourn.storage.postgres.partitions import TABLES
from sojourn.storage.queries import sessions
from sojourn.storage.schema import revisions
from sojourn.storage.sqlite import schema as sqlite_schema
from tests.conftest import on_sqlite
from tests.postgres import Cluster
from tests.storage.conftest import ACME, Store, new_session

Sql = Callable[[str], list[tuple[Any, ...]]]
MIGRATIONS = Path(revisions.__file__).parent.parent / "migrations"
NEXT_REVISION = f"{int(revisions.HEAD) + 1:04}"
NEXT = f"""
import sqlalchemy as sa
from alembic import op

revision = "{NEXT_REVISION}"
down_revision = "{revisions.HEAD}"


def upgrade() -> None:
    op.add_column("sessions", sa.Column("note", sa.String(64)))
    op.create_table("notes", sa.Column("id", sa.Integer(), primary_key=True))
"""


@pytest.fixture
def next_release(tmp_path: Path) -> Path:
    """The migrations of a release to come: one revision more, which only adds."""
    shutil.copytree(MIGRATIONS / "versions", tmp_path / "next" / "versions")
    (tmp_path / "next" / "versions" / f"{NEXT_REVISION}_notes.py").write_text(NEXT)
    return tmp_path / "next"


def on_connection(url: str, work: Callable[[Connection], Any]) -> Any:
    """The result of `work` on a connection of SQLAlchemy's."""
    if url.startswith("sqlite:"):
        with sqlite_schema.on_connection(Path(url.removeprefix("sqlite:///")), 1) as connection:
            return work(connection)
    return asyncio.run(postgres_schema.on_connection(url, work))


def test_the_newest_revision_is_the_one_the_program_needs() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))

    assert ScriptDirectory.from_config(config).get_heads() == [revisions.HEAD]


def test_the_migrated_tables_are_those_of_the_models(database_url: str) -> None:
    asyncio.run(engines.migrate(database_url))

    assert on_connection(database_url, revisions.differences) == []


def test_migrating_twice_changes_nothing(store: Store) -> None:
    kept = store.add(new_session())

    for _ in range(2):
        store.run(engines.migrate(store.url))
        store.run(engines.require_current(store.url))

    assert store.read(lambda unit: sessions.get(unit, kept.id)) is not None


def test_every_tenants_table_is_held_by_row_security(cluster: Cluster) -> None:
    name = cluster.create()
    held = {
        table
        for (table,) in cluster.command(
            "SELECT relname::text FROM pg_class JOIN pg_policy ON polrelid = pg_class.oid"
            " WHERE relrowsecurity AND relforcerowsecurity",
            name,
        )
    }
    cluster.drop(name)

    of_tenants = {table.name for table in SQLModel.metadata.sorted_tables if "tenant_id" in table.columns}
    assert held == of_tenants | {f"{table}_default" for table in TABLES}


def test_an_empty_postgresql_database_is_refused_with_the_command_to_run(cluster: Cluster) -> None:
    name = cluster.create(empty=True)

    with pytest.raises(revisions.SchemaOutdated, match="sojourn migrate"):
        asyncio.run(open_database(cluster.url(name)))
    with pytest.raises(revisions.SchemaOutdated):
        asyncio.run(engines.require_current(cluster.url(name)))
    cluster.drop(name)


def test_an_older_schema_is_refused_and_a_newer_one_is_not(store: Store, sql: Sql) -> None:
    sql("UPDATE alembic_version SET version_num = '0000'")
    with pytest.raises(revisions.SchemaOutdated, match="0000"):
        store.run(open_database(store.url))

    sql("UPDATE alembic_version SET version_num = '9999'")
    store.run(store.run(open_database(store.url)).close())


@on_sqlite
def test_a_file_from_before_there_were_revisions_is_taken_as_the_first(store: Store, sql: Sql) -> None:
    kept = store.add(new_session())
    sql("DROP TABLE alembic_version")

    database = store.run(open_database(store.url))

    assert store.run(database.read(ACME, lambda unit: sessions.get(unit, kept.id))) is not None
    assert sql("SELECT version_num FROM alembic_version") == [(revisions.HEAD,)]
    store.run(database.close())


@on_sqlite
def test_a_file_with_other_tables_is_left_alone(store: Store, sql: Sql) -> None:
    sql("DROP TABLE alembic_version")
    sql("ALTER TABLE sessions DROP COLUMN geoip")

    with pytest.raises(revisions.SchemaOutdated):
        store.run(open_database(store.url))

    assert not sql("SELECT name FROM sqlite_master WHERE name = 'alembic_version'")


def test_requests_go_on_while_a_populated_database_is_migrated(
    store: Store, sql: Sql, next_release: Path, engine: str
) -> None:
    before = [store.add(new_session()).id for _ in range(200)]
    acknowledged: list[str] = []

    async def keep_writing(done: asyncio.Event) -> None:
        while not done.is_set():
            session = new_session()
            await store.database.write(ACME, partial(sessions.add, session=session))
            acknowledged.append(session.id)
            assert await store.database.read(ACME, partial(sessions.get, key=session.id)) is not None

    async def migrate_meanwhile() -> tuple[int, int]:
        done = asyncio.Event()
        writers = [asyncio.create_task(keep_writing(done)) for _ in range(4)]
        await asyncio.sleep(0.2)
        written_before = len(acknowledged)
        await engines.migrate(store.url, folder=next_release)
        await asyncio.sleep(0.2)
        done.set()
        await asyncio.gather(*writers)
        return written_before, len(acknowledged)

    written_before, written = store.run(migrate_meanwhile())

    assert 0 < written_before < written
    assert sql("SELECT version_num FROM alembic_version") == [(NEXT_REVISION,)]
    kept = {str(row[0]) for row in sql("SELECT id FROM sessions WHERE tenant_id = 'acme'")}
    assert kept == {*before, *acknowledged}
    print(f"{engine}: {written} sessions acknowledged, {len(kept)} kept")
