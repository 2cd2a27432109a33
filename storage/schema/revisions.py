"""The schema's revision: which one a database has, and which ones this program can serve."""

import logging
import re

from sqlalchemy import Connection, inspect, text
from sqlalchemy.schema import SchemaItem

from sojourn.storage.schema import progress

HEAD = "0021"
"""The newest revision in `storage/migrations/versions`. Revisions are numbered: they sort like they follow."""

_NOT_OF_THE_MODELS = re.compile(rf"sqlite_|{progress.TABLE}$|\w+_(default|\d{{8}})$")
"""Tables of SQLite's own, of the migration's own, and partitions."""

logger = logging.getLogger("sojourn.storage")


class SchemaMismatch(Exception):
    """This program and the database's schema do not go together. The message says what to do."""


class SchemaOutdated(SchemaMismatch):
    """The database's schema is older than the program. The message names the command to run."""

    def __init__(self, revision: str | None) -> None:
        found = "has no tables of ours" if revision is None else f"has the schema {revision}"
        super().__init__(f"the database {found}, this program needs {HEAD}: run `sojourn migrate`")


class SchemaNewer(SchemaMismatch):
    """The database was migrated by a newer release, and this program cannot go on with it."""

    def __init__(self, revision: str) -> None:
        super().__init__(
            f"the database has the schema {revision}, and this program knows none after {HEAD}:"
            " use the release that migrated the database, or a newer one"
        )


class CannotDistribute(SchemaMismatch):
    """The tables cannot be spread over the nodes of a cluster. The message says what to do."""


def revision_of(connection: Connection) -> str | None:
    """The schema's revision; None for a database without one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def require_current(connection: Connection) -> None:
    """Raise SchemaOutdated for an older schema, SchemaNewer for one whose migration a newer release has finished.

    A newer schema is served until then, with a warning: revisions only add, so that programs of the release before can
    go on beside a migration.
    """
    revision = revision_of(connection)
    if revision is None or revision < HEAD:
        raise SchemaOutdated(revision)
    oldest = progress.oldest_program(connection)
    if oldest is not None and oldest > HEAD:
        raise SchemaNewer(revision)
    if revision > HEAD:
        logger.warning(
            "the database has the schema %s, newer than this program's %s:"
            " it is served until the newer release runs `sojourn migrate --contract`",
            revision,
            HEAD,
        )


def differences(connection: Connection) -> list[object]:
    """How the database's tables differ from the program's; empty when they are the same."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext
    from sqlmodel import SQLModel

    from sojourn.storage.schema import (  # noqa: F401 - the tables register themselves
        audit_tables,
        event_tables,
        plan_tables,
        policy_tables,
        rollup_tables,
        status_tables,
        tables,
        token_tables,
        webhook_tables,
    )

    def is_ours(part: SchemaItem, name: str | None, kind: str, *_: object) -> bool:
        if part.info.get("only_on") not in (None, connection.dialect.name):
            return False
        return not (kind == "table" and name is not None and _NOT_OF_THE_MODELS.match(name))

    context = MigrationContext.configure(connection, opts={"compare_type": True, "include_object": is_ours})
    return list(compare_metadata(context, SQLModel.metadata))
