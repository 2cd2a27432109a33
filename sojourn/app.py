"""The application: every part built once, from settings to an ASGI callable.

Nothing happens on import. `create_app` refuses to build when the contract is not valid OpenAPI, when an operation
has no handler, or when a handler and the contract disagree.
"""

import asyncio
import inspect
import logging
import os
from collections.abc import AsyncIterator, Callable
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
from sojourn.geoip import Locator
from sojourn.pipeline.bodies import BodyLimits
from sojourn.pipeline.middleware import ContractMiddleware
from sojourn.pipeline.plans import Handler
from sojourn.pipeline.program import Program
from sojourn.problem_pages import Pages
from sojourn.settings import Settings
from storage.database import Database
from storage.housekeeping import purge_all, settle_all
from storage.purging import purge_tenant

HOUSEKEEPING_SECONDS = 60

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
    stand_ins: Callable[[str, Handler | None], Handler] | None = None,
) -> AsyncApp:
    """The ASGI application for `settings`.

    `clock` is what every request calls for its `now`. `closed_responses` holds answers against the contract with
    undeclared members refused; tests use it. `contract` and `handler_modules` are ours unless said otherwise.
    `stand_ins` is asked for the handler of each operation, with the one that was written or None; without it, an
    operation without a handler is refused.
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
        resolver=Resolver(_handler_index(handler_modules, stand_ins)),
    )
    app.add_api(contract, base_path=settings.base_path)
    return app


def create_app_from_env() -> AsyncApp:
    """The application for the `SOJOURN_*` environment; what each worker process calls."""
    return create_app(Settings.from_env(os.environ))


class _LateDatabase:
    """The database, opened when the server starts and not before: a worker opens its own after the fork."""

    def __init__(self, settings: Settings, lent_tokens: Tokens, clock: Clock) -> None:
        self._settings = settings
        self._tokens = lent_tokens
        self._clock = clock
        self._database: Database | None = None

    def __call__(self) -> Database:
        if self._database is None:
            raise RuntimeError("the database is open only while the application runs")
        return self._database

    async def purge(self, tenant: Tenant, now: datetime) -> int:
        """Delete the tenant's sessions that ended longer ago than they are kept; how many went."""
        return await purge_tenant(self(), tenant, self._kept_since(now), to_text(now))

    async def _keep_house(self, database: Database) -> None:
        """Settle and purge, once a minute."""
        while True:
            await asyncio.sleep(HOUSEKEEPING_SECONDS)
            now = self._clock()
            try:
                await settle_all(database, to_text(now))
                await purge_all(database, self._kept_since(now), to_text(now))
            except Unavailable:
                logger.warning("housekeeping found the database busy; it goes on in a minute")

    def _kept_since(self, now: datetime) -> str:
        return to_text(now - self._settings.session_retention)

    @asynccontextmanager
    async def lifespan(self, _: ConnexionMiddleware) -> AsyncIterator[None]:
        """Open the database and start the tokens; close both when the server stops."""
        self._database = await Database.open(
            self._settings.database_url, self._settings.busy_timeout, self._settings.database_pool
        )
        housekeeping = asyncio.create_task(self._keep_house(self._database))
        try:
            await self._tokens.start(self._database)
            yield
        finally:
            housekeeping.cancel()
            await asyncio.gather(housekeeping, return_exceptions=True)
            await self._tokens.stop()
            await self._database.close()
            self._database = None


def _handler_index(
    modules: tuple[ModuleType, ...], stand_ins: Callable[[str, Handler | None], Handler] | None
) -> Callable[[str], Handler]:
    """operationId → handler: the public coroutine functions of the handler modules, by name."""
    index: dict[str, Handler] = {
        name: function
        for module in modules
        for name, function in inspect.getmembers(module, inspect.iscoroutinefunction)
        if not name.startswith("_") and function.__module__ == module.__name__
    }

    def find(operation_id: str) -> Handler:
        if stand_ins is not None:
            return stand_ins(operation_id, index.get(operation_id))
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
    async def is_ready() -> bool:
        return await database().is_reachable()

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
            is_ready=is_ready,
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
