"""What a run exercised of the contract, from the traffic itself.

An operation counts when it answered with success, a parameter when an accepted request had it, a status when it came,
a link when it was followed to a success. A keyword of a request counts when an accepted value met it *and* a refused
one broke it; a keyword of an answer when some answer had a value for it.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from sojourn.conformance.contract import Contract, Operation
from sojourn.conformance.exceptions import excused_keyword, excused_status
from sojourn.conformance.keywords import Seen, is_breakable, places, visit
from sojourn.conformance.traffic import Exchange, Traffic
from sojourn.openapi.document import follow

ANSWERS_EACH = 60
"""Answers of an operation and status that are read for keywords: further ones show nothing new."""


@dataclass(frozen=True, slots=True)
class Measure:
    """How many of what the contract has were exercised; the rest by name."""

    name: str
    wanted: int
    missing: tuple[str, ...]
    excused: tuple[str, ...] = ()

    @property
    def percent(self) -> float:
        """Of what can be exercised."""
        return 100.0 * (self.wanted - len(self.missing)) / self.wanted if self.wanted else 100.0


@dataclass(slots=True)
class Coverage:
    """The measures, and how often each chapter called each operation."""

    measures: dict[str, Measure]
    calls: Counter[tuple[str, str]] = field(default_factory=Counter)
    by_chapter: dict[str, dict[str, int]] = field(default_factory=dict)


def measure(contract: Contract, traffic: Traffic) -> Coverage:
    """The coverage of everything that was sent so far."""
    return _measure_up_to(contract, traffic, exchanges=len(traffic.exchanges))


@lru_cache(maxsize=1)
def _measure_up_to(contract: Contract, traffic: Traffic, *, exchanges: int) -> Coverage:
    """The same for so many exchanges: several checks and the reports ask, and between them nothing is sent."""
    return _Measuring(contract, traffic).coverage()


class _Measuring:
    def __init__(self, contract: Contract, traffic: Traffic) -> None:
        self._contract = contract
        self._traffic = traffic
        self._document = contract.document
        self._sent, self._answered = Seen(), Seen()
        self._operations: set[str] = set()
        self._parameters: set[str] = set()
        self._statuses: set[tuple[str, int]] = set()
        self._read: Counter[tuple[str, int]] = Counter()
        self._calls: Counter[tuple[str, str]] = Counter()
        self._chapters: dict[str, dict[str, set[str]]] = {}
        for exchange in traffic:
            if exchange.operation is not None:
                self._note(exchange, exchange.operation)

    def _note(self, exchange: Exchange, operation: Operation) -> None:
        status = exchange.reply.status
        found = self._chapters.setdefault(
            exchange.chapter, {"operations": set(), "statuses": set(), "parameters": set()}
        )
        self._calls[operation.id, exchange.chapter] += 1
        self._statuses.add((operation.id, status))
        found["statuses"].add(f"{operation.id} {status}")
        accepted = 200 <= status < 300
        values = dict(self._values(exchange, operation))
        if accepted:
            declared = {f"{item['in']}.{item['name']}" for item in operation.parameters}
            named = {f"{operation.id} {name}" for name in values if name in declared}
            self._operations.add(operation.id)
            self._parameters |= named
            found["operations"].add(operation.id)
            found["parameters"] |= named
        self._note_request(operation, values, accepted=accepted)
        self._note_answer(exchange, operation, status=status)

    def _values(self, exchange: Exchange, operation: Operation) -> Iterator[tuple[str, Any]]:
        """What a request had for each parameter (`query.page`), and its body."""
        match = operation.pattern.match(exchange.request.path)
        pieces = exchange.request.path.split("/") if match else []
        for number, part in enumerate(operation.path.split("/")):
            if part.startswith("{") and number < len(pieces):
                yield f"path.{part[1:-1]}", unquote(pieces[number])
        for name, text in exchange.request.query:
            yield f"query.{name}", unquote(text)
        for name, text in exchange.request.headers:
            yield f"header.{name}", text
        if exchange.request.body is not None and operation.body_schema is not None:
            try:
                yield "body", json.loads(exchange.request.body)
            except (ValueError, RecursionError):
                return

    def _note_request(self, operation: Operation, values: dict[str, Any], *, accepted: bool) -> None:
        for name, schema, place in self._request_schemas(operation):
            if name not in values:
                continue
            seen = Seen()
            visit(self._document, schema, place=place, value=_typed(schema, values[name]), seen=seen)
            if accepted:
                self._sent.met |= seen.met
            else:
                self._sent.broken |= seen.broken

    def _note_answer(self, exchange: Exchange, operation: Operation, *, status: int) -> None:
        self._read[operation.id, status] += 1
        if self._read[operation.id, status] > ANSWERS_EACH:
            return
        for media_type, schema, place in self._answer_schemas(operation, status):
            if media_type == exchange.reply.media_type and "json" in media_type:
                visit(self._document, schema, place=place, value=json.loads(exchange.reply.body), seen=self._answered)

    def _raw(self, operation: Operation) -> dict[str, Any]:
        raw: dict[str, Any] = self._document["paths"][operation.path][operation.method.lower()]
        return raw

    def _request_schemas(self, operation: Operation) -> Iterator[tuple[str, dict[str, Any], str]]:
        for parameter in self._raw(operation).get("parameters", ()):
            place = parameter.get("$ref", f"{operation.id}/{parameter.get('name')}")
            raw = follow(self._document, parameter)
            yield f"{raw['in']}.{raw['name']}", raw["schema"], f"{place}/schema"
        content = self._raw(operation).get("requestBody", {}).get("content", {}).get("application/json")
        if content:
            yield "body", content["schema"], f"{operation.id}/body"

    def _answer_schemas(self, operation: Operation, status: int) -> Iterator[tuple[str, dict[str, Any], str]]:
        response = self._raw(operation)["responses"].get(str(status))
        if response is not None:
            for media_type, content in follow(self._document, response).get("content", {}).items():
                yield media_type, content["schema"], f"{operation.id}/{status}"

    def coverage(self) -> Coverage:
        operations = self._contract.operations.values()
        parameters = [f"{item.id} {p['in']}.{p['name']}" for item in operations for p in item.parameters]
        links = [
            (item.id, status, name)
            for item in operations
            for status, response in item.responses.items()
            for name in response.get("links", {})
        ]
        measures = [
            _measure("operations", [item.id for item in operations], done=self._operations),
            _measure("parameters", parameters, done=self._parameters),
            self._status_measure(),
            _measure("links", [_link(item) for item in links], done={_link(item) for item in self._traffic.links}),
            self._keyword_measure(),
        ]
        by_chapter = {
            chapter: {name: len(items) for name, items in found.items()} for chapter, found in self._chapters.items()
        }
        return Coverage({item.name: item for item in measures}, self._calls, by_chapter)

    def _status_measure(self) -> Measure:
        wanted, missing, excused = 0, [], []
        for operation in self._contract.operations.values():
            for status in operation.responses:
                came = (operation.id, status) in self._statuses
                reason = excused_status(operation, status)
                if reason and not came:
                    excused.append(f"{operation.id} {status}: {reason}")
                    continue
                wanted += 1
                if not came:
                    missing.append(f"{operation.id} {status}")
        return Measure("statuses", wanted, tuple(missing), tuple(excused))

    def _keyword_measure(self) -> Measure:
        wanted: dict[str, bool] = {}
        for operation in self._contract.operations.values():
            for name, schema, place in self._request_schemas(operation):
                kind = None if name == "body" else "text" if schema.get("type") == "string" else "number"
                for found in places(self._document, schema, place=place):
                    broken = found in self._sent.broken or not is_breakable(found, parameter=kind)
                    wanted[f"request {found}"] = found in self._sent.met and broken
            for status in operation.responses:
                if excused_status(operation, status) and (operation.id, status) not in self._statuses:
                    continue
                for media_type, schema, place in self._answer_schemas(operation, status):
                    for found in places(self._document, schema, place=place) if "json" in media_type else ():
                        wanted[f"response {found}"] = found in self._answered.met
        excused = tuple(f"{name}: {excused_keyword(name)}" for name in wanted if excused_keyword(name))
        counted = {name: done for name, done in wanted.items() if not excused_keyword(name)}
        return Measure("keywords", len(counted), tuple(name for name, done in counted.items() if not done), excused)


def _measure(name: str, wanted: list[str], *, done: set[str]) -> Measure:
    return Measure(name, len(wanted), tuple(item for item in wanted if item not in done))


def _link(link: tuple[str, int, str]) -> str:
    return f"{link[0]} {link[1]} {link[2]}"


def _typed(schema: dict[str, Any], value: Any) -> Any:
    """A parameter's text as the type of its schema, where it is one."""
    if schema.get("type") == "integer" and isinstance(value, str) and value.lstrip("-").isdigit() and len(value) < 20:
        return int(value)
    return value
