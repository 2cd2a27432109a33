"""The contract as the suite reads it: operations with every reference resolved, and requests made from them."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

from conformance.target import Unusable
from conformance.wire import Raw
from openapi.loader import load_bundle

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
MEANT_BY_DEFAULT = ("session_id",)
"""Optional query parameters without which the caller's own session is meant: our callers have none."""


@dataclass(frozen=True, eq=False)
class Operation:
    """One operation: `scheme` is how it asks for credentials (`apiKey`, `http`, None: it asks for none)."""

    id: str
    method: str
    path: str
    definition: dict[str, Any] = field(repr=False)
    parameters: tuple[dict[str, Any], ...] = field(repr=False)
    scheme: str | None
    path_methods: frozenset[str]

    def named(self, place: str) -> list[dict[str, Any]]:
        """The parameters in `place` (path, query, header)."""
        return [parameter for parameter in self.parameters if parameter["in"] == place]

    @cached_property
    def responses(self) -> dict[int, dict[str, Any]]:
        """What is documented, by status."""
        return {int(status): response for status, response in self.definition["responses"].items()}

    @cached_property
    def success(self) -> int:
        """The lowest documented 2xx."""
        return min(status for status in self.responses if 200 <= status < 300)

    @cached_property
    def body_schema(self) -> dict[str, Any] | None:
        """The schema of the JSON body, or None."""
        content = self.definition.get("requestBody", {}).get("content", {}).get("application/json")
        return content["schema"] if content else None

    @property
    def body_required(self) -> bool:
        """Whether there must be a body."""
        return bool(self.definition.get("requestBody", {}).get("required", False))

    @cached_property
    def body_examples(self) -> list[Any]:
        """The documented examples of the body."""
        content = self.definition.get("requestBody", {}).get("content", {}).get("application/json", {})
        single = [content["example"]] if "example" in content else []
        return single + [example["value"] for example in content.get("examples", {}).values()]

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles of which a caller must have one (`x-roles`); none where any user may call."""
        return tuple(self.definition.get("x-roles", ()))

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Matches a path that this operation's template could have been."""
        return re.compile(re.sub(r"\\\{[^/]+?\\\}", "[^/]+", re.escape(self.path)) + "$")

    def request(self, known: dict[str, Any], *, body: Any = None, optional: bool = False) -> Raw:
        """A request without credentials. `known` names parameters and body members; the rest are examples.

        Optional query parameters are left out unless they are in `known` or `optional` is said.
        """
        path = self.path
        for parameter in self.named("path"):
            path = path.replace("{" + parameter["name"] + "}", quote(_value(parameter, known), safe=""))
        wanted = [item for item in self.named("query") if _is_wanted(item, known) or optional]
        query = tuple((item["name"], quote(_value(item, known), safe="")) for item in wanted)
        headers = tuple((p["name"], _value(p, known)) for p in self.named("header") if p.get("required"))
        request = Raw(self.method, path, query, headers)
        if body is None and self.body_examples:
            example = self.body_examples[0]
            body = {**example, **{name: value for name, value in known.items() if name in example}}
        return request if body is None or self.body_schema is None else request.with_body(body)


def _is_wanted(parameter: dict[str, Any], known: dict[str, Any]) -> bool:
    name = parameter["name"]
    return bool(parameter.get("required")) or name in MEANT_BY_DEFAULT or f"?{name}" in known


def _value(parameter: dict[str, Any], known: dict[str, Any]) -> str:
    name = parameter["name"]
    for key in (f"?{name}", name):
        if key in known:
            return str(known[key])
    schema = parameter["schema"]
    return str(parameter.get("example", schema.get("example", schema.get("default", "x"))))


class Contract:
    """The document and what is in it."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.operations = {operation.id: operation for operation in _operations(document)}

    @classmethod
    @cache
    def read(cls, path: Path | None) -> "Contract":
        """From a file (JSON or YAML, one document), or the one that comes with this package.

        Raises Unusable when there is none to be read.
        """
        if path is None:
            return cls(load_bundle())
        try:
            document = yaml.safe_load(path.read_text("utf-8"))
            return cls(document)
        except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
            raise Unusable(f"{path}: no contract can be read from it: {error!r}") from None

    def match(self, method: str, path: str) -> Operation | None:
        """The operation that a path of the server belongs to, or None; a literal path wins over a template."""
        found = [item for item in self._by_method.get(method, ()) if item.pattern.match(path)]
        return min(found, key=lambda item: item.path.count("{")) if found else None

    @cached_property
    def _by_method(self) -> dict[str, list[Operation]]:
        grouped: dict[str, list[Operation]] = {}
        for operation in self.operations.values():
            grouped.setdefault(operation.method, []).append(operation)
        return grouped


def _operations(document: dict[str, Any]) -> Iterator[Operation]:
    schemes = document.get("components", {}).get("securitySchemes", {})
    for path, item in document["paths"].items():
        methods = frozenset(method.upper() for method in item if method in METHODS)
        for method in (name for name in item if name in METHODS):
            definition = resolve(document, item[method])
            security = definition.get("security", document.get("security", []))
            names = [name for requirement in security for name in requirement]
            needed = bool(names) and {} not in security
            yield Operation(
                id=definition["operationId"],
                method=method.upper(),
                path=path,
                definition=definition,
                parameters=tuple(resolve(document, [*item.get("parameters", []), *definition.get("parameters", [])])),
                scheme=schemes[names[0]]["type"] if needed else None,
                path_methods=methods,
            )


def resolve(document: dict[str, Any], value: Any) -> Any:
    """`value` with every reference replaced by what it refers to. The contract has no recursive schema."""
    if isinstance(value, list):
        return [resolve(document, item) for item in value]
    if not isinstance(value, dict):
        return value
    if "$ref" in value:
        target: Any = document
        for step in value["$ref"].removeprefix("#/").split("/"):
            target = target[step.replace("~1", "/").replace("~0", "~")]
        return resolve(document, target)
    return {key: resolve(document, item) for key, item in value.items()}


def as_json(value: Any) -> bytes:
    """A value as it goes over the wire."""
    return json.dumps(value).encode()
