"""What an API key may do: every scope against every operation that takes a key."""

import asyncio
import re
from datetime import timedelta

import httpx
import pytest

from sojourn.domain.api_keys import MintedKey, mint_api_key, mint_secret_of
from sojourn.domain.clock import to_text
from sojourn.domain.scopes import SCOPES
from sojourn.openapi.document import Operation, operations
from sojourn.openapi.loader import load_bundle
from sojourn.storage.database import Database
from sojourn.storage.engines import open_database
from sojourn.storage.queries import api_keys
from sojourn.storage.queries.api_keys import ApiKeyRow
from tests.http.conftest import START, Client

WITH_KEY = [operation for operation in operations(load_bundle(), Operation) if operation.scope is not None]
ADMINISTRATIVE = [operation for operation in operations(load_bundle(), Operation) if operation.roles]


def stored(url: str, *, scopes: list[str] | None) -> MintedKey:
    """A key that the database has."""
    minted = mint_api_key(START)
    row = ApiKeyRow(minted.id, "tests", minted.secret_hash, None, to_text(START), scopes=scopes)

    async def add() -> None:
        database = await open_database(url)
        await database.write_system(lambda unit: api_keys.add(unit, row))
        await database.close()

    asyncio.run(add())
    return minted


def called(client: Client, operation: Operation, key: str) -> httpx.Response:
    """The operation with nothing but its credentials: who may not call it is told before anything else."""
    if operation.takes_form:
        return client.request(operation.method, operation.path, auth=("acme", key))
    headers = {"X-API-Key": key}
    if any(item["name"] == "X-Tenant-ID" for item in operation.parameters):
        headers["X-Tenant-ID"] = "acme"
    if operation.scheme != "apiKey":
        headers["Authorization"] = f"Bearer {client.token('usr_abc123')}"
    return client.request(operation.method, re.sub(r"{\w+}", "sess_abc123", operation.path), headers=headers)


def lacks_the_scope(answer: httpx.Response) -> bool:
    """Whether that is why it was refused: as a problem, or as an OAuth error."""
    body = answer.json() if answer.content else {}
    said = (answer.status_code, body.get("i18n_key") or body.get("error"))
    return said in ((403, "error.insufficient_scope"), (400, "unauthorized_client"))


def test_a_key_is_good_for_the_operations_of_its_scope_and_for_no_other(client: Client, database_url: str) -> None:
    wrong = []
    for scope in SCOPES:
        key = stored(database_url, scopes=[scope]).text
        for operation in WITH_KEY:
            answer = called(client, operation, key)
            refused = lacks_the_scope(answer)
            if refused == (operation.scope == scope):
                wrong.append((scope, operation.id, answer.status_code))
            if refused and f" {operation.scope}" not in answer.text.replace("'", " ").replace('"', " "):
                wrong.append((scope, operation.id, answer.text))

    assert len(WITH_KEY) >= 17
    assert wrong == []


def test_a_key_without_scopes_may_do_all_but_manage(client: Client, database_url: str) -> None:
    key = stored(database_url, scopes=None).text
    refused = {
        operation.scope
        for operation in WITH_KEY
        if called(client, operation, key).text.count("error.insufficient_scope")
    }

    assert refused == {"manage"}


def test_a_key_with_no_scope_at_all_may_do_nothing(client: Client, database_url: str) -> None:
    key = stored(database_url, scopes=[]).text

    assert all(lacks_the_scope(called(client, operation, key)) for operation in WITH_KEY)


def test_an_auditor_reads_what_administrators_see_and_changes_nothing(client: Client) -> None:
    for operation in ADMINISTRATIVE:
        path = re.sub(r"{\w+}", "sess_abc123", operation.path)
        answer = client.as_user(operation.method, path, "usr_auditor", roles=["auditor"])
        reads = operation.method == "GET"
        assert (answer.status_code != 403) == reads, (operation.id, answer.status_code)


def test_both_secrets_of_a_rotated_key_are_good_until_the_overlap_is_over(client: Client, database_url: str) -> None:
    old = stored(database_url, scopes=["sessions:read"])
    new = mint_secret_of(old.id)
    until = START + timedelta(minutes=30)

    async def rotate(database: Database) -> bool:
        return await database.write_system(
            lambda unit: api_keys.rotate(
                unit, old.id, secret_hash=new.secret_hash, previous_until=to_text(until), now=to_text(START)
            )
        )

    async def run() -> bool:
        database = await open_database(database_url)
        try:
            return await rotate(database)
        finally:
            await database.close()

    assert asyncio.run(run())
    path = "/internal/session/sessions/usr_abc123"

    def status(key: MintedKey) -> int:
        return client.internal("GET", path, headers={"X-API-Key": key.text}).status_code

    assert [status(old), status(new)] == [200, 200]
    client.clock.advance(minutes=30)
    assert [status(old), status(new)] == [401, 200]


def test_the_hour_of_a_keys_last_use_is_kept(client: Client, database_url: str) -> None:
    key = stored(database_url, scopes=["sessions:read"])

    def last_use() -> str | None:
        async def read() -> ApiKeyRow | None:
            database = await open_database(database_url)
            async with database.system() as unit:
                found = await api_keys.find(unit, key.id)
            await database.close()
            return found

        found = asyncio.run(read())
        assert found is not None
        return found.last_used_at

    assert last_use() is None
    for minutes, hour in ((10, "08"), (40, "08"), (20, "09")):
        client.clock.advance(minutes=minutes)
        client.internal("GET", "/internal/session/sessions/usr_abc123", headers={"X-API-Key": key.text})
        assert last_use() == f"2026-04-15T{hour}:00:00.000Z"


@pytest.mark.parametrize("scope", ["session:read", "*", "admin"])
def test_the_command_line_knows_no_other_scope(scope: str) -> None:
    from click.testing import CliRunner

    from sojourn.cli.api_keys import api_key

    answer = CliRunner().invoke(api_key, ["create", "--name", "n", "--scope", scope])

    assert answer.exit_code == 2
    assert "sessions:read" in answer.output
