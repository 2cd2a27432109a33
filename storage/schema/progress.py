"""How far a migration came, beside Alembic's own table: which steps are done, and which programs may still serve.

The table is the migration's own. No revision makes it, so that every revision can rely on it.
"""

import json
from typing import NamedTuple

from sqlalchemy import Boolean, Column, Connection, MetaData, String, Table, Text, inspect, select
from sqlalchemy.dialects.postgresql import insert

TABLE = "migration_steps"
_OLDEST = "oldest program"
_STEPS = Table(
    TABLE,
    MetaData(),
    Column("name", String(64), primary_key=True),
    Column("position", Text, nullable=False),
    Column("done", Boolean, nullable=False),
)


class Position(NamedTuple):
    """The tenant that a step is at, and the last key that is done there."""

    tenant: str = ""
    after: str = ""


def position_of(connection: Connection, step: str) -> Position | None:
    """Where a step goes on; None when it is done."""
    row = _row(connection, step)
    if row is None:
        return Position()
    position, done = row
    return None if done else Position(*json.loads(position))


def note(connection: Connection, step: str, *, position: Position | None) -> None:
    """Write down where a step goes on, in the transaction of its batch; None when it is done."""
    _write(connection, step, position=json.dumps(position or Position()), done=position is None)


def oldest_program(connection: Connection) -> str | None:
    """The newest revision that a program has to know in order to serve; None when no program is refused yet."""
    row = _row(connection, _OLDEST)
    return None if row is None else row[0]


def require_program(connection: Connection, revision: str) -> None:
    """From now on, programs that do not know `revision` are refused when they start. It is never taken back."""
    _write(connection, _OLDEST, position=max(revision, oldest_program(connection) or revision), done=True)


def _row(connection: Connection, name: str) -> tuple[str, bool] | None:
    if not inspect(connection).has_table(TABLE):
        return None
    found = connection.execute(select(_STEPS.c.position, _STEPS.c.done).where(_STEPS.c.name == name)).first()
    return None if found is None else (found[0], found[1])


def _write(connection: Connection, name: str, *, position: str, done: bool) -> None:
    _STEPS.create(connection, checkfirst=True)
    row = insert(_STEPS).values(name=name, position=position, done=done)
    new = {"position": row.excluded.position, "done": row.excluded.done}
    connection.execute(row.on_conflict_do_update(index_elements=["name"], set_=new))
