"""PostgreSQL: a pool of connections, a transaction for every request, as many copies of the program as wanted.

A read is one transaction that sees one instant; a write is acknowledged after its COMMIT has returned. Statements
are prepared once per connection by the driver.
"""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from datetime import datetime, timedelta
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from sojourn.domain.clock import to_text
from sojourn.domain.errors import DomainError, Unavailable
from sojourn.storage.database import Database, Load, RowSecurityBypassed
from sojourn.storage.listeners import Listeners
from sojourn.storage.postgres import citus, numbering, partitions, poolers, pools
from sojourn.storage.postgres.calls import Calls
from sojourn.storage.postgres.codecs import set_codecs
from sojourn.storage.postgres.connections import Connections
from sojourn.storage.postgres.failures import DRIVER_ERRORS, retries, unavailable
from sojourn.storage.postgres.functions import FUNCTIONS, functions_here
from sojourn.storage.postgres.grants import Refusals
from sojourn.storage.postgres.reader import Batches, PostgresReader
from sojourn.storage.postgres.runner import READ, WRITE, PostgresRunner, ended, transaction
from sojourn.storage.postgres.schema import on_connection
from sojourn.storage.postgres.writer import Messages, PostgresWriter
from sojourn.storage.queries import tenants
from sojourn.storage.schema.revisions import require_current
from sojourn.storage.touches import Touches
from sojourn.storage.unit_of_work import Runner, SystemUnit

T = TypeVar("T")
R = TypeVar("R")

logger = logging.getLogger("sojourn.storage")

_CACHED_STATEMENTS = 128
"""How many each connection keeps, with their plans. That of a search takes 1 to 5 MB of PostgreSQL's memory."""
_STEPS_OVER_ROW_SECURITY = "SELECT rolsuper::int + rolbypassrls::int FROM pg_roles WHERE rolname = current_user"
_SYSTEM_CONNECTIONS = 2
"""A pool of its own: requests that already hold a connection must not wait for a second one from the same pool."""
_STATEMENT_PATIENCE = 6
"""A statement may take this many times the busy timeout; waiting for a locked row, one busy timeout."""


class _NotTheOwner(Exception):
    """The role may not change the tables: it serves all the same. The message is the server's."""


