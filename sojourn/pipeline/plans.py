"""Plans: everything the contract says about one operation, compiled once at start-up.

A plan is built from the operation object that Connexion made of the contract: its parameters, body, security
and responses, and the handler that the resolver found under its `operationId`. The server does not start when
the contract asks for something that a plan cannot express, or when a handler does not take exactly the
arguments the contract gives.
"""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from connexion.operations.abstract import AbstractOperation

from sojourn.pipeline import conditions, retries
from sojourn.pipeline.deprecations import Deprecations, compile_deprecations
from sojourn.pipeline.forms import FormReader
from sojourn.pipeline.negotiation import EVENT_STREAM, FORM, JSON, SECURITY_EVENT
from sojourn.pipeline.parameters import Parameter, argument_of, compile_parameter
from sojourn.pipeline.requests import Request
from sojourn.pipeline.responses import Responses
from sojourn.pipeline.schemas import ContractError, Schema
from sojourn.pipeline.security import ApiKeyChecker, Security, TokenChecker, compile_security

Handler = Callable[..., Awaitable[Any]]

TENANT = "x_tenant_id"
TAKEN = frozenset({TENANT, conditions.ARGUMENT, retries.ARGUMENT})
"""Arguments that no handler is given: the tenant is in its context, and what the client has or asks again concerns the
pipeline.
"""
_EXAMPLE = (b"x-sojourn-example", b"true")
_SAFE_METHODS = frozenset({"get", "head", "options"})


@dataclass(frozen=True, slots=True)
class Body:
    """What an operation says of its request body: JSON, a form where there is a reader of its `form`, or a token
    (`is_token`), which is a text.
    """

    required: bool
    schema: Schema
    form: FormReader | None = None
    is_token: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """One operation, ready to run. `writes` says whether its handler runs inside one transaction that writes;
    `reads_at_length`, whether it may read so much that others must not wait for it.

    `keeps_answers`: a request may have an Idempotency-Key, and is then answered once and for all.
    `token`, `actor`, `logout_token` and `credential` name the argument that holds a token to be verified before the
    handler runs, that of the party that acts, a provider's logout token, and the refresh token that is the request's
    credential; None where there is none.
    `takes_security_events`: its body is a provider's security event token, and its 400 is in RFC 8935's words.
    `usual_form` is the media type of the response where the request has no `Accept`; empty where it must be named.
    `oauth_errors` are the statuses of refusals that are OAuth errors and no problem documents.
    """

    operation_id: str
    route: str
    handler: Handler
    security: Security
    path: tuple[Parameter, ...]
    query: Mapping[str, Parameter]
    headers: Mapping[bytes, Parameter]
    body: Body | None
    writes: bool
    reads_at_length: bool
    prepare: Callable[..., Awaitable[Any]] | None
    status: int
    offers: tuple[str, ...]
    usual_form: str
    responses: Responses
    envelope: bool
    oauth_errors: frozenset[int]
    no_store: bool
    kept: bytes
    vary: bytes
    conditional: bool
    keeps_answers: bool
    deprecations: Deprecations | None
    is_example: bool
    token: str | None
    actor: str | None
    logout_token: str | None
    takes_security_events: bool
    credential: str | None

    def extra_headers(self, request: Request) -> list[tuple[bytes, bytes]]:
        """Extra headers of a successful response: deprecation notices, and the marker of a stub."""
        if self.deprecations is None:
            return [_EXAMPLE] if self.is_example else []
        return self.deprecations.announce(request) + ([_EXAMPLE] if self.is_example else [])

    @property
    def is_internal(self) -> bool:
        """Whether it is for services or administrators: it answers at the internal port, where there is one."""
        return self.security.is_internal

    @property
    def takes_tenant(self) -> bool:
        """Whether the request itself names the tenant."""
        return b"x-tenant-id" in self.headers

    @property
    def tenant_optional(self) -> bool:
        """Whether it need not: then the handler is given what it names, and looks at the key's tenants without it."""
        return b"x-tenant-id" in self.headers and not self.headers[b"x-tenant-id"].required


