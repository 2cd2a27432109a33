"""How values travel between PostgreSQL and Python: as the same texts and numbers that SQLite keeps."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from sojourn.domain.clock import to_text

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_NOBODYS_UUID = "00000000-0000-0000-0000-000000000000"


async def set_codecs(connection: Any) -> None:
    """Make a new connection speak our texts: instants, UUIDs and flags."""
    await connection.set_type_codec(
        "timestamptz",
        schema="pg_catalog",
        encoder=microseconds_of,
        decoder=instant_of,
        format="tuple",
    )
    await connection.set_type_codec("uuid", schema="pg_catalog", encoder=_uuid_of, decoder=str, format="text")
    await connection.set_type_codec("bool", schema="pg_catalog", encoder=_letter_of, decoder=_number_of, format="text")


@lru_cache(maxsize=16_384)
def microseconds_of(text: str) -> tuple[int]:
    """PostgreSQL's number for an instant. Raises ValueError for another text."""
    return ((datetime.fromisoformat(text) - _EPOCH) // _MICROSECOND,)


@lru_cache(maxsize=16_384)
def instant_of(microseconds: tuple[int]) -> str:
    """The text form of PostgreSQL's number."""
    return to_text(_EPOCH + timedelta(microseconds=microseconds[0]))


def _uuid_of(text: str) -> str:
    """A text that is no UUID finds nothing, as in SQLite; it is no error."""
    return text if _UUID.fullmatch(text) else _NOBODYS_UUID


def _letter_of(value: int) -> str:
    return "t" if value else "f"


def _number_of(letter: str) -> int:
    return int(letter == "t")
