"""Serves each request, as one middleware of Connexion's stack.

`ContractMiddleware` is given the contract by Connexion (`SpecMiddleware.add_api`), lets Connexion make its
operation objects and resolve the handlers, and compiles each into a `Plan`. A request then runs through

    head → route → authenticate and authorise → validate → unit of work → handler → answer

and every refusal on the way is sent by `Responder.refuse`, except refusals below the application.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from connexion.middleware.abstract import AbstractRoutingAPI, SpecMiddleware
from connexion.operations.abstract import AbstractOperation
from connexion.spec import Specification

from sojourn.domain.errors import DomainError, InternalError, InvalidApiKey, Unavailable, ValidationFailed, Violation
from sojourn.handlers.answers import Stream
from sojourn.observability import security_events, spans
from sojourn.pipeline import conditions
from sojourn.pipeline.bodies import ClientGone, JsonReader, Receive, read_body
from sojourn.pipeline.clients import CREDENTIALS, Client, client_of
from sojourn.pipeline.forms import FormReader
from sojourn.pipeline.negotiation import (
    check_content_type,
    check_form_type,
    check_security_event_type,
    choose_media_type,
)  # fmt: skip
from sojourn.pipeline.parameters import read_headers, read_path, read_query
from sojourn.pipeline.plans import Body, Plan, compile_plan
from sojourn.pipeline.program import Program
from sojourn.pipeline.requests import Request, Scope, check_head, open_request, repeated_header
from sojourn.pipeline.responder import Responder, Send
from sojourn.pipeline.retries import Again
from sojourn.pipeline.routing import Router
from sojourn.pipeline.seam import run_handler
from sojourn.problems.http_errors import MalformedBody

logger = logging.getLogger("sojourn.pipeline")

App = Callable[[Scope, Receive, Send], Awaitable[None]]


class ContractAPI(AbstractRoutingAPI[Plan]):
    """One contract, compiled: a router whose leaves are plans."""

    def __init__(self, specification: Specification, *, program: Program, **options: Any) -> None:
        self._program = program
        self.router: Router[Plan] | None = None
        self.public: Router[Plan] | None = None
        self.declared_headers: set[bytes] = set()
        super().__init__(specification, **options)

    def make_operation(self, operation: AbstractOperation) -> Plan:
        """The plan of an operation (called by Connexion for each)."""
        definition = self.specification["paths"][operation.path][operation.method]
        plan = compile_plan(
            operation,
            definition,
            api_keys=self._program.api_keys,
            tokens=self._program.tokens,
            closed_responses=self._program.closed_responses,
        )
        self.declared_headers.update(plan.headers)
        return plan

    @staticmethod
    def _framework_path_and_name(operation: AbstractOperation, path: str) -> tuple[str, str]:
        return path, operation.operation_id

    def _add_operation_internal(self, method: str, path: str, operation: Plan, name: str | None = None) -> None:
        if self.router is None or self.public is None:
            self.router, self.public = Router(self.base_path), Router(self.base_path)
        self.router.add(method.upper(), path, value=operation)
        if not operation.is_internal:
            self.public.add(method.upper(), path, value=operation)


class ContractMiddleware(SpecMiddleware):
    """Routing, security, validation and dispatch of every operation of the contract."""

    def __init__(self, app: App, program: Program) -> None:
        self._next = app
        self._program = program
        self._json = JsonReader(program.body_limits)
        self._router: Router[Plan] = Router("")
        self._public: Router[Plan] = Router("")
        self._declared_headers: frozenset[bytes] = frozenset()

    def add_api(self, specification: Specification, **options: Any) -> ContractAPI:
        """Compile a contract (called once by Connexion, when the stack is built)."""
        api = ContractAPI(specification, program=self._program, **options)
        if api.router is not None and api.public is not None:
            self._router, self._public = api.router, api.public
        self._declared_headers = frozenset(api.declared_headers)
        return api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; anything but HTTP goes on to the next application."""
        if scope["type"] != "http":
            await self._next(scope, receive, send)
            return
        request = open_request(scope, self._program.clock(), declared_headers=self._declared_headers)
        responder = Responder(self._program, request, send=send)
        span = _span_of(request, responder)
        try:
            await self._serve(request, receive, responder=responder, router=self._router_of(scope))
        except DomainError as error:
            await responder.refuse(error)
        except asyncio.CancelledError:  # the server has to end and waits no longer
            if responder.is_answered:
                raise
            await responder.refuse(Unavailable())
        except ClientGone:  # the connection has told so in the log
            pass
        except Exception as error:
            logger.error("unexpected error in %s", responder.operation_id, exc_info=error)
            if not responder.is_answered:
                await responder.refuse(InternalError())
        finally:
            if span is not None:
                span.end(responder, responder.status)

    def _router_of(self, scope: Scope) -> Router[Plan]:
        """What answers at the port at which a request came: without an internal one, everything."""
        internal = self._program.internal_port
        if internal is None:
            return self._router
        server = scope.get("server")
        return self._router if server is not None and server[1] == internal else self._public

    async def _serve(self, request: Request, receive: Receive, *, responder: Responder, router: Router[Plan]) -> None:
        program = self._program
        try:
            check_head(request, program.max_uri_bytes, max_header_bytes=program.max_header_bytes)
        except DomainError:
            with suppress(DomainError):  # the operation decides the shape of its refusals, this one too
                responder.plan, _ = router.find(request.method, request.raw_path)
            raise
        plan, segments = router.find(request.method, request.raw_path)
        responder.plan = plan
        arguments: dict[str, Any] = {}
        violations: list[Violation] = []
        by_form = plan.security.by_form
        if by_form is not None and plan.body is not None:
            await self._read_body(request, receive, body=plan.body, arguments=arguments, violations=violations)
        try:
            if by_form is None:
                identity = await plan.security.authenticate(request.headers, request.now)
            else:
                identity = await by_form(_client_of(request, arguments.get("body") or {}), request.now)
        except InvalidApiKey:
            program.wrong_key(request.address, request.now)
            raise
        responder.tenant, responder.caller = identity.tenant, identity.caller if identity.caller.id else None
        media_type = plan.usual_form
        if plan.offers and (not media_type or b"accept" in request.headers):
            media_type = choose_media_type(request.header(b"accept") or "", plan.offers)
        violations += _read_parameters(request, plan, segments=segments, arguments=arguments)
        if plan.body is not None and by_form is None:
            await self._read_body(request, receive, body=plan.body, arguments=arguments, violations=violations)
        if violations:
            raise ValidationFailed(violations)
        had = arguments.pop(conditions.ARGUMENT, None)
        result = await run_handler(
            program, plan, identity=identity, arguments=arguments, responder=responder, media_type=media_type
        )
        if isinstance(result, Again):
            result = result.view  # what the first request did was recorded then
        else:
            security_events.succeeded(responder, arguments, result=result)
        if isinstance(result, Stream):
            await responder.stream(plan, result, media_type=media_type, receive=receive)
            return
        await responder.answer(plan, result, media_type=media_type, had=had)

    async def _read_body(
        self,
        request: Request,
        receive: Receive,
        *,
        body: Body,
        arguments: dict[str, Any],
        violations: list[Violation],
    ) -> None:
        if b"content-type" in request.repeated:  # a body with two meanings has none: it is not read
            return
        raw = b""
        if request.has_body:
            check = check_content_type if body.form is None else check_form_type
            check = check_security_event_type if body.is_token else check
            check(request.header(b"content-type"), request.header(b"content-encoding"))
            raw = await read_body(receive, request.content_length, limits=self._program.body_limits)
        if body.is_token:
            arguments["body"] = raw.decode("ascii", "replace")
            if not body.schema.accepts(arguments["body"]):
                violations.extend(body.schema.explain(arguments["body"], "body"))
            return
        if body.form is not None:
            _read_form(raw, body.form, body=body, arguments=arguments, violations=violations)
            return
        if not raw:
            arguments["body"] = None
            if body.required:
                violations.append(Violation("body", "required"))
            return
        try:
            value = self._json.read(raw)
        except MalformedBody as error:
            if not violations:
                raise
            violations.extend(error.violations)
            return
        if not body.schema.accepts(value):
            violations.extend(body.schema.explain(value, "body"))
        arguments["body"] = value


