"""`sojourn keys`, and what a server makes of the stored keys."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from sojourn.authentication.signing_keys import Signer, SigningKeys, new_key
from sojourn.authentication.vault import Vault
from sojourn.cli.keys import keys
from sojourn.domain.clock import to_text
from sojourn.storage.engines import open_database
from sojourn.storage.queries import signing_keys
from sojourn.storage.statements import Statement
from sojourn.storage.unit_of_work import SystemUnit
from tests.live import REFRESH_SECRET

NOW = datetime(2026, 4, 15, 8, tzinfo=UTC)
NEWEST = Statement(select(signing_keys.newest_signing_key()))


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/sojourn.db"


def run(url: str, *arguments: str) -> Result:
    environ = {"SOJOURN_REFRESH_SECRET": REFRESH_SECRET}
    return CliRunner().invoke(keys, [*arguments, "--database-url", url], env=environ)


def test_a_rotated_key_waits_signs_and_lets_the_old_one_go(url: str) -> None:
    first = run(url, "rotate", "--now").stdout.strip()
    second = run(url, "rotate").stdout.strip()
    assert [line.split()[:2] for line in run(url, "list").stdout.splitlines()[1:]] == [
        [first, "signing"],
        [second, "waiting"],
    ]
    assert run(url, "retire", first).exit_code == 1

    third = run(url, "rotate", "--now", "--algorithm", "RS256").stdout.strip()

    assert run(url, "retire", first).exit_code == 0
    states = {line.split()[0]: line.split()[1] for line in run(url, "list").stdout.splitlines()[1:]}
    assert states == {first: "retired", second: "waiting", third: "signing"}
    assert run(url, "retire", "unknown").exit_code == 1


async def signer_at(known: SigningKeys, unit: SystemUnit, now: datetime) -> Signer:
    """The key that signs at an instant, asked as a request asks for it."""
    newest = await unit.one(NEWEST, now=to_text(now))
    assert newest is not None
    return await known.signer(unit, now, key_id=newest[0])


def test_a_server_signs_with_the_newest_key_it_can_read_and_publishes_all(url: str) -> None:
    async def scenario() -> None:
        database = await open_database(url)
        try:
            vault, stranger = Vault(b"a" * 32), Vault(b"b" * 32)
            mine = new_key(vault, "EdDSA", now=NOW, signs_from=NOW)
            waiting = new_key(vault, "EdDSA", now=NOW, signs_from=NOW + timedelta(minutes=10))
            for row in (mine, waiting, new_key(stranger, "EdDSA", now=NOW, signs_from=NOW)):
                await database.write_system(lambda unit, row=row: signing_keys.add(unit, row))  # type: ignore[misc]
            known = SigningKeys(vault, database)
            await known.ensure("EdDSA", NOW)

            async with database.system() as unit:
                assert (await signer_at(known, unit, NOW)).kid == mine.id
                assert (await signer_at(known, unit, NOW + timedelta(minutes=10))).kid == waiting.id
            published = await known.key_set()
            assert len(published["keys"]) == 3
            assert all("d" not in key and key["use"] == "sig" for key in published["keys"])
        finally:
            await database.close()

    asyncio.run(scenario())


def test_the_first_start_makes_one_key_however_many_servers_start(url: str) -> None:
    async def scenario() -> None:
        databases = [await open_database(url) for _ in range(3)]
        try:
            vault = Vault(b"a" * 32)
            await asyncio.gather(*(SigningKeys(vault, each).ensure("EdDSA", NOW) for each in databases))
            assert len((await SigningKeys(vault, databases[0]).key_set())["keys"]) == 1
        finally:
            for each in databases:
                await each.close()

    asyncio.run(scenario())


def test_a_key_that_may_not_sign_yet_signs_where_there_is_no_other(url: str) -> None:
    """The clock was ahead at the first start and was then put right."""

    async def scenario() -> None:
        database = await open_database(url)
        try:
            vault, ahead = Vault(b"a" * 32), NOW + timedelta(hours=1)
            first, later = (
                new_key(vault, "EdDSA", now=at, signs_from=at) for at in (ahead, ahead + timedelta(minutes=1))
            )
            for row in (first, later):
                await database.write_system(lambda unit, row=row: signing_keys.add(unit, row))  # type: ignore[misc]
            for known in (SigningKeys(vault, database), SigningKeys(vault, database)):
                async with database.system() as unit:
                    assert (await signer_at(known, unit, NOW)).kid == first.id
                    assert (await signer_at(known, unit, NOW)).kid == first.id
                    assert (await signer_at(known, unit, ahead + timedelta(hours=1))).kid == later.id
        finally:
            await database.close()

    asyncio.run(scenario())
