"""The schema's revision: which one a database has, which one this program needs, and the way from one to the other."""

import re
from pathlib import Path

from sqlalchemy import Connection, inspect, text

HEAD = "0007"
"""The newest revision in `storage/migrations/versions`. Revisions are numbered: they sort like they follow."""

_NOT_OF_THE_MODELS = re.compile(r"sqlite_|\w+_(default|\d{8})$")
"""Tables of SQLite's own, and partitions."""
_FOLDER = Path(__file__).parent.parent / "migrations"


class SchemaOutdated(Exception):
    """The database's schema is older than the program. The message names the command to run."""

    def __init__(self, revision: str | None) -> None:
        found = "has no tables of ours" if revision is None else f"has the schema {revision}"
        super().__init__(f"the database {found}, this program needs {HEAD}: run `sojourn migrate`")


def revision_of(connection: Connection) -> str | None:
    """The schema's revision; None for a database without one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def require_current(revision: str | None) -> None:
    """Raise SchemaOutdated for an older schema. A newer one is fine: revisions only add what is in use."""
    if revision is None or revision < HEAD:
        raise SchemaOutdated(revision)


def upgrade(connection: Connection, folder: Path = _FOLDER) -> None:
    """Bring the database to the newest revision, inside the connection's transaction.

    Tables that were made before there were revisions are taken as the first one when they are just so.
    """
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", _FOLDER.as_posix())
    config.set_main_option("version_locations", (folder / "versions").as_posix())
    config.set_main_option("path_separator", "newline")
    config.attributes["connection"] = connection
    if revision_of(connection) is None and inspect(connection).has_table("sessions"):
        if differences(connection):
            raise SchemaOutdated("of an unreleased version")
        command.stamp(config, HEAD)
    command.upgrade(config, "head")


def differences(connection: Connection) -> list[object]:
    """How the database's tables differ from the program's; empty when they are the same."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext
    from sqlmodel import SQLModel

    from sojourn.storage.schema import audit_tables, tables, token_tables  # noqa: F401 - the tables register themselves

    def is_ours(_: object, name: str | None, kind: str, *__: object) -> bool:
        return not (kind == "table" and name is not None and _NOT_OF_THE_MODELS.match(name))

    context = MigrationContext.configure(connection, opts={"compare_type": True, "include_object": is_ours})
    return list(compare_metadata(context, SQLModel.metadata))
