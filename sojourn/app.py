"""The application: every part built once, from settings to an ASGI callable.

Nothing happens on import. `create_app` refuses to build when the contract is not valid OpenAPI, when an operation
has no handler, or when a handler and the contract disagree.
"""

import asyncio
import inspect
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from types import ModuleType
from typing import Any

from connexion.apps.asynchronous import AsyncApp
from connexion.exceptions import ResolverError
from connexion.middleware.lifespan import LifespanMiddleware
from connexion.middleware.main import ConnexionMiddleware
from connexion.options import SwaggerUIOptions
from connexion.resolver import Resolver

from domain.clock import Clock, to_text, utc_now
from domain.errors import Unavailable
from domain.risk import RiskThresholds
from domain.sessions import Timeouts
from domain.values import Tenant
from handlers import (
    administration,
    own_sessions,
    own_trusted_devices,
    risk,
    service,
    sessions,
    token_administration,
    tokens,
    trusted_devices,
)
from handlers.context import Service
from openapi.loader import bundle_json, bundle_yaml, load_bundle
from sojourn.agents import describe_agent
from sojourn.authentication import ApiKeys, Tokens
from sojourn.draining import Draining
from sojourn.geoip import Locator
from sojourn.pipeline.bodies import BodyLimits
from sojourn.pipeline.middleware import ContractMiddleware
from sojourn.pipeline.program import Program
from sojourn.problem_pages import Pages
from sojourn.settings import Settings
from storage.absent_database import AbsentDatabase
from storage.database import Database
from storage.housekeeping import purge_all, settle_all
from storage.purging import purge_tenant

HOUSEKEEPING_SECONDS = 60
START_SECONDS = 5
"""A start waits so long for a database that does not answer, and then serves refusals."""

logger = logging.getLogger("sojourn")

HANDLER_MODULES: tuple[ModuleType, ...] = (
    administration,
    own_sessions,
    own_trusted_devices,
    risk,
    service,
    sessions,
    token_administration,
    tokens,
    trusted_devices,
)


def create_app(
    settings: Settings,
    *,
    clock: Clock = utc_now,
    closed_responses: bool = False,
    contract: dict[str, Any] | None = None,
    handler_modules: tuple[ModuleType, ...] = HANDLER_MODULES,
) -> AsyncApp:
    """The ASGI application for `settings`.

    `clock` is what every request calls for its `now`. `closed_responses` holds answers against the contract with
    undeclared members refused; tests use it. `contract` and `handler_modules` are ours unless said otherwise.
    """
    contract = load_bundle() if contract is None else contract
    lent_tokens = Tokens(settings)
    database = _LateDatabase(settings, lent_tokens, clock)
    program = _program(settings, database, lent_tokens, clock, contract, closed_responses)
    app = AsyncApp(
        __name__,
        lifespan=database.lifespan,
        middlewares=[partial(ContractMiddleware, program=program), LifespanMiddleware],
        swagger_ui_options=SwaggerUIOptions(serve_spec=False, swagger_ui=False),
        resolver=Resolver(_handler_index(handler_modules)),
    )
    app.add_api(contract, base_path=settings.base_path)
    return app


def create_app_from_env() -> AsyncApp:
    """The application for the `SOJOURN_*` environment; what each worker process calls."""
    return create_app(Settings.from_env(os.environ))


