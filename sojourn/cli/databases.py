"""The database as a command uses it: opened, used once, closed; what cannot be opened is one line."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import click

from sojourn.domain.errors import Unavailable
from sojourn.settings import Settings
from sojourn.settings.strength import shown_url
from sojourn.storage.database import Database, RowSecurityBypassed
from sojourn.storage.engines import Unreachable, with_open_database
from sojourn.storage.schema.revisions import SchemaOutdated

T = TypeVar("T")


def with_database(settings: Settings, work: Callable[[Database], Awaitable[T]]) -> T:
    """Open the database, run `work`, close it again. Raises ClickException when it cannot be used."""
    try:
        return asyncio.run(
            with_open_database(
                settings.database_url,
                work,
                busy_timeout=settings.busy_timeout,
                allow_bypass=settings.may_bypass_row_security,
            )
        )
    except Unreachable as error:
        raise click.ClickException(f"cannot use the database {shown_url(settings.database_url)}: {error}") from None
    except (SchemaOutdated, RowSecurityBypassed) as error:
        raise click.ClickException(str(error)) from None
    except Unavailable:
        raise click.ClickException(f"the database {shown_url(settings.database_url)} is busy; try again") from None