class PostgresDatabase(Database):
    """A pool of connections to one database."""

    engine = "postgresql"

    purge_grace = partitions.WEEK

    def __init__(
        self,
        pool: Any,
        system_pool: Any,
        *,
        wait_seconds: float,
        functions: set[str] | None,
        settings: str = "",
        apart: bool = False,
    ) -> None:
        """`settings` follow on each BEGIN, `apart` in a message of their own. `functions`: the names of those that the
        database has; None where no read and no write goes in one message.
        """
        self.touches = Touches()
        self.listeners = Listeners()
        self._messages = None if functions is None else _messages(pool, wait_seconds, names=functions)
        self._pool = pool
        self._system_pool = system_pool
        self._wait_seconds = wait_seconds
        self._settings = settings
        self._apart = apart
        self._refusals = Refusals(system_pool, wait_seconds=wait_seconds)

    @classmethod
    async def connect(
        cls, url: str, busy_timeout: timedelta, *, pool_size: int, allow_bypass: bool = False
    ) -> "PostgresDatabase":
        """Connect to the database of `url`. Raises OSError, SchemaMismatch, RowSecurityBypassed."""
        wait_seconds = busy_timeout.total_seconds()
        try:
            distributed = await on_connection(url, _is_of_a_cluster)
            pooled = await poolers.is_pooled(url)
            settings = _settings(wait_seconds) | (citus.SETTINGS if distributed else {})
            pool = await _pool(url, wait_seconds, size=pool_size, pooled=pooled, settings=settings)
            system_pool = await _pool(url, wait_seconds, size=_SYSTEM_CONNECTIONS, pooled=pooled, settings=settings)
            async with pool.acquire() as connection:
                bypassed = bool(await poolers.in_transaction(connection, _STEPS_OVER_ROW_SECURITY))
                functions = None if distributed or pooled else await functions_here(connection)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, DBAPIError) as error:
            raise ConnectionError(str(error)) from error
        database = cls(
            pool,
            system_pool,
            wait_seconds=wait_seconds,
            functions=functions,
            settings=poolers.beginning_with(settings if pooled else citus.of_nodes(settings) if distributed else {}),
            apart=distributed,
        )
        if pooled:
            logger.info("a pooler is in front of PostgreSQL: statements are not prepared, every read is a transaction")
        if bypassed and not allow_bypass:
            await database.close()
            raise RowSecurityBypassed()
        if bypassed:
            logger.warning("the database role steps over row security: use one that is no superuser")
        return database

    async def close(self) -> None:
        """Wait for running transactions, then close every connection; close by force those that hang."""
        if self._messages is not None:
            await self._messages.calls.close()
            await self._messages.batches.close()
            await self._messages.connections.close()
        for pool in (self._pool, self._system_pool):
            with suppress(TimeoutError):  # the pool has ended its connections then, unasked
                await asyncio.wait_for(pool.close(), self._wait_seconds)

    async def _read(self, attempt: Callable[[Runner], Awaitable[T]]) -> T:
        messages = self._messages
        if messages is None:
            return await self._run(READ, attempt)
        return await self._repeat(lambda: self._reader(messages.batches), attempt)

    @asynccontextmanager
    async def system(self) -> AsyncIterator[SystemUnit]:
        """A unit that reads what belongs to no tenant."""
        try:
            async with self._transaction(self._system_pool, READ) as runner:
                yield SystemUnit(runner)
        except DRIVER_ERRORS as error:
            await self._refusals.tell(error)
            raise unavailable(error) from error

    async def _write(self, attempt: Callable[[Runner], Awaitable[T]]) -> T:
        messages = self._messages
        if messages is None:
            return await self._run(WRITE, attempt)
        return await self._repeat(lambda: self._writer(messages), attempt)

    async def write_system(self, work: Callable[[SystemUnit], Awaitable[T]]) -> T:
        """The same for what belongs to no tenant."""
        return await self._run(WRITE, lambda runner: work(SystemUnit(runner)))

    async def create_partitions(self, since: datetime, until: datetime) -> None:
        """Create the partitions of every week from `since` to `until`. Without one a session goes to the default."""
        try:
            await self._on_tables(lambda runner: partitions.make(runner, since, until=until))
        except Unavailable:
            logger.warning("requests are in the way of new partitions; housekeeping tries again")
        except asyncpg.CheckViolationError:
            logger.warning("a week gets no partitions: the default ones hold sessions of it")

    async def drop_partitions(self, before: datetime) -> int:
        """Drop the weeks that ended by `before`; how many sessions went."""
        gone = 0
        while dropped := await self._on_tables(lambda runner: partitions.drop(runner, to_text(before))):
            gone += dropped
        return gone

    async def _on_tables(self, change: Callable[[PostgresRunner], Awaitable[int]]) -> int:
        """Change tables; 0 when the role may not. Sessions then go to the default partitions, and are deleted by row.

        No request waits for it, so it is a warning only.
        """

        async def attempt(runner: PostgresRunner) -> int:
            try:
                return await change(runner)
            except asyncpg.InsufficientPrivilegeError as error:
                raise _NotTheOwner(str(error)) from error

        try:
            return await self._run(WRITE, attempt)
        except _NotTheOwner as error:
            logger.warning("this role may not change partitions, run the server as the owner of the tables: %s", error)
            return 0

    async def number_events(self, *, wait: bool = True) -> bool:
        """Number events that were committed, all that have no number yet."""
        numbered: int | None = numbering.BATCH
        while numbered == numbering.BATCH:
            numbered = await self._repeat(
                lambda: transaction(self._system_pool, WRITE + self._settings, wait_seconds=self._wait_seconds),
                lambda runner: numbering.number(runner, wait=wait),
            )
        return numbered is not None

    def load(self) -> Load:
        """The connections of the pool."""
        pool = self._pool
        in_use = pool.get_size() - pool.get_idle_size()
        return Load(connections_in_use=in_use, connections_max=pool.get_max_size(), under_way=self._under_way)

    async def time(self) -> float | None:
        """What the server's clock says, in seconds since 1970. Raises Unavailable."""

        async def ask(runner: PostgresRunner) -> float:
            [(seconds,)] = await runner.fetch("SELECT extract(epoch FROM clock_timestamp())::float8")
            return float(seconds)

        return await self._run(READ, ask)

    async def is_reachable(self) -> bool:
        """Whether the database answers now."""
        try:
            async with self.system() as unit:
                await unit.one(tenants.ANY)
        except (DomainError, *DRIVER_ERRORS):
            return False
        return True

    def _reader(self, batches: Batches) -> AbstractAsyncContextManager[PostgresReader]:
        return ended(PostgresReader(batches, self._pool, wait_seconds=self._wait_seconds))

    def _writer(self, messages: Messages) -> AbstractAsyncContextManager[PostgresWriter]:
        return ended(PostgresWriter(messages, self._pool, wait_seconds=self._wait_seconds))

    def _transaction(self, pool: Any, begin: str) -> AbstractAsyncContextManager[PostgresRunner]:
        return transaction(pool, begin + self._settings, wait_seconds=self._wait_seconds, apart=self._apart)

    async def _run(self, begin: str, work: Callable[[PostgresRunner], Awaitable[T]]) -> T:
        """One transaction."""
        return await self._repeat(lambda: self._transaction(self._pool, begin), work)

    async def _repeat(
        self, begin: Callable[[], AbstractAsyncContextManager[R]], work: Callable[[R], Awaitable[T]]
    ) -> T:
        """One unit; again when it met another one, or when its connection was gone before the COMMIT."""
        attempt = 0
        while True:
            try:
                async with begin() as runner:
                    return await work(runner)
            except DRIVER_ERRORS as error:
                attempt += 1
                if attempt > retries(error):
                    await self._refusals.tell(error)
                    raise unavailable(error) from error
            await asyncio.sleep(random.uniform(0, 0.01 * 2**attempt))  # noqa: S311 - no secret