def _client_of(request: Request, form: dict[str, Any]) -> Client:
    """The OAuth client that calls. Credentials in the form are taken out of it."""
    client = client_of(request.headers, form)
    for name in CREDENTIALS:
        form.pop(name, None)
    return client


def _read_form(
    raw: bytes, form: FormReader, *, body: Body, arguments: dict[str, Any], violations: list[Violation]
) -> None:
    """Read a form into `arguments`; a parameter that is wrong in itself is not said to be missing as well."""
    value = form.read(raw, violations)
    named = {violation.field for violation in violations}
    if not body.schema.accepts(value):
        violations.extend(found for found in body.schema.explain(value, "body") if found.field not in named)
    arguments["body"] = value


def _span_of(request: Request, responder: Responder) -> spans.RequestSpan | None:
    """The span of a request; None where nothing is traced."""
    if spans.watch() is None:
        return None
    span = spans.begin(request.method, request.header(b"traceparent"), tracestate=request.header(b"tracestate"))
    if span is not None:
        responder.belongs_to(span.trace)
    return span


def _read_parameters(
    request: Request, plan: Plan, *, segments: tuple[bytes, ...], arguments: dict[str, Any]
) -> list[Violation]:
    """Read path, query and headers into `arguments`; every violation found on the way."""
    violations: list[Violation] = []
    if segments:
        read_path(segments, plan.path, arguments=arguments, violations=violations)
    if request.query or plan.query:
        read_query(request.query, plan.query, arguments=arguments, violations=violations)
    if plan.headers:
        read_headers(request.headers, plan.headers, arguments=arguments, violations=violations)
    violations.extend(repeated_header(name) for name in request.repeated_in(plan.headers))
    if plan.body is None and request.has_body:
        violations.append(Violation("body", "body_not_allowed"))
    return violations
