"""What a command did to keys, tenants, sessions or data: one record on standard error, in the form of the server's log.

Standard output has what was asked for and nothing else, so the record disturbs no script.
"""

import getpass
import logging
import os
from typing import Any

from sojourn.observability import logs, security_events
from sojourn.settings import Settings


def record(settings: Settings, event: str, **members: Any) -> None:
    """Record a security event of the catalogue of commands, once it is done; with who ran the command."""
    handler = logging.StreamHandler()
    handler.setFormatter(logs.JsonLines() if settings.log_format == "json" else logs.TextLines())
    logger, level = security_events.logger, security_events.logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        security_events.by_command(event, operator=operator(), members=members)
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def operator() -> str:
    """The account of the operating system that runs the command."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number that has no name
        return str(os.getuid())
