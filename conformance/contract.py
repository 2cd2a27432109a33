"""The contract as the suite reads it: operations with every reference resolved, and requests made from them."""

import json
from collections.abc import Collection
from functools import cache, cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

from sojourn.conformance.target import Unusable
from sojourn.conformance.wire import Raw
from sojourn.openapi import document
from sojourn.openapi.loader import load_bundle

MEAN_THE_CALLERS_SESSION = ("get_device_fingerprint", "get_risk_score")
"""Operations that mean the caller's own session where none is named: our callers have none."""
OF_A_SESSION = "session_id"
ALWAYS_NAMED = "X-Tenant-ID"
"""The header that is sent wherever it may be: without it a key speaks for all of its tenants."""


class Operation(document.Operation):
    """One operation, and requests for it."""

    def request(self, known: dict[str, Any], *, body: Any = None, optional: bool = False) -> Raw:
        """A request without credentials. `known` names parameters and body members; the rest are examples.

        Optional query parameters are left out unless they are in `known` or `optional` is said; those that exclude
        others (`x-not-with`) always, unless they are known.
        """
        path = self.path
        for parameter in self.named("path"):
            path = path.replace("{" + parameter["name"] + "}", quote(_value(parameter, known), safe=""))
        asked = {f"?{OF_A_SESSION}", *known} if self.id in MEAN_THE_CALLERS_SESSION else set(known)
        wanted = [item for item in self.named("query") if _is_wanted(item, asked, optional=optional)]
        query = tuple((item["name"], quote(_value(item, known), safe="")) for item in wanted)
        headers = tuple((p["name"], _value(p, known)) for p in self.named("header") if _is_sent(p))
        if self.is_stream:
            headers += (("Accept", document.EVENT_STREAM),)
        request = Raw(self.method, path, query, headers)
        if body is None and self.body_examples:
            example = self.body_examples[0]
            body = {**example, **{name: value for name, value in known.items() if name in example}}
        return request if body is None or self.body_schema is None else request.with_body(body)

    @property
    def needs_a_session(self) -> bool:
        """Whether the caller's token must belong to a session of the caller: a required parameter says `current`."""
        return any(item.get("required") and item["schema"].get("enum") == ["current"] for item in self.named("query"))


def _is_sent(header: dict[str, Any]) -> bool:
    return bool(header.get("required")) or header["name"] == ALWAYS_NAMED


def _is_wanted(parameter: dict[str, Any], asked: Collection[str], *, optional: bool) -> bool:
    if optional and "x-not-with" not in parameter:
        return True
    return bool(parameter.get("required")) or f"?{parameter['name']}" in asked


def _value(parameter: dict[str, Any], known: dict[str, Any]) -> str:
    name = parameter["name"]
    for key in (f"?{name}", name):
        if key in known:
            return str(known[key])
    schema = parameter["schema"]
    return str(parameter.get("example", schema.get("example", schema.get("default", "x"))))


class Contract:
    """The document and what is in it."""

    def __init__(self, bundle: dict[str, Any]) -> None:
        self.document = bundle
        found = {operation.id: operation for operation in document.operations(bundle, Operation)}
        self.operations = {
            name: operation
            for name, operation in found.items()
            if not (operation.takes_form or operation.takes_token or operation.needs_import)
        }
        self.forms = {
            name: operation for name, operation in found.items() if operation.takes_form or operation.takes_token
        }
        """Operations whose body is a form, or a token: the rules of JSON bodies are not theirs."""
        self.left_out = {name: operation for name, operation in found.items() if operation.needs_import}
        """Operations that no run asks on its own; the checks that are about them do."""

    @classmethod
    @cache
    def read(cls, path: Path | None) -> "Contract":
        """From a file (JSON or YAML, one document), or the one that comes with this package.

        Raises Unusable when there is none to be read.
        """
        if path is None:
            return cls(load_bundle())
        try:
            return cls(yaml.safe_load(path.read_text("utf-8")))
        except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise Unusable(f"{path}: no contract can be read from it: {error!r}") from None

    def without_scope(self, scope: str) -> "Contract":
        """The same document; the operations that ask an API key for this scope are left out."""
        rest = Contract.__new__(Contract)
        rest.document = self.document
        rest.forms = self.forms
        rest.operations = {name: operation for name, operation in self.operations.items() if operation.scope != scope}
        rest.left_out = self.left_out | {
            name: operation for name, operation in self.operations.items() if operation.scope == scope
        }
        return rest

    def is_of_another_standard(self, request: Raw) -> bool:
        """Whether its refusals are those of OAuth or of Security Event Tokens: its body is a form, or such a token."""
        return any((form.method, form.path) == (request.method, request.path) for form in self.forms.values())

    @cached_property
    def problems(self) -> dict[str, dict[str, Any]]:
        """What the contract's examples say of each type of problem, by its name: status, code and `i18n_key`."""
        found: dict[str, dict[str, Any]] = {}
        for operation in self.operations.values():
            for status, response in operation.responses.items():
                for content in response.get("content", {}).values() if status >= 400 else ():
                    for example in content.get("examples", {}).values():
                        value = example.get("value", {})
                        said = {name: value[name] for name in ("status", "code", "i18n_key") if name in value}
                        found.setdefault(str(value.get("type")).rpartition("/")[2], {}).update(said)
        return found

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


def as_json(value: Any) -> bytes:
    """A value as it goes over the wire."""
    return json.dumps(value).encode()
