"""The present epoch of the database: a random text that our tokens carry, drawn anew when a backup was restored.

A token is good in the epoch it was issued in. None is the epoch of a database that never drew one.
"""

from typing import Any

from sqlalchemy import bindparam, literal_column, select
from sqlalchemy.dialects.postgresql import insert

from sojourn.storage.schema.token_tables import EpochTable
from sojourn.storage.statements import Statement
from sojourn.storage.unit_of_work import SystemUnit

_E = EpochTable.__table__
_insert = insert(_E).values(name=literal_column("'present'"), value=bindparam("value"))
_PRESENT = select(_E.c.value).where(_E.c.name == literal_column("'present'"))

_insert_first = insert(_E).values(name=literal_column("'events'"), value=bindparam("value"))
_FIRST = select(_E.c.value).where(_E.c.name == literal_column("'events'"))

PRESENT = Statement(_PRESENT)
FIRST = Statement(_FIRST)
BEGIN_FIRST = Statement(_insert_first.on_conflict_do_nothing())
BEGIN = Statement(_insert.on_conflict_do_nothing())
DRAW = Statement(_insert.on_conflict_do_update(index_elements=["name"], set_={"value": _insert.excluded.value}))


def present_epoch() -> Any:
    """The present epoch, as a scalar of another statement."""
    return _PRESENT.scalar_subquery()


def first_epoch() -> Any:
    """The text by which the events of this database are told from those of others, as a scalar of another statement.

    A copy of the database has the same one until it draws a new present epoch.
    """
    return _FIRST.scalar_subquery()


async def has_first(unit: SystemUnit) -> bool:
    """Whether the database has the text that `first_epoch` finds."""
    return await unit.one(FIRST) is not None


async def begin_first(unit: SystemUnit, text: str) -> None:
    """Give a database that text; one that has it keeps it."""
    await unit.run(BEGIN_FIRST, value=text)


async def present(unit: SystemUnit) -> str | None:
    """The present epoch."""
    row = await unit.one(PRESENT)
    return None if row is None else str(row[0])


async def begin(unit: SystemUnit, epoch: str) -> None:
    """Give a new database its first epoch; one that has an epoch keeps it."""
    await unit.run(BEGIN, value=epoch)


async def draw(unit: SystemUnit, epoch: str) -> None:
    """Begin another epoch: tokens of all earlier ones are refused from now on."""
    await unit.run(DRAW, value=epoch)
