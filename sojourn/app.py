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
from domain.ids import uuid7
from domain.risk import RiskThresholds
from domain.sessions import Timeouts
from domain.values import Tenant
from handlers import (
    administration,
    documentation,
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
from sojourn.documentation.pages import Documentation
from sojourn.draining import Draining
from sojourn.geoip import Locator
from sojourn.pipeline.bodies import BodyLimits
from sojourn.pipeline.middleware import ContractMiddleware
from sojourn.pipeline.program import Program
from sojourn.problem_pages import Pages
from sojourn.settings import Settings
from storage.activity import Activity
from storage.database import AHEAD, Database
from storage.housekeeping import keep_house
from storage.purging import purge_tenant
from storage.touches import Touch
from storage.unit_of_work import UnitOfWork

HOUSEKEEPING_SECONDS = 60
_NOT_RUNNING = "the database is open only while the application runs"

logger = logging.getLogger("sojourn")

HANDLER_MODULES: tuple[ModuleType, ...] = (
    administration,
    documentation,
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
    """The database, opened when the server starts and not before: a worker opens its own after the fork."""

    def __init__(self, settings: Settings, lent_tokens: Tokens, clock: Clock) -> None:
        self._settings = settings
        self._tokens = lent_tokens
        self._clock = clock
        self._database: Database | None = None
        self._activity: Activity | None = None
        self._draining = Draining(settings.drain_time)

    def __call__(self) -> Database:
        if self._database is None:
            raise RuntimeError(_NOT_RUNNING)
        return self._database

    async def is_ready(self) -> bool:
        """Whether requests should come here: the database answers, and no signal to stop has come."""
        return not self._draining.begun and await self().is_reachable()

    async def purge(self, tenant: Tenant, now: datetime) -> int:
        """Delete the tenant's sessions that ended longer ago than they are kept; how many went."""
        return await purge_tenant(self(), tenant, self._kept_since(now), to_text(now))

    async def touch(self, unit: UnitOfWork, key: str, at: datetime, touch: Touch) -> bool:
        """Record an activity of an active session; False when it is not active any more."""
        if self._activity is None:
            raise RuntimeError(_NOT_RUNNING)
        return await self._activity.touch(unit, key, at, touch)

    async def _keep_house(self, database: Database) -> None:
        """Settle and purge, once a minute, unless another process does."""
        holder = uuid7(self._clock())
        while True:
            await asyncio.sleep(HOUSEKEEPING_SECONDS)
            try:
                done = await keep_house(database, holder, self._clock(), self._settings.session_retention)
            except Unavailable:
                logger.warning("housekeeping found the database busy; it goes on in a minute")
                continue
            if done is not None:
                overdue_seconds = done.oldest_overdue.total_seconds()
                facts = {"settled": done.settled, "purged": done.purged, "oldest_overdue_seconds": overdue_seconds}
                logger.info("housekeeping", extra=facts)

    def _kept_since(self, now: datetime) -> str:
        return to_text(now - self._settings.session_retention)

    @asynccontextmanager
    async def lifespan(self, _: ConnexionMiddleware) -> AsyncIterator[dict[str, Any]]:
        """Open the database and start the tokens; close both when the server stops. The server sees what is yielded."""
        self._database = await Database.open(
            self._settings.database_url, self._settings.busy_timeout, self._settings.database_pool
        )
        now = self._clock()
        await self._database.make_room(now, now + AHEAD)
        self._activity = Activity(
            self._database, self._settings.touch_interval, self._settings.touch_batch, self._clock
        )
        housekeeping = asyncio.create_task(self._keep_house(self._database))
        try:
            await self._tokens.start(self._database)
            self._draining.watch()
            yield {"draining": self._draining}
        finally:
            housekeeping.cancel()
            await asyncio.gather(housekeeping, return_exceptions=True)
            await self._activity.close()
            await self._database.close()
            self._database = None


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
            touch=database.touch,
            contract={"json": bundle_json(contract), "yaml": bundle_yaml(contract)},
            problem_pages=Pages(settings.link_prefix),
            documentation=Documentation(),
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
