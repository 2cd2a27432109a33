"""The database as a command uses it: opened, used once, closed; what cannot be opened is one line."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import TypeVar

import click

from sojourn.domain.errors import Unavailable
from sojourn.settings import Settings
from sojourn.settings.strength import shown_url
from sojourn.storage.database import Database, RowSecurityBypassed
from sojourn.storage.engines import Unreachable, missing_file, with_open_database
from sojourn.storage.schema.revisions import SchemaMismatch

T = TypeVar("T")


def existing_database(settings: Settings) -> Settings:
    """The settings, for a command about what is in the database. Raises ClickException where there is no such file."""
    absent = missing_file(settings.database_url)
    if absent is not None:
        raise click.ClickException(f"there is no database at {absent}: set SOJOURN_DATABASE_URL or --database-url")
    return settings


def require_place(settings: Settings) -> None:
    """Raises ClickException where there is no SQLite file and none can be made: it names the folder and the reason."""
    absent = missing_file(settings.database_url)
    if absent is not None and not absent.parent.is_dir():
        raise click.ClickException(f"cannot use the database {absent}: its folder {absent.parent} does not exist")
    if absent is not None and not os.access(absent.parent, os.W_OK):
        raise click.ClickException(f"cannot make the database {absent}: its folder {absent.parent} cannot be written")


def with_database(
    settings: Settings, work: Callable[[Database], Awaitable[T]], *, existing: bool = False, connections: int = 1
) -> T:
    """Open the database, run `work`, close it again. Raises ClickException when it cannot be used.

    A command that needs what is in an `existing` database makes none where there is none. `connections`: how many
    transactions go on side by side at most.
    """
    require_place(settings)
    if existing:
        existing_database(settings)
    try:
        return asyncio.run(
            with_open_database(
                settings.database_url,
                work,
                busy_timeout=settings.busy_timeout,
                allow_bypass=settings.may_bypass_row_security,
                connections=connections,
            )
        )
    except Unreachable as error:
        raise click.ClickException(f"cannot use the database {shown_url(settings.database_url)}: {error}") from None
    except (SchemaMismatch, RowSecurityBypassed) as error:
        raise click.ClickException(str(error)) from None
    except Unavailable:
        raise click.ClickException(f"the database {shown_url(settings.database_url)} is busy; try again") from None
