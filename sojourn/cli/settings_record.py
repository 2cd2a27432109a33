"""The settings with which the server starts, in the audit trail: a record where they are not those of the last one."""

import logging

import click

from sojourn.cli.databases import with_database
from sojourn.cli.trail import Trail
from sojourn.domain.values import SERVICE_TRAIL
from sojourn.settings import Settings
from sojourn.settings.settings import variable
from sojourn.settings.shown import shown
from sojourn.storage.database import Database
from sojourn.storage.queries import audit
from sojourn.storage.unit_of_work import SystemUnit

ACTION = "settings.applied"

logger = logging.getLogger("sojourn.serve")


def record_settings(settings: Settings) -> None:
    """Record the settings in the service's own trail, unless they are those of its last record of settings.

    `after` has every setting as a text, secrets masked; `before` has those that were different. A server that cannot
    write the record just now starts all the same and says so: its next start compares again.
    """
    trail, now = Trail(settings), {variable(name): text for name, text in shown(settings).items()}

    async def compare(unit: SystemUnit) -> None:
        last = await audit.last(unit.of(SERVICE_TRAIL), ACTION)
        then = {} if last is None else dict(last["after"])
        if then != now:
            before = {name: text for name, text in then.items() if now.get(name) != text}
            await trail.append(unit, ACTION, before=None if last is None else before, after=now)

    async def write(database: Database) -> None:
        await database.write_system(compare)

    try:
        with_database(settings, write)
    except click.ClickException as error:
        logger.warning("the settings of this start are not in the audit trail: %s", error.message)
