"""The application: every part built once, from settings to an ASGI callable.

Nothing happens on import. `create_app` refuses to build when the contract is not valid OpenAPI, when an operation
has no handler, or when a handler and the contract disagree.
"""

import asyncio
import inspect
import os
import signal
from collections.abc import Callable
from functools import cache, partial
from types import ModuleType
from typing import Any, Literal

from connexion.apps.asynchronous import AsyncApp
from connexion.exceptions import ResolverError
from connexion.middleware.lifespan import LifespanMiddleware
from connexion.middleware.main import API
from connexion.options import SwaggerUIOptions
from connexion.resolver import Resolver

from sojourn.authentication import ApiKeys, Tokens
from sojourn.authentication.guess_limit import GuessLimit
from sojourn.authentication.shared_counts import counts_of_this_server
from sojourn.console.pages import Console, prepare
from sojourn.documentation.pages import Documentation
from sojourn.domain.clock import Clock, utc_now
from sojourn.domain.limits import Limits
from sojourn.domain.risk import RiskThresholds
from sojourn.domain.sessions import Timeouts
from sojourn.enrichment.agents import describe_agent
from sojourn.enrichment.geoip import Locator, Networks
from sojourn.handlers import audit, console, documentation, keys, plans, policies, risk, service, status_lists
from sojourn.handlers.context import Service
from sojourn.handlers.devices import service as device_service
from sojourn.handlers.devices import user as device_user
from sojourn.handlers.events import following as events
from sojourn.handlers.events import streaming as event_stream
from sojourn.handlers.sessions import admin as session_admin
from sojourn.handlers.sessions import devices as session_devices
from sojourn.handlers.sessions import events as session_events
from sojourn.handlers.sessions import logout as session_logout
from sojourn.handlers.sessions import naming as session_naming
from sojourn.handlers.sessions import search as session_search
from sojourn.handlers.sessions import series as session_series
from sojourn.handlers.sessions import service as session_service
from sojourn.handlers.sessions import signals as session_signals
from sojourn.handlers.sessions import suspension as session_suspension
from sojourn.handlers.sessions import user as session_user
from sojourn.handlers.tokens import blacklist as token_blacklist
from sojourn.handlers.tokens import exchange as token_exchange
from sojourn.handlers.tokens import granting as token_granting
from sojourn.handlers.tokens import introspection as token_introspection
from sojourn.handlers.tokens import inventory as token_inventory
from sojourn.handlers.tokens import lifetimes as token_lifetimes
from sojourn.handlers.tokens import oauth as token_oauth
from sojourn.handlers.tokens import refresh as token_refresh
from sojourn.handlers.tokens import service as token_service
from sojourn.handlers.tokens import user as token_user
from sojourn.handlers.webhooks import deliveries as webhook_deliveries
from sojourn.handlers.webhooks import endpoints as webhook_endpoints
from sojourn.handlers.webhooks import logout_clients
from sojourn.observability import metrics, spans
from sojourn.openapi.loader import bundle_json, bundle_yaml, load_bundle
from sojourn.pipeline.bodies import BodyLimits
from sojourn.pipeline.conditions import entity_tag
from sojourn.pipeline.middleware import ContractMiddleware
from sojourn.pipeline.origins import Origins
from sojourn.pipeline.plans import Handler
from sojourn.pipeline.program import Program
from sojourn.pipeline.responses import to_json
from sojourn.pipeline.specification import ContractSpecification
from sojourn.problems.pages import Pages
from sojourn.serving.clock_watch import WatchedClock
from sojourn.serving.collection import keep_what_is_there
from sojourn.serving.forking import warm
from sojourn.serving.lifespan import WorkerDatabase
from sojourn.settings import Settings
from sojourn.storage.engines import compile_statements

HANDLER_MODULES: tuple[ModuleType, ...] = (
    audit,
    console,
    documentation,
    keys,
    plans,
    policies,
    risk,
    service,
    status_lists,
    device_service,
    device_user,
    events,
    event_stream,
    session_admin,
    session_devices,
    session_events,
    session_logout,
    session_naming,
    session_search,
    session_series,
    session_service,
    session_signals,
    session_suspension,
    session_user,
    token_blacklist,
    token_exchange,
    token_granting,
    token_inventory,
    token_introspection,
    token_lifetimes,
    token_oauth,
    token_refresh,
    token_service,
    token_user,
    webhook_deliveries,
    webhook_endpoints,
    logout_clients,
)


