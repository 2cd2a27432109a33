"""API keys: those of the environment and stored ones; every other is refused in the same words."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.authentication import ApiKey, ApiKeys
from sojourn.domain.api_keys import MintedKey, mint_api_key
from sojourn.domain.clock import to_text
from sojourn.domain.errors import InvalidApiKey
from sojourn.domain.values import Caller
from sojourn.settings import Settings
from sojourn.storage.database import Database
from sojourn.storage.engines import open_database
from sojourn.storage.queries import api_keys
from sojourn.storage.queries.api_keys import ApiKeyRow

T = TypeVar("T")
NOW = datetime(2026, 4, 15, 8, tzinfo=UTC)
SETTINGS = Settings(
    internal_api_keys=("old-key-of-the-environment-until-1234", "new-key-of-the-environment-since-5678")
)


def no_database() -> Database:
    """For keys that must be decided without one."""
    raise AssertionError("the database was asked")


def row_of(minted: MintedKey, tenants: list[str] | None = None) -> ApiKeyRow:
    """The row that keeps a minted key."""
    return ApiKeyRow(minted.id, "tests", minted.secret_hash, tenants, to_text(NOW))


def with_rows(folder: Path, rows: list[ApiKeyRow], work: Callable[[ApiKeys], Awaitable[T]]) -> T:
    """Run `work` with a checker whose database holds `rows`."""

    async def run() -> T:
        database = await open_database(f"sqlite:///{folder}/keys.db")
        try:
            for row in rows:
                await database.write_system(lambda unit, row=row: api_keys.add(unit, row))  # type: ignore[misc]
            return await work(ApiKeys(SETTINGS, lambda: database))
        finally:
            await database.close()

    return asyncio.run(run())


def test_several_keys_of_the_environment_are_good_at_once_and_cover_every_tenant() -> None:
    keys = ApiKeys(SETTINGS, no_database)

    found = [keys.recognise(text.encode()) for text in SETTINGS.internal_api_keys]

    assert all(key is not None and key.tenants is None and key.caller.kind == "internal" for key in found)
    ids = [key.caller.id for key in found if key is not None]
    assert len(set(ids)) == 2
    assert all(name.startswith("env_") for name in ids)
    assert not any(text in name for name, text in zip(ids, SETTINGS.internal_api_keys, strict=True))


@given(st.binary())
def test_no_other_value_is_a_key_of_the_environment(value: bytes) -> None:
    assert ApiKeys(SETTINGS, no_database).recognise(value) is None


def test_a_stored_key_is_known_with_its_tenants(tmp_path: Path) -> None:
    limited, unlimited = mint_api_key(NOW), mint_api_key(NOW)

    async def both(keys: ApiKeys) -> list[ApiKey]:
        return [await keys.authenticate(key.text, NOW) for key in (limited, unlimited)]

    found = with_rows(tmp_path, [row_of(limited, ["acme", "globex"]), row_of(unlimited)], both)

    assert found == [
        ApiKey(Caller("internal", limited.id, tenants=frozenset({"acme", "globex"})), frozenset({"acme", "globex"})),
        ApiKey(Caller("internal", unlimited.id), None),
    ]


@pytest.mark.parametrize(
    "end",
    [
        {"revoked_at": to_text(NOW - timedelta(hours=1))},
        {"expires_at": to_text(NOW)},
        {"secret_hash": "0" * 64},
        {"id": "0" * 32},
    ],
    ids=str,
)
def test_a_key_that_has_ended_or_is_not_known_is_refused(tmp_path: Path, end: dict[str, str]) -> None:
    minted = mint_api_key(NOW)

    async def refuse(keys: ApiKeys) -> None:
        with pytest.raises(InvalidApiKey) as caught:
            await keys.authenticate(minted.text, NOW)
        assert caught.value.params == {}

    with_rows(tmp_path, [replace(row_of(minted), **end)], refuse)  # type: ignore[arg-type]


def test_a_key_is_good_until_its_end(tmp_path: Path) -> None:
    minted = mint_api_key(NOW)
    row = replace(row_of(minted), expires_at=to_text(NOW + timedelta(hours=1)))

    async def ask(keys: ApiKeys) -> str:
        return (await keys.authenticate(minted.text, NOW + timedelta(minutes=59))).caller.id

    assert with_rows(tmp_path, [row], ask) == minted.id


@given(st.integers(0, 86), st.sampled_from("0123456789abcdefXYZ_-"))
def test_a_typing_error_is_refused_before_the_database_is_asked(place: int, letter: str) -> None:
    text = mint_api_key(NOW).text
    changed = text[:place] + letter + text[place + 1 :]
    if changed == text:
        return

    with pytest.raises(InvalidApiKey):
        asyncio.run(ApiKeys(SETTINGS, no_database).authenticate(changed, NOW))


@given(st.text())
def test_any_other_text_is_refused_before_the_database_is_asked(text: str) -> None:
    with pytest.raises(InvalidApiKey):
        asyncio.run(ApiKeys(SETTINGS, no_database).authenticate(text, NOW))


def test_minted_keys_differ_and_keep_only_a_hash() -> None:
    minted = [mint_api_key(NOW) for _ in range(100)]

    assert len({key.text for key in minted}) == len({key.id for key in minted}) == 100
    assert all(key.secret_hash not in key.text and key.text not in key.secret_hash for key in minted)
