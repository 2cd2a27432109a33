"""The schema of a SQLite file: made with the file, later brought up to date on command."""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import Connection, create_engine

from sojourn.storage.schema import revisions
from sojourn.storage.sqlite.connections import connect
from sojourn.storage.sqlite.planner_statistics import fix_plans

if TYPE_CHECKING:
    from sojourn.storage.schema.migrating import Migration, Step

T = TypeVar("T")

_LOOK_SECONDS = 0.2


def prepare(path: Path, wait_seconds: float) -> None:
    """Make the tables of a new file; several processes may try at once. Raises SchemaMismatch for another schema."""

    def make_or_require(connection: Connection) -> None:
        if revisions.revision_of(connection) is None:
            from sojourn.storage.schema.migrating import Migration

            migration = Migration()
            while step := migration.look(connection):
                migration.take(connection, step)
        revisions.require_current(connection)
        fix_plans(connection)

    with on_connection(path, wait_seconds) as connection:
        _transact(connection, make_or_require, begin="BEGIN IMMEDIATE")


def migrate(path: Path, wait_seconds: float, *, migration: "Migration", tell: Callable[[str], None]) -> None:
    """Take every step of a migration, each in a transaction of its own. Raises SchemaMismatch.

    What a step reads is read before its transaction: no request waits for that.
    """
    with alone(path, tell), on_connection(path, wait_seconds) as connection:
        while step := _transact(connection, migration.look, begin="BEGIN"):

            def take(connection: Connection, step: "Step" = step) -> None:
                migration.take(connection, step)
                if step.changes_tables:
                    fix_plans(connection)

            began = time.monotonic()
            _transact(connection, take, begin="BEGIN IMMEDIATE")
            tell(f"{step.line} ({(time.monotonic() - began) * 1000:.0f} ms)")


def read(path: Path, work: Callable[[Connection], T]) -> T:
    """The result of `work`, which only reads; a file that is not there reads as an empty database."""
    if not path.exists():
        engine = create_engine("sqlite://")
        try:
            with engine.connect() as connection:
                return work(connection)
        finally:
            engine.dispose()
    with on_connection(path, 1) as connection:
        return work(connection)


@contextmanager
def on_connection(path: Path, wait_seconds: float) -> Iterator[Connection]:
    """A connection of SQLAlchemy's that begins no transaction by itself."""
    engine = create_engine("sqlite://", creator=lambda: connect(path, wait_seconds))
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


@contextmanager
def alone(path: Path, tell: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock of migrations, of which one runs at a time; wait for another one, and say so once.

    It is on the file's folder: a lock on the file itself would be SQLite's. It ends with the process.
    """
    folder = os.open(path.absolute().parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        told = False
        while not _locked(folder):
            if not told:
                tell("another migration runs: waiting for its end")
            told = True
            time.sleep(_LOOK_SECONDS)
        yield
    finally:
        os.close(folder)


def _locked(folder: int) -> bool:
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _transact(connection: Connection, work: Callable[[Connection], T], *, begin: str) -> T:
    connection.exec_driver_sql(begin)
    try:
        result = work(connection)
    except BaseException:
        connection.exec_driver_sql("ROLLBACK")
        raise
    connection.exec_driver_sql("COMMIT")
    return result
