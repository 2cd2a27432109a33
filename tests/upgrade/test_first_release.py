"""A database that 0.1.0 filled itself is brought to the present schema, and every row still says what it said.

`schema_0001.sql` is the SQLite file of a service of that release: sessions that are active, ended by hand and ended for
a refresh token that was sent twice; tokens, a blacklist, cut-offs, devices, lifetimes; and counters that it left wrong,
because a process whose clock was ahead settled sessions that another one revoked.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sojourn.domain.values import Tenant
from sojourn.storage import engines
from sojourn.storage.database import Database
from sojourn.storage.schema import revisions
from sojourn.storage.upkeep import recount
from tests.postgres import Cluster
from tests.upgrade.released import HERE, Sql, filled, original, tables

FILLED = HERE / "schema_0001.sql"
TENANTS = ("acme", "globex")
COUNTED = "session_counters"


def rows(run: Sql, table: str, *, columns: list[str]) -> list[tuple[Any, ...]]:
    """The rows of a table in the columns of 0.1.0, in any order that does not change."""
    found = run(f"SELECT {', '.join(f'CAST({name} AS text)' for name in columns)} FROM {table}")
    return sorted(tuple(_plain(value) for value in row) for row in found)


def _plain(value: str | None) -> str:
    """The same text for a value of either engine: PostgreSQL writes instants and truth in other words."""
    text = "" if value is None else value
    text = {"true": "1", "false": "0"}.get(text, text)
    if len(text) > 19 and text[4] == "-" and text[10] in " T" and text[13] == ":":
        seconds, _, fraction = f"{text[:10]}T{text[11:]}".removesuffix("Z").removesuffix("+00").partition(".")
        return f"{seconds}.{fraction:0<3}"
    return text


@pytest.fixture
def first_release(tmp_path: Path, engine: str, request: pytest.FixtureRequest) -> Iterator[tuple[str, Sql]]:
    """A database of 0.1.0 with its rows: its URL, and what runs SQL there as somebody who may see everything."""
    server: Cluster | None = request.getfixturevalue("cluster") if engine == "postgresql" else None
    with filled(FILLED, tmp_path, cluster=server) as database:
        yield database


def wrong_numbers(url: str) -> list[str]:
    """The numbers that a recount contradicts, of every tenant."""

    async def look(database: Database) -> list[str]:
        return [
            f"{tenant} {one}" for tenant in TENANTS for one in await database.read(Tenant(tenant), recount.differences)
        ]

    return asyncio.run(engines.with_open_database(url, look, allow_bypass=True))


def test_a_database_of_the_first_release_keeps_every_row_in_its_meaning(first_release: tuple[str, Sql]) -> None:
    url, sql = first_release
    kept = {table: columns for table, columns in tables(FILLED).items() if table != COUNTED}
    assert len(kept) >= 9
    with pytest.raises(revisions.SchemaOutdated):
        asyncio.run(engines.require_current(url))
    before = {table: rows(sql, table, columns=columns) for table, columns in kept.items()}

    told: list[str] = []
    asyncio.run(engines.migrate(url, tell=told.append))

    assert before == {
        table: rows(lambda text: original(FILLED).execute(text).fetchall(), table, columns=columns)
        for table, columns in kept.items()
    }
    assert {table: rows(sql, table, columns=columns) for table, columns in kept.items()} == before
    assert any(
        line.startswith("0002 fill: the numbers of sessions, counted anew, tenant acme, 1 rows") for line in told
    )
    assert wrong_numbers(url) == []
    ended = "SELECT count(*) FROM sessions WHERE {} = 'refresh_token_reuse' AND revoked_by = 'sojourn'"
    assert sql(ended.format("reason_code")) == sql(ended.format("revoke_reason")) != [(0,)]


def test_the_numbers_of_the_first_release_are_wrong_to_begin_with() -> None:
    """Or the test above would show nothing."""
    ended = original(FILLED).execute("SELECT count(*) FROM sessions WHERE tenant_id = 'acme' AND revoked_at IS NULL")
    (open_sessions,) = ended.fetchone()
    counted = original(FILLED).execute(
        "SELECT sum(value) FROM session_counters WHERE tenant_id = 'acme' AND kind = 'expired'"
    )

    assert open_sessions == 1
    assert counted.fetchone() == (3,)


def test_a_second_migration_of_it_finds_nothing_to_do_and_the_last_step_ends_the_upgrade(
    first_release: tuple[str, Sql],
) -> None:
    url, _ = first_release
    asyncio.run(engines.migrate(url))
    assert asyncio.run(engines.plan_migration(url)) == []

    asyncio.run(engines.migrate(url, contract=True))

    assert asyncio.run(engines.plan_migration(url, contract=True)) == []
    assert wrong_numbers(url) == []
