"""Builds the views of very many rows a few at a time, so that other requests are served in between."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

Row = TypeVar("Row")
View = TypeVar("View")

AT_ONCE = 200
"""So many views are made within a few milliseconds."""


async def in_turns(rows: Sequence[Row], view: Callable[[Row], View]) -> list[View]:
    """The view of each row, in their order."""
    views: list[View] = []
    for begin in range(0, len(rows), AT_ONCE):
        if begin:
            await asyncio.sleep(0)
        views += [view(row) for row in rows[begin : begin + AT_ONCE]]
    return views
