"""The page on who may call what, written from the contract."""

from collections.abc import Iterator

from sojourn.domain.scopes import SCOPES
from sojourn.openapi.document import Operation, operations
from sojourn.openapi.loader import load_bundle

CREDENTIALS = {"apiKeyAuth": "API key", "bearerAuth": "bearer token", "clientAuth": "API key of a client"}


def callers_page() -> str:
    """Every operation with what a caller must have for it, and the port at which it answers."""
    contract = list(operations(load_bundle(), Operation))
    rows = "\n".join(_row(operation) for operation in contract)
    scopes = "\n".join(_scope(scope, contract) for scope in sorted(SCOPES))
    return f"""# Who may call what

What the contract says of each operation in `security`, `x-scope` and `x-roles`. The API reference shows the scope
beside the name of the operation.

## Scopes of API keys

A key of which no scope was named has all but `manage`; so have the keys of `SOJOURN_INTERNAL_API_KEYS`. A key without
the scope of an operation is refused with 403 `insufficient-scope`, which names the scope.

| scope | operations |
|---|---|
{scopes}

## Operations

*Port* is where an operation answers if `SOJOURN_INTERNAL_PORT` is set; without it, all answer at the same port.

| operation | | credential | scope | roles | port |
|---|---|---|---|---|---|
{rows}

This page is written by `python -m sojourn.cli.reference docs`.
"""


def _scope(scope: str, contract: list[Operation]) -> str:
    found = [f"`{operation.id}`" for operation in contract if operation.scope == scope]
    return f"| `{scope}` | {', '.join(found)} |"


def _row(operation: Operation) -> str:
    return "| " + " | ".join(_cells(operation)) + " |"


def _cells(operation: Operation) -> Iterator[str]:
    yield f"`{operation.id}`"
    yield f"`{operation.method} {operation.path}`"
    yield _credential(operation)
    yield f"`{operation.scope}`" if operation.scope else ""
    yield ", ".join(f"`{role}`" for role in operation.roles)
    is_internal = operation.scheme == "apiKey" or operation.roles or "clientAuth" in operation.schemes
    yield "internal" if is_internal else "public"


def _credential(operation: Operation) -> str:
    named = " or ".join(CREDENTIALS[name] for name in dict.fromkeys(operation.schemes)) or "none"
    if operation.scope and "bearerAuth" in operation.schemes:
        return f"{named}; an API key may vouch"
    return named if operation.scheme or not operation.schemes else f"{named}, optional"