def compile_plan(
    operation: AbstractOperation,
    definition: Mapping[str, Any],
    *,
    api_keys: ApiKeyChecker,
    tokens: TokenChecker,
    closed_responses: bool,
) -> Plan:
    """The plan of one operation, from Connexion's object and the contract's own words (`definition`).

    Raises ContractError when the contract and this program disagree.
    """
    path, query, headers = _parameters(operation)
    status, offers = _success(operation)
    plan = Plan(
        operation_id=operation.operation_id,
        route=operation.path,
        handler=operation.function,
        security=compile_security(
            operation.security,
            operation.security_schemes,
            roles=frozenset(definition.get("x-roles", ())),
            scope=definition.get("x-scope"),
            api_keys=api_keys,
            tokens=tokens,
            vouching_key=getattr(operation.function, "vouching_key", False),
        ),
        path=path,
        query=query,
        headers=headers,
        body=_body(operation),
        writes=_writes(operation, definition),
        reads_at_length=getattr(operation.function, "reads_at_length", False),
        prepare=getattr(operation.function, "prepared_by", None),
        status=status,
        offers=offers,
        usual_form=_usual_form(offers),
        responses=Responses(operation.responses, closed_responses),
        envelope=_uses_envelope(operation),
        oauth_errors=_oauth_errors(operation),
        no_store=_no_store(operation.responses[str(status)].get("headers", {})),
        kept=_kept(operation.responses[str(status)].get("headers", {})),
        vary=_vary(offers, operation.responses[str(status)].get("headers", {})),
        conditional=_conditional(operation, status),
        keeps_answers=promises_retries(operation, definition),
        deprecations=compile_deprecations(
            operation.operation_id,
            definition,
            parameters=operation.parameters,
            success=operation.responses[str(status)],
        ),
        is_example=getattr(operation.function, "is_example", False),
        token=getattr(operation.function, "token_argument", None),
        actor=getattr(operation.function, "actor_argument", None),
        logout_token=getattr(operation.function, "logout_token_argument", None),
        takes_security_events=getattr(operation.function, "security_events", False),
        credential=getattr(operation.function, "credential_argument", None),
    )
    _check_signature(plan)
    return plan


def _writes(operation: AbstractOperation, definition: Mapping[str, Any]) -> bool:
    if getattr(operation.function, "commits_itself", False):
        return False
    return operation.method not in _SAFE_METHODS and not definition.get("x-safe", False)


def _parameters(
    operation: AbstractOperation,
) -> tuple[tuple[Parameter, ...], dict[str, Parameter], dict[bytes, Parameter]]:
    by_place: dict[str, dict[str, Parameter]] = {"path": {}, "query": {}, "header": {}}
    for definition in operation.parameters:
        parameter = compile_parameter(definition)
        by_place[definition["in"]][parameter.name] = parameter
    names = [part[1:-1] for part in operation.path.split("/") if part.startswith("{")]
    path = tuple(by_place["path"][name] for name in names)
    headers = {name.lower().encode(): parameter for name, parameter in by_place["header"].items()}
    return path, by_place["query"], headers


def _body(operation: AbstractOperation) -> Body | None:
    request_body = operation.request_body
    if not request_body:
        return None
    if list(request_body["content"]) not in ([JSON], [FORM], [SECURITY_EVENT]):
        raise ContractError(
            f"{operation.operation_id}: request bodies are {JSON}, {FORM} or {SECURITY_EVENT} and nothing else"
        )
    ((media_type, content),) = request_body["content"].items()
    form = FormReader(content["schema"]) if media_type == FORM else None
    is_token = media_type == SECURITY_EVENT
    return Body(request_body.get("required", False), Schema(content["schema"]), form, is_token)


def _oauth_errors(operation: AbstractOperation) -> frozenset[int]:
    """The statuses whose refusals are OAuth errors: JSON that is no problem document."""
    refusals = {status: response for status, response in operation.responses.items() if status[0] in "45"}
    return frozenset(int(status) for status, response in refusals.items() if JSON in response.get("content", {}))


