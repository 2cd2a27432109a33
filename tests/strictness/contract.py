"""The contract as the probes read it: operations with everything resolved, and a valid request for each."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from openapi.document import resolve
from openapi.loader import load_bundle
from tests.strictness.wire import Raw

MEANT_BY_DEFAULT = ("session_id",)
"""Optional query parameters without which the caller's own is meant: the probes' callers have none."""
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the contract."""

    id: str
    method: str
    path: str
    parameters: tuple[dict[str, Any], ...]
    body_schema: dict[str, Any] | None
    body_example: Any
    body_required: bool
    scheme: str | None
    success: int
    path_methods: frozenset[str]

    def named(self, place: str) -> list[dict[str, Any]]:
        """The parameters in `place` (path, query, header)."""
        return [parameter for parameter in self.parameters if parameter["in"] == place]


def operations() -> Iterator[Operation]:
    """Every operation of the contract."""
    bundle = load_bundle()
    for path, item in bundle["paths"].items():
        methods = frozenset(method.upper() for method in item if method in METHODS)
        shared = item.get("parameters", [])
        for method, definition in item.items():
            if method in METHODS:
                yield _operation(bundle, path, method, definition, shared, methods)


def _operation(
    bundle: dict[str, Any],
    path: str,
    method: str,
    definition: dict[str, Any],
    shared: list[Any],
    methods: frozenset[str],
) -> Operation:
    request_body = resolve(bundle, definition.get("requestBody", {}))
    content = request_body.get("content", {}).get("application/json", {})
    security = definition.get("security", bundle.get("security", []))
    schemes = [name for requirement in security for name in requirement]
    needed = bool(schemes) and {} not in security
    scheme = bundle["components"]["securitySchemes"][schemes[0]]["type"] if needed else None
    return Operation(
        id=definition["operationId"],
        method=method.upper(),
        path=path,
        parameters=tuple(resolve(bundle, p) for p in [*shared, *definition.get("parameters", [])]),
        body_schema=resolve(bundle, content["schema"]) if content else None,
        body_example=_example(bundle, content),
        body_required=request_body.get("required", False),
        scheme=scheme,
        success=min(int(status) for status in definition["responses"] if status.startswith("2")),
        path_methods=methods,
    )


def _example(bundle: dict[str, Any], content: dict[str, Any]) -> Any:
    if "example" in content:
        return content["example"]
    for example in resolve(bundle, content.get("examples", {})).values():
        return example["value"]
    return None


def valid_request(
    operation: Operation, credentials: dict[str, str], known: dict[str, Any], optional: bool = False
) -> Raw:
    """A request that the operation answers with success. `known` names parameters whose values must exist.

    Optional query parameters are left out unless `optional` says otherwise.
    """
    path = operation.path
    for parameter in operation.named("path"):
        path = path.replace("{" + parameter["name"] + "}", quote(_value(parameter, known), safe=""))
    query = [
        (parameter["name"], quote(_value(parameter, known), safe=""))
        for parameter in operation.named("query")
        if parameter.get("required") or parameter["name"] in MEANT_BY_DEFAULT or optional
    ]
    headers = [(parameter["name"], _value(parameter, known)) for parameter in operation.named("header")]
    if operation.scheme == "apiKey":
        headers.append(("X-API-Key", credentials["api_key"]))
    elif operation.scheme == "http":
        headers.append(("Authorization", f"Bearer {credentials['token']}"))
    request = Raw(operation.method, path, query, headers)
    if operation.body_example is not None:
        body = {**operation.body_example, **{k: v for k, v in known.items() if k in operation.body_example}}
        request.body = json.dumps(body).encode()
        request.headers.append(("Content-Type", "application/json"))
    return request


def _value(parameter: dict[str, Any], known: dict[str, Any]) -> str:
    if parameter["name"] in known:
        return str(known[parameter["name"]])
    example = parameter.get("example", parameter["schema"].get("example", parameter["schema"].get("default")))
    return str(example)
