"""The kinds of column that tables are made of."""

from sqlalchemy import Column, String

from storage.instants import UtcDateTime


def key_text(length: int = 255) -> Column[str]:
    """A text that is part of the primary key."""
    return Column(String(length), primary_key=True)


def short_text(length: int = 255, *, nullable: bool = True) -> Column[str]:
    """A short text."""
    return Column(String(length), nullable=nullable)


def instant(*, nullable: bool = False) -> Column[str]:
    """An instant in text form."""
    return Column(UtcDateTime(), nullable=nullable)
