"""The kinds of column that tables are made of: what each is in SQLite and in PostgreSQL.

Python sees the same texts on both. PostgreSQL compares texts byte by byte (collation "C"), as SQLite does: order and
uniqueness do not depend on a locale.
"""

from typing import Any, ClassVar, Literal

from sqlalchemy import Boolean, Column, Index, String, Table, Text, column
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeEngine
from sqlmodel import SQLModel

from sojourn.storage.schema.instants import UtcDateTime

_COLLATION = "C"


class Stored(SQLModel):
    """Base of all tables. Declares `__table__`, which SQLModel creates at run time, for type checkers."""

    __table__: ClassVar[Table]


def key_text(length: int = 255) -> Column[str]:
    """A text that is part of the primary key."""
    return Column(_text(length), primary_key=True)


def short_text(length: int = 255, *, nullable: bool = True) -> Column[str]:
    """A short text."""
    return Column(_text(length), nullable=nullable)


def long_text(*, nullable: bool = True) -> Column[str]:
    """A text of any length."""
    return Column(Text().with_variant(Text(collation=_COLLATION), "postgresql"), nullable=nullable)


def session_key(*, primary_key: bool = False, nullable: bool = False) -> Column[str]:
    """The UUID of a session: 36 characters in SQLite, 16 bytes in PostgreSQL."""
    kind = String(36).with_variant(postgresql.UUID(as_uuid=False), "postgresql")
    return Column(kind, primary_key=primary_key, nullable=nullable)


def flag() -> Column[bool]:
    """Whether something holds: 0 or 1."""
    return Column(Boolean, nullable=False)


def instant(*, nullable: bool = False) -> Column[str]:
    """An instant in text form."""
    return Column(UtcDateTime(), nullable=nullable)


def partial_index(
    name: str,
    *columns: str,
    null: str | None = None,
    not_null: str | None = None,
    only_on: Literal["sqlite", "postgresql"] | None = None,
) -> Index:
    """An index of the rows where one column is null, or is not; on both engines, unless it is `only_on` one."""
    where = column(null).is_(None) if null is not None else column(not_null or "").is_not(None)
    return Index(name, *columns, sqlite_where=where, postgresql_where=where, info={"only_on": only_on})


def _text(length: int) -> TypeEngine[Any]:
    return String(length).with_variant(String(length, collation=_COLLATION), "postgresql")