def _messages(pool: Any, wait_seconds: float, *, names: set[str]) -> Messages:
    """How to ask for what one message is enough for. Where functions are missing, their procedures take several."""
    functions = {procedure: function for procedure, function in FUNCTIONS.items() if function.name in names}
    if len(functions) < len(FUNCTIONS):
        logger.warning("functions of this release are missing in the database, which costs speed: run sojourn migrate")
    connections = Connections(pool, wait_seconds)
    return Messages(connections, Batches(connections), Calls(connections), functions)


def _is_of_a_cluster(connection: Connection) -> bool:
    """Whether a database that this program can serve is one of Citus. Raises SchemaMismatch."""
    require_current(connection)
    return citus.is_here(connection)


async def _pool(url: str, wait_seconds: float, *, size: int, pooled: bool, settings: dict[str, str]) -> Any:
    return await pools.make(
        url,
        size=size,
        timeout=wait_seconds,
        command_timeout=wait_seconds * (_STATEMENT_PATIENCE + 1),
        statement_cache_size=0 if pooled else _CACHED_STATEMENTS,
        max_cached_statement_lifetime=0,
        max_cacheable_statement_size=0,  # no limit: the longest statements are the dearest to plan
        init=set_codecs,
        reset=_leave_as_it_is,
        server_settings={
            "application_name": "sojourn",
            "standard_conforming_strings": "on",
            **({} if pooled else settings),
        },
    )


def _settings(wait_seconds: float) -> dict[str, str]:
    milliseconds = round(wait_seconds * 1000)
    return {
        "lock_timeout": str(milliseconds),
        "statement_timeout": str(milliseconds * _STATEMENT_PATIENCE),
        "idle_in_transaction_session_timeout": str(milliseconds * _STATEMENT_PATIENCE),
        "jit": "off",
        "plan_cache_mode": "force_generic_plan",  # planning costs more than running what has an index
    }


async def _leave_as_it_is(_: Any) -> None:
    """Nothing to reset: a connection is returned outside any transaction and without settings of its own."""
