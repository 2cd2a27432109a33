"""Cursors of the feed of events: a place in one order, in one database.

To callers a cursor is opaque. Its text grows with its place, and a database that was restored is another one.
"""

import re
from typing import NamedTuple

CURSOR_PATTERN = r"^[0-9a-f]{28}$"
"""What the contract says of a cursor."""

_CURSOR = re.compile(CURSOR_PATTERN)
EPOCH_DIGITS = 12


class Cursor(NamedTuple):
    """A place in the feed: after the event with a number, in the database that has an epoch (12 hexadecimal digits)."""

    epoch: str
    number: int

    def __str__(self) -> str:
        return f"{self.epoch}{self.number:016x}"


def read_cursor(text: str) -> Cursor:
    """The cursor that a text is. Raises ValueError for a text that is none."""
    if not _CURSOR.fullmatch(text):
        raise ValueError("not a cursor")
    return Cursor(text[:EPOCH_DIGITS], int(text[EPOCH_DIGITS:], 16))
