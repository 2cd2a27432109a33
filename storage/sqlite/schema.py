"""The schema of a SQLite file: made with the file, later brought up to date on command."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, create_engine

from sojourn.storage.schema import revisions
from sojourn.storage.sqlite.connections import connect
from sojourn.storage.sqlite.planner_statistics import fix_plans


def prepare(path: Path, wait_seconds: float) -> None:
    """Make the tables of a new file; several processes may try at once. Raises SchemaOutdated for an old file."""

    def make_or_require(connection: Connection) -> None:
        if revisions.revision_of(connection) is None:
            revisions.upgrade(connection)
        revisions.require_current(revisions.revision_of(connection))

    _change(path, wait_seconds, work=make_or_require)


def upgrade(path: Path, wait_seconds: float, *, folder: Path | None = None) -> None:
    """Bring a file to the newest revision, in one transaction."""

    def run(connection: Connection) -> None:
        if folder is None:
            revisions.upgrade(connection)
        else:
            revisions.upgrade(connection, folder)

    _change(path, wait_seconds, work=run)


def revision_of(path: Path) -> str | None:
    """The revision of a file; None for one that is not there or has no tables."""
    if not path.exists():
        return None
    with on_connection(path, 1) as connection:
        return revisions.revision_of(connection)


@contextmanager
def on_connection(path: Path, wait_seconds: float) -> Iterator[Connection]:
    """A connection of SQLAlchemy's that begins no transaction by itself."""
    engine = create_engine("sqlite://", creator=lambda: connect(path, wait_seconds))
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def _change(path: Path, wait_seconds: float, *, work: Callable[[Connection], None]) -> None:
    with on_connection(path, wait_seconds) as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        try:
            work(connection)
            fix_plans(connection)
        except BaseException:
            connection.exec_driver_sql("ROLLBACK")
            raise
        connection.exec_driver_sql("COMMIT")
