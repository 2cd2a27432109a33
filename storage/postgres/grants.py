"""Failures that only an operator can end: a missing grant, table, schema or database, or a certificate that is refused.

They are not the fault of the request, so it gets 503 and may be sent again. The log says what is wrong; where a grant
is missing, with the command that restores it.
"""

import logging
import time
from contextlib import suppress
from typing import Any

from sojourn.storage.postgres.failures import DRIVER_ERRORS, is_of_certificate, is_operators

logger = logging.getLogger("sojourn.storage")

_AGAIN_AFTER_SECONDS = 10
"""The same refusal is logged this often at most, by each process."""

_MISSING = r"""
SELECT DISTINCT 'GRANT ' || p.privilege || ' ON ' || c.oid::regclass || ' TO ' || quote_ident(current_user) AS missing
FROM pg_class c, (VALUES ('SELECT'), ('INSERT'), ('UPDATE'), ('DELETE')) p (privilege)
WHERE c.relkind IN ('r', 'p') AND c.relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
  AND c.relname ~ '^\w+$' AND $1::text ~ ('\m' || c.relname || '\M')
  AND NOT has_table_privilege(c.oid, p.privilege)
UNION ALL
SELECT 'GRANT USAGE ON SCHEMA ' || n.oid::regnamespace || ' TO ' || quote_ident(current_user)
FROM pg_namespace n
WHERE n.nspname !~ '^pg_' AND NOT has_schema_privilege(n.oid, 'USAGE')
  AND EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = n.oid AND c.relname = 'alembic_version')
ORDER BY 1
"""
"""The commands that give the role what it lacks on the table that a message names, and on the schema of our tables."""


class Refusals:
    """Logs what only an operator can put right, as an error, and not once for every request."""

    def __init__(self, pool: Any, *, wait_seconds: float) -> None:
        self._pool = pool
        self._wait_seconds = wait_seconds
        self._told: dict[str, float] = {}

    async def tell(self, error: Exception) -> None:
        """Log `error` if it is of this kind, with the missing grants as far as the server names them."""
        text, now = str(error), time.monotonic()
        if not is_operators(error) or now - self._told.get(text, -_AGAIN_AFTER_SECONDS) < _AGAIN_AFTER_SECONDS:
            return
        self._told[text] = now
        if is_of_certificate(error):
            logger.error("the certificate of PostgreSQL is refused until an operator helps: %s", text)
            return
        commands: list[str] = []
        with suppress(*DRIVER_ERRORS):  # then the server's own words have to do
            async with self._pool.acquire(timeout=self._wait_seconds) as connection, connection.transaction():
                commands = [row[0] for row in await connection.fetch(_MISSING, text)]
        advice = f"; to give back what is missing: {'; '.join(commands)}" if commands else ""
        logger.error("PostgreSQL refuses until an operator helps: %s%s", text, advice)