class _LateDatabase:
    """The database, opened when the server starts and not before: a worker opens its own after the fork.

    One that cannot be reached just then is tried again: a worker that replaces a dead one must not give up, for its
    supervisor would end the others with it. Until then requests are refused.
    """

    def __init__(self, settings: Settings, lent_tokens: Tokens, clock: Clock) -> None:
        self._settings = settings
        self._tokens = lent_tokens
        self._clock = clock
        self._database: Database = AbsentDatabase()
        self._draining = Draining(settings.drain_time)

    def __call__(self) -> Database:
        return self._database

    async def is_ready(self) -> bool:
        """Whether requests should come here: the database answers, and no signal to stop has come."""
        return not self._draining.begun and await self().is_reachable()

    async def purge(self, tenant: Tenant, now: datetime) -> int:
        """Delete the tenant's sessions that ended longer ago than they are kept; how many went."""
        return await purge_tenant(self(), tenant, self._kept_since(now), to_text(now))

    async def _keep_house(self) -> None:
        """Settle and purge, once a minute."""
        while True:
            await asyncio.sleep(HOUSEKEEPING_SECONDS)
            now = self._clock()
            try:
                await settle_all(self(), to_text(now))
                await purge_all(self(), self._kept_since(now), to_text(now))
            except Unavailable:
                logger.warning("housekeeping found the database busy; it goes on in a minute")

    def _kept_since(self, now: datetime) -> str:
        return to_text(now - self._settings.session_retention)

    @asynccontextmanager
    async def lifespan(self, _: ConnexionMiddleware) -> AsyncIterator[dict[str, Any]]:
        """Open the database and start the tokens; close both when the server stops. The server sees what is yielded."""
        await self._tokens.open_vault()
        tasks = []
        try:
            first = asyncio.create_task(self._open())
            await asyncio.wait({first}, timeout=START_SECONDS)
            if not first.done() or not first.result():
                tasks.append(asyncio.create_task(self._go_on_opening(first)))
            tasks.append(asyncio.create_task(self._keep_house()))
            self._draining.watch()
            yield {"draining": self._draining}
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._database.close()
            self._database = AbsentDatabase()

    async def _open(self) -> bool:
        """Open the database and start the tokens; False when it cannot be reached. Raises SchemaOutdated."""
        settings = self._settings
        try:
            database = await Database.open(settings.database_url, settings.busy_timeout, settings.database_pool)
        except (OSError, Unavailable) as error:
            logger.warning("the database cannot be reached, requests are refused until it can: %s", error)
            return False
        try:
            await self._tokens.start(database)
        except Unavailable:
            await database.close()
            logger.warning("the database does not answer, requests are refused until it does")
            return False
        except BaseException:
            await database.close()
            raise
        self._database = database
        return True

    async def _go_on_opening(self, attempt: asyncio.Task[bool]) -> None:
        """Try again, once a second. What has gone wrong for good meanwhile (older tables) is logged each time."""
        while True:
            try:
                if await attempt:
                    return
            except Exception as error:
                logger.error("the database cannot be used: %s", error)
            await asyncio.sleep(1)
            attempt = asyncio.create_task(self._open())


def _handler_index(modules: tuple[ModuleType, ...]) -> Any:
    """operationId → handler: the public coroutine functions of the handler modules, by name."""
    index = {
        name: function
        for module in modules
        for name, function in inspect.getmembers(module, inspect.iscoroutinefunction)
        if not name.startswith("_") and function.__module__ == module.__name__
    }

    def find(operation_id: str) -> Any:
        if operation_id not in index:
            raise ResolverError(f"the contract's operation {operation_id!r} has no handler")
        return index[operation_id]

    return find


def _program(
    settings: Settings,
    database: _LateDatabase,
    lent_tokens: Tokens,
    clock: Clock,
    contract: dict[str, Any],
    closed_responses: bool,
) -> Program:
    return Program(
        clock=clock,
        database=database,
        api_keys=ApiKeys(settings, database),
        tokens=lent_tokens,
        service=Service(
            tokens=lent_tokens,
            timeouts=Timeouts(settings.idle_timeout, settings.absolute_timeout),
            device_trust_window=settings.device_trust_window,
            risk=RiskThresholds(settings.risk_challenge_at, settings.risk_revoke_at),
            tenants_provisioned=settings.tenants_provisioned,
            describe_agent=describe_agent,
            locate=Locator(settings.geoip_database).locate,
            is_ready=database.is_ready,
            purge=database.purge,
            contract={"json": bundle_json(contract), "yaml": bundle_yaml(contract)},
            problem_pages=Pages(settings.link_prefix),
        ),
        body_limits=BodyLimits(
            settings.max_body_bytes,
            settings.max_json_depth,
            settings.max_json_digits,
            settings.body_timeout.total_seconds(),
        ),
        max_uri_bytes=settings.max_uri_bytes,
        max_header_bytes=settings.max_header_bytes,
        response_validation=settings.response_validation,
        closed_responses=closed_responses,
        public_url=settings.link_prefix,
        development=settings.environment == "development",
    )
