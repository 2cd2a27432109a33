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

PRESENT = Statement(_PRESENT)
BEGIN = Statement(_insert.on_conflict_do_nothing())
DRAW = Statement(_insert.on_conflict_do_update(index_elements=["name"], set_={"value": _insert.excluded.value}))


def present_epoch() -> Any:
    """The present epoch, as a scalar of another statement."""
    return _PRESENT.scalar_subquery()


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
