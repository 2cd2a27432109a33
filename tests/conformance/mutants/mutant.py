"""What a mutant is: one operation, one way to lie about it, and when the lie is told."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import jwt

from sojourn.conformance.contract import Contract, Operation
from tests.conformance.liars.lying import Answer, Exchange
from tests.conformance.serving import FIRST, SECOND, admin_token
from tests.live import API_KEY

Lie = Callable[[Exchange, Operation], Awaitable[Answer]]
When = Callable[[Exchange], bool]
VOLATILE = ("timestamp", "request_id", "trace_id", "span_id", "updated_at", "evaluated_at")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One lie. `group` and `kind` say what sort, `place` which member, parameter or status it is told about."""

    operation: str
    group: str
    kind: str
    place: str
    lie: Lie
    when: str = "always"
    asked: bool = False
    """Whether the lie changes what is asked, not what is answered: then the suite has to provoke it."""
    others: tuple[str, ...] = ()
    """More operations that the same lie is about."""

    def __str__(self) -> str:
        when = "" if self.when == "always" else f", {self.when}"
        return f"{self.operation}: {self.kind}: {self.place}{when}"


@cache
def contract() -> Contract:
    """The contract that lies are derived from."""
    return Contract.read(None).without_scope("manage")


def claims_of(exchange: Exchange) -> dict[str, Any]:
    """The claims of the bearer token, whoever signed it; nothing without one."""
    token = (exchange.header("authorization") or "").partition(" ")[2]
    try:
        found: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    except jwt.InvalidTokenError:
        return {}
    return found


def tenant_of(exchange: Exchange) -> str:
    """The tenant that a request is for."""
    return exchange.header("x-tenant-id") or str(claims_of(exchange).get("tenant_id", ""))


def _turn(exchange: Exchange, name: str) -> int:
    exchange.memory[name] = exchange.memory.get(name, 0) + 1
    return int(exchange.memory[name])


def _seen_before(exchange: Exchange) -> bool:
    return _turn(exchange, f"{exchange.method} {exchange.path}?{exchange.query} {exchange.body!r}") > 1


CONDITIONS: dict[str, When] = {
    "always": lambda exchange: True,
    "every second time": lambda exchange: _turn(exchange, "turn") % 2 == 0,
    "when asked again": _seen_before,
    "for the second tenant": lambda exchange: tenant_of(exchange) == SECOND,
    "on later pages": lambda exchange: exchange.parameters.get("page", "1") != "1" or "cursor" in exchange.parameters,
    "with a filter": lambda exchange: bool(set(exchange.parameters) & {"status", "type", "user_id"}),
    "for users": lambda exchange: "admin" not in claims_of(exchange).get("roles", ["admin"]),
}
"""When a lie is told."""


def conditions_for(operation: Operation) -> list[str]:
    """The conditions that can come true for an operation."""
    names = {parameter["name"] for parameter in operation.named("query")}
    found = ["every second time", "when asked again"]
    if operation.scheme:
        found.append("for the second tenant")
    if names & {"page", "cursor"}:
        found.append("on later pages")
    if names & {"status", "type"}:
        found.append("with a filter")
    if operation.scheme == "http" and not operation.roles:
        found.append("for users")
    return found


def as_told(mutant: Mutant) -> Callable[[Exchange], Awaitable[Answer]]:
    """The lie as a liar tells it: about its operation only, when its condition holds. `told` counts changes."""
    when = CONDITIONS[mutant.when]

    async def tell(exchange: Exchange) -> Answer:
        for late in list(exchange.memory.get("late", ())):
            exchange.memory["late"].remove(late)
            await late.ask()
        operation = contract().match(exchange.method, exchange.path)
        if operation is None or operation.id not in (mutant.operation, *mutant.others) or not when(exchange):
            return await exchange.ask()
        return await mutant.lie(exchange, operation)

    return tell


def told(exchange: Exchange, truth: Answer, answer: Answer) -> Answer:
    """The answer; noted as a lie when it differs from the truth in more than instants and ids of the exchange."""
    if (truth.status, _headers(truth)) != (answer.status, _headers(answer)) or _bare(truth) != _bare(answer):
        count(exchange)
    return answer


def count(exchange: Exchange) -> None:
    """Note that a lie was told."""
    exchange.memory["told"] = exchange.memory.get("told", 0) + 1


def _headers(answer: Answer) -> dict[str, str]:
    return {
        name: value for name, value in answer.headers.items() if name not in ("x-request-id", "content-length", "date")
    }


def _bare(answer: Answer) -> Any:
    document = answer.document
    if not isinstance(document, dict):
        return answer.body
    return {name: value for name, value in document.items() if name not in VOLATILE}


def copy_of(answer: Answer) -> Answer:
    """The same answer, to be changed."""
    return Answer(answer.status, dict(answer.headers), answer.body)


def good_credentials(operation: Operation, tenant: str) -> dict[str, str]:
    """Headers that open an operation."""
    if operation.scheme == "apiKey":
        return {"x_api_key": API_KEY, "x_tenant_id": tenant}
    return {"authorization": f"Bearer {admin_token(tenant or FIRST)}"}


def is_json(value: bytes) -> bool:
    """Whether a body is JSON."""
    try:
        json.loads(value)
    except ValueError:
        return False
    return True