def create_app(
    settings: Settings,
    *,
    clock: Clock = utc_now,
    closed_responses: bool = False,
    contract: dict[str, Any] | None = None,
    handler_modules: tuple[ModuleType, ...] = HANDLER_MODULES,
    stubs: Callable[[str, Handler | None], Handler] | None = None,
    pages: Documentation | None = None,
) -> AsyncApp:
    """The ASGI application for `settings`.

    `clock` is what every request calls for its `now`. `closed_responses` holds answers against the contract with
    undeclared members refused; tests use it. `contract` and `handler_modules` are ours unless said otherwise.
    `pages` are ours, with nothing filled in, unless said otherwise.
    `stubs` is asked for the handler of each operation, with the one that was written or None; without it, an
    operation without a handler is refused.
    """
    contract = load_bundle() if contract is None else contract
    service_tokens = Tokens(settings)
    database = WorkerDatabase(settings, service_tokens, clock=clock)
    stored_keys = ApiKeys(settings, database)
    database.reloads(service_tokens.reload, stored_keys.reload)
    database.begins_with(stored_keys.reload)
    program = _program(
        settings,
        database,
        service_tokens=service_tokens,
        api_keys=stored_keys,
        clock=clock,
        contract=contract,
        closed_responses=closed_responses,
        pages=pages or Documentation(settings.link_prefix),
    )
    app = AsyncApp(
        __name__,
        lifespan=database.lifespan,
        middlewares=[
            *([partial(Origins, origins=settings.cors_origins)] if settings.cors_origins else []),
            partial(ContractMiddleware, program=program),
            LifespanMiddleware,
        ],
        swagger_ui_options=SwaggerUIOptions(serve_spec=False, swagger_ui=False),
        resolver=Resolver(_handler_index(handler_modules, stubs)),
    )
    # What `app.add_api` does, with a specification that was checked faster.
    specification = ContractSpecification(contract)  # type: ignore[no-untyped-call]  # Connexion
    app.middleware.apis.append(API(specification, base_path=settings.base_path, **vars(app.middleware.options)))
    return app


def create_app_from_env() -> AsyncApp:
    """The application for the `SOJOURN_*` environment; what each worker process calls that is started anew."""
    _begin_worker()
    app = create_app(Settings.from_env(os.environ), clock=WatchedClock())
    keep_what_is_there()
    return app


def prepare_app_from_env() -> Callable[[], AsyncApp]:
    """The same, built once for workers that are forked; what each of them calls.

    Whatever workers would make at their first requests is made: the layers of the application, statements, patterns.
    """
    settings = Settings.from_env(os.environ)
    app = create_app(settings, clock=WatchedClock())
    compile_statements(settings.database_url)
    describe_agent("Mozilla/5.0")
    prepare()
    asyncio.run(warm(app))

    def begin() -> AsyncApp:
        _begin_worker()
        return app

    return begin


def _begin_worker() -> None:
    metrics.start()
    spans.start()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until keys can be read again


def _handler_index(
    modules: tuple[ModuleType, ...], stubs: Callable[[str, Handler | None], Handler] | None
) -> Callable[[str], Handler]:
    """operationId → handler: the public coroutine functions of the handler modules, by name."""
    index: dict[str, Handler] = {
        name: function
        for module in modules
        for name, function in inspect.getmembers(module, inspect.iscoroutinefunction)
        if not name.startswith("_") and function.__module__ == module.__name__
    }

    def find(operation_id: str) -> Handler:
        if stubs is not None:
            return stubs(operation_id, index.get(operation_id))
        if operation_id not in index:
            raise ResolverError(f"the contract's operation {operation_id!r} has no handler")
        return index[operation_id]

    return find


def _program(
    settings: Settings,
    database: WorkerDatabase,
    *,
    service_tokens: Tokens,
    api_keys: ApiKeys,
    clock: Clock,
    contract: dict[str, Any],
    closed_responses: bool,
    pages: Documentation,
) -> Program:
    servers = [{**server, "url": settings.link_prefix or server["url"]} for server in contract.get("servers", ())]
    served = {**contract, "servers": servers} if servers else contract

    @cache
    def written(form: Literal["json", "yaml"]) -> bytes:
        """The contract as a text, written when somebody asks: no start waits for it."""
        return bundle_json(served) if form == "json" else bundle_yaml(served)

    return Program(
        clock=clock,
        wrong_key=GuessLimit(settings.api_key_guesses, counts_of_this_server()).wrong,
        database=database,
        api_keys=api_keys,
        tokens=service_tokens,
        sealer=service_tokens,
        service=Service(
            tokens=service_tokens,
            tag_of=lambda view: entity_tag(to_json(view)).decode(),
            timeouts=Timeouts(settings.idle_timeout, settings.absolute_timeout),
            sign_in_max_age=settings.sign_in_max_age,
            session_retention=settings.session_retention,
            clock=clock,
            device_trust_window=settings.device_trust_window,
            risk=RiskThresholds(settings.risk_challenge_at, settings.risk_revoke_at),
            limits=Limits(
                sessions_per_user=settings.max_sessions_per_user,
                trusted_devices=settings.max_trusted_devices,
                blacklist_entries=settings.max_blacklist_entries,
                tenants=settings.max_tenants,
                webhooks=settings.max_webhooks,
            ),
            tenants_provisioned=settings.tenants_provisioned,
            describe_agent=describe_agent,
            locate=Locator(settings.geoip_database).locate,
            network=Networks(settings.asn_database).find,
            is_ready=database.is_ready,
            purge=database.purge,
            touch=database.touch,
            write=database.write,
            feed=database.feed,
            status_lists=database.status_lists,
            stream_max_age=settings.stream_max_age,
            sending=database.sender,
            public_url=settings.public_url,
            revoking=database.revoker,
            contract=written,
            problem_pages=Pages(settings.link_prefix),
            documentation=pages,
            console=Console(settings),
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
        internal_port=settings.internal_port,
    )