def _success(operation: AbstractOperation) -> tuple[int, tuple[str, ...]]:
    """The one status of success and the media types it comes in."""
    statuses = [int(status) for status in operation.responses if status.startswith("2")]
    if len(statuses) != 1:
        raise ContractError(f"{operation.operation_id}: an operation declares exactly one 2xx status")
    content = operation.responses[str(statuses[0])].get("content", {})
    return statuses[0], tuple(content)


def _no_store(headers: Mapping[str, Any]) -> bool:
    """Whether the contract promises that an answer of success is not to be kept."""
    declared = headers.get("Cache-Control")
    return declared is not None and "no-store" in declared["schema"].get("enum", ())


def _kept(headers: Mapping[str, Any]) -> bytes:
    """The Cache-Control of an answer of success that may be kept, always the same; empty where there is none."""
    values: list[str] = headers["Cache-Control"]["schema"].get("enum", []) if "Cache-Control" in headers else []
    return values[0].encode() if len(values) == 1 and values[0] != "no-store" else b""


def _usual_form(offers: tuple[str, ...]) -> str:
    if not offers:
        return JSON
    return "" if offers[0] == EVENT_STREAM else offers[0]


def _vary(offers: tuple[str, ...], headers: Mapping[str, Any]) -> bytes:
    """The request headers that decide which answer of success it is (RFC 9110 §12.5.5); empty when none does."""
    names = ["Accept"] if len(offers) > 1 else []
    if "Content-Language" in headers:
        names.append("Accept-Language")
    if any("Accept-Encoding" in value for value in headers.get("Vary", {}).get("schema", {}).get("enum", ())):
        names.append("Accept-Encoding")
    return ", ".join(names).encode()


def _conditional(operation: AbstractOperation, status: int) -> bool:
    """Whether a client may ask for another response than the one it has: `If-None-Match`, `ETag` and 304 go together.

    Raises ContractError when one of them is there without the others.
    """
    declared = {
        any(parameter["name"] == "If-None-Match" for parameter in operation.parameters),
        "ETag" in operation.responses[str(status)].get("headers", {}),
        "304" in operation.responses,
    }
    if len(declared) > 1:
        raise ContractError(f"{operation.operation_id}: of If-None-Match, ETag and 304 all are declared or none")
    return declared.pop()


def promises_retries(operation: AbstractOperation, definition: Mapping[str, Any]) -> bool:
    """Whether a request may be a retry. Raises ContractError where it could not be answered as the first one was."""
    if all(argument_of(parameter["name"]) != retries.ARGUMENT for parameter in operation.parameters):
        return False
    if getattr(operation.function, "is_example", False):
        return False  # it does nothing, so every retry is answered alike
    _, offers = _success(operation)
    if not _writes(operation, definition) or set(offers) - {JSON} or "422" not in operation.responses:
        raise ContractError(
            f"{operation.operation_id}: an Idempotency-Key goes with one transaction, answers in {JSON} and 422"
        )
    return True


def _uses_envelope(operation: AbstractOperation) -> bool:
    """Whether the operation's problems are an `ErrorEnvelope` (which has `requestId`)."""
    problem = operation.responses.get("500", {}).get("content", {}).get("application/problem+json", {})
    return "requestId" in problem.get("schema", {}).get("properties", {})


def _check_signature(plan: Plan) -> None:
    """The handler takes `ctx` and exactly the contract's arguments, without those that the pipeline takes itself."""
    given = {parameter.argument for parameter in (*plan.path, *plan.query.values(), *plan.headers.values())}
    given -= TAKEN - ({TENANT} if plan.tenant_optional else set())
    if plan.body is not None:
        given.add("body")
    wanted = set(inspect.signature(plan.handler).parameters) - {"ctx"}
    if wanted != given:
        raise ContractError(
            f"{plan.operation_id}: the handler takes {sorted(wanted)}, the contract gives {sorted(given)}"
        )
