"""Reading a bundled contract: its operations, with every reference replaced by what it refers to."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

EVENT_STREAM = "text/event-stream"
FORM = "application/x-www-form-urlencoded"
SECURITY_EVENT = "application/secevent+jwt"
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
"""The members of a path item that are operations (OpenAPI 3.0.3, Path Item Object)."""


@dataclass(frozen=True, eq=False)
class Operation:
    """One operation. `method` is in upper case; `definition` and `parameters` hold no references.

    `parameters` are those of the path item, then its own. `schemes` are the names of the security schemes that a caller
    may use; `scheme` is the type of the first (`apiKey`, `http`), None where anybody may call. `path_methods` are
    the methods of all operations of the path.
    """

    id: str
    method: str
    path: str
    definition: dict[str, Any] = field(repr=False)
    parameters: tuple[dict[str, Any], ...] = field(repr=False)
    schemes: tuple[str, ...]
    scheme: str | None
    path_methods: frozenset[str]

    def __str__(self) -> str:
        return self.id

    def named(self, place: str) -> list[dict[str, Any]]:
        """The parameters in `place` (path, query, header)."""
        return [parameter for parameter in self.parameters if parameter["in"] == place]

    @cached_property
    def responses(self) -> dict[int, dict[str, Any]]:
        """The documented responses, by status. A `default` response is none of them."""
        documented = self.definition["responses"].items()
        return {int(status): response for status, response in documented if status != "default"}

    @cached_property
    def success(self) -> int:
        """The lowest documented 2xx."""
        return min(status for status in self.responses if 200 <= status < 300)

    @property
    def is_stream(self) -> bool:
        """Whether its success is a stream of events: it has no end that is known before, and `Accept` must name it."""
        return EVENT_STREAM in self.responses[self.success].get("content", {})

    @cached_property
    def body_schema(self) -> dict[str, Any] | None:
        """The schema of the JSON body, or None."""
        content = self._json_body
        return content["schema"] if content else None

    @property
    def takes_form(self) -> bool:
        """Whether its body is a form."""
        return FORM in self.definition.get("requestBody", {}).get("content", {})

    @property
    def takes_token(self) -> bool:
        """Whether its body is a security event token."""
        return SECURITY_EVENT in self.definition.get("requestBody", {}).get("content", {})

    @property
    def needs_import(self) -> bool:
        """Whether it succeeds only for a session that an operator has imported (`x-needs-import`)."""
        return bool(self.definition.get("x-needs-import", False))

    @property
    def body_required(self) -> bool:
        """Whether there must be a body."""
        return bool(self.definition.get("requestBody", {}).get("required", False))

    @cached_property
    def body_examples(self) -> list[Any]:
        """The documented examples of the JSON body."""
        return examples(self._json_body)

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles of which a caller must have one (`x-roles`); none where any user may call."""
        return tuple(self.definition.get("x-roles", ()))

    @property
    def scope(self) -> str | None:
        """The scope that an API key must have (`x-scope`); None where no key is taken."""
        found: str | None = self.definition.get("x-scope")
        return found

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Matches a path that this operation's template could have been."""
        return re.compile(re.sub(r"\\\{[^/]+?\\\}", "[^/]+", re.escape(self.path)) + "$")

    @property
    def _json_body(self) -> dict[str, Any]:
        content: dict[str, Any] = self.definition.get("requestBody", {}).get("content", {}).get("application/json", {})
        return content


Kind = TypeVar("Kind", bound=Operation)


def operations(document: dict[str, Any], kind: type[Kind]) -> Iterator[Kind]:
    """Every operation of a bundle, in its order, as `kind`: `Operation` or a class with the same fields.

    Raises RecursionError for a schema that contains itself.
    """
    declared = document.get("components", {}).get("securitySchemes", {})
    for path, item in document["paths"].items():
        methods = frozenset(method.upper() for method in item if method in METHODS)
        for method in (name for name in item if name in METHODS):
            definition = resolve(document, item[method])
            security = definition.get("security", document.get("security", []))
            schemes = tuple(name for requirement in security for name in requirement)
            needed = bool(schemes) and {} not in security
            yield kind(
                id=definition["operationId"],
                method=method.upper(),
                path=path,
                definition=definition,
                parameters=tuple(resolve(document, [*item.get("parameters", []), *definition.get("parameters", [])])),
                schemes=schemes,
                scheme=declared[schemes[0]]["type"] if needed else None,
                path_methods=methods,
            )


def unresolved_operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every operation as it stands in a bundle, references and all, by `METHOD /path`; with those of its path item."""
    for path, item in document["paths"].items():
        for method in (name for name in METHODS if name in item):
            parameters = [*item.get("parameters", ()), *item[method].get("parameters", ())]
            yield f"{method.upper()} {path}", {**item[method], "parameters": parameters}


def link_body(link: dict[str, Any]) -> dict[str, Any]:
    """What a link's description says of its target's body: "In its body, `token` is `$response.body#/token`.".

    OpenAPI 3.0.3 takes runtime expressions for a whole body only, so the link object has no place for them. A value in
    brackets is a JSON array.
    """
    _, _, said = link["description"].partition("In its body, ")
    found = re.findall(r"`([^`]+)` is `([^`]+)`", said)
    return {name: json.loads(value) if value.startswith("[") else value for name, value in found}


def examples(content: dict[str, Any]) -> list[Any]:
    """The values of the examples of a media type object, without references."""
    single = [content["example"]] if "example" in content else []
    return single + [example["value"] for example in content.get("examples", {}).values()]


def resolve(document: dict[str, Any], value: Any, *, trail: tuple[str, ...] = ()) -> Any:
    """`value` with every reference, at any depth, replaced by what it refers to.

    `trail` holds the references that led here. Raises RecursionError for one that leads back to itself, KeyError
    for one that leads nowhere.
    """
    if isinstance(value, list):
        return [resolve(document, item, trail=trail) for item in value]
    if not isinstance(value, dict):
        return value
    if "$ref" not in value:
        return {key: resolve(document, item, trail=trail) for key, item in value.items()}
    pointer = value["$ref"]
    if pointer in trail:
        raise RecursionError(" -> ".join([*trail, pointer]))
    return resolve(document, lookup(document, pointer), trail=(*trail, pointer))


def follow(document: dict[str, Any], value: Any) -> Any:
    """What a reference means; references inside of it stay. Anything that is no reference is itself."""
    while isinstance(value, dict) and "$ref" in value:
        value = lookup(document, value["$ref"])
    return value


def lookup(document: dict[str, Any], pointer: str) -> Any:
    """What `#/components/schemas/Session` points to (RFC 6901 §6). Raises KeyError for a pointer that leads nowhere."""
    target: Any = document
    for step in pointer.removeprefix("#/").split("/"):
        target = target[step.replace("~1", "/").replace("~0", "~")]
    return target
