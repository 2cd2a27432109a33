"""Lies about effects: done not at all, late, twice, to a neighbour too, in another tenant, or in spite of a refusal."""

import copy
import json
from collections.abc import Iterator
from typing import Any

from sojourn.conformance.contract import Operation
from sojourn.conformance.schemas import violations
from tests.conformance.liars.lying import Answer, Exchange
from tests.conformance.mutants.mutant import Mutant, claims_of, count, good_credentials, told
from tests.conformance.serving import FIRST, SECOND, admin_token
from tests.live import API_KEY

GIVES = (
    "create_session",
    "start_session",
    "generate_tokens",
    "refresh_tokens",
    "rotate_access_token",
    "exchange_token",
)
"""Operations whose answer holds something new: it cannot be made up."""

DONE_ONCE = ("apply_revocation_plan",)
"""Operations that do nothing when the same is asked for again: nobody can be told a lie about the second time."""

Answers = dict[tuple[str, int], tuple[dict[str, str], bytes]]


def effects(operation: Operation, answers: Answers) -> Iterator[Mutant]:
    """What may go wrong with the effect of an operation that has one."""
    if operation.method == "GET" or operation.definition.get("x-safe") or not operation.scheme:
        return  # a read has no effect that could be done or not
    # A success alone provokes this lie; where the second time is always refused, nothing was done, and none was told.
    again, elsewhere = operation.id not in DONE_ONCE, not operation.needs_a_session
    if again:
        yield Mutant(operation.id, "effects", "done twice", "the effect", _twice)
    for kind, lie, can_be in (
        ("done for the tenant of another, too", _for_twin_too, elsewhere),
        ("done in another tenant only", _for_twin_only, elsewhere),
        ("done to the one before, too", _before_too, again),
    ):
        if not can_be:
            continue  # the lie asks as an administrator, who has no session to keep, or asks for what was done
        yield Mutant(operation.id, "effects", kind, "the effect", lie, asked=True)
    for status in (400, 401, 403):
        if status in operation.responses:
            yield Mutant(operation.id, "effects", "done in spite of", str(status), _in_spite_of(status), asked=True)
    template = answers.get((operation.id, operation.success))
    if template is not None and operation.id not in GIVES:
        headers, body = template
        for kind, late in (("not done", False), ("done late", True)):
            lie = _not_done(headers, body, late=late)
            yield Mutant(operation.id, "effects", kind, "the effect", lie, asked=True)


def repetition(operation: Operation) -> Iterator[Mutant]:
    """The second of two requests that are the same is treated unlike the first."""
    if operation.method == "GET":
        return
    for status in (404, 409, 400):
        yield Mutant(operation.id, "repetition", "refused the second time", str(status), _second(status))


def _second(status: int) -> Any:
    async def lie(exchange: Exchange, operation: Operation) -> Answer:
        truth = await exchange.ask()
        if truth.status >= 300:
            return truth
        key = f"{exchange.method} {exchange.path}?{exchange.query} {exchange.body!r}"
        if key not in exchange.memory:
            exchange.memory[key] = True
            return truth
        absent = await exchange.ask("GET", "/sessions/sess_nobody", **good_credentials_of_admin())
        answer = Answer(status, absent.headers, absent.body)
        answer.document = {**absent.document, "status": status}
        return told(exchange, truth, answer)

    return lie


def good_credentials_of_admin() -> dict[str, str]:
    """Headers of the first tenant's administrator."""
    return {"authorization": f"Bearer {admin_token(FIRST)}"}


async def _twice(exchange: Exchange, operation: Operation) -> Answer:
    truth = await exchange.ask()
    if truth.status < 300:
        again = await exchange.ask()
        if again.status < 300:
            count(exchange)
    return truth


async def _for_twin_too(exchange: Exchange, operation: Operation) -> Answer:
    truth = await exchange.ask()
    if truth.status < 300 and (await _elsewhere(exchange, operation)).status < 300:
        count(exchange)
    return truth


async def _for_twin_only(exchange: Exchange, operation: Operation) -> Answer:
    if not is_good(exchange, operation):
        return await exchange.ask()
    answer = await _elsewhere(exchange, operation)
    if answer.status >= 300:
        return await exchange.ask()
    count(exchange)
    return answer


async def _elsewhere(exchange: Exchange, operation: Operation) -> Answer:
    """The same for the other tenant."""
    tenant = exchange.header("x-tenant-id") or claims_of(exchange).get("tenant_id")
    return await exchange.ask(**good_credentials(operation, FIRST if tenant == SECOND else SECOND))


async def _before_too(exchange: Exchange, operation: Operation) -> Answer:
    """What is asked for one is done to the one that the request before named, too."""
    truth = await exchange.ask()
    if truth.status < 300:
        done = exchange.memory.setdefault("done", set())
        done.update(_ended(truth) or ())
        before = exchange.memory.get("one before")
        exchange.memory["one before"] = _again(exchange)
        if before is None or (before.path, before.body) == (exchange.path, exchange.body):
            return truth
        other = before if before.path == exchange.path else _again(exchange)
        other.path = before.path
        answer = await other.ask(**_tenants_admin(before, operation))
        ended = _ended(answer)
        if answer.status < 300 and (ended is None or not done.issuperset(ended)):
            count(exchange)
    return truth


def _ended(answer: Answer) -> list[str] | None:
    """The sessions that a request has ended by their ids; None where it is no such request.

    A session that has ended stays as it ended first: to end it again is to do nothing, which no client can tell.
    """
    document = answer.document
    found = document.get("succeeded") if isinstance(document, dict) else None
    return [str(one) for one in found] if isinstance(found, list) else None


def _tenants_admin(exchange: Exchange, operation: Operation) -> dict[str, str]:
    tenant = exchange.header("x-tenant-id") or str(claims_of(exchange).get("tenant_id", FIRST))
    return good_credentials(operation, tenant)


def _in_spite_of(status: int) -> Any:
    async def lie(exchange: Exchange, operation: Operation) -> Answer:
        truth = await exchange.ask()
        if truth.status != status:
            return truth
        other = _again(exchange)
        if status == 400:
            known = {parameter["name"] for parameter in operation.named("query")}
            other.put_parameters(**{name: None for name in other.parameters if name not in known})
            members = set((operation.body_schema or {}).get("properties", {}))
            if isinstance(other.document, dict) and members:
                other.put_document({key: value for key, value in other.document.items() if key in members})
        if (await other.ask(**_tenants_admin(exchange, operation))).status < 300:
            count(exchange)
        return truth

    return lie


def _not_done(headers: dict[str, str], body: bytes, *, late: bool) -> Any:
    """Answers as if it had been done; a request that would be refused is, since nothing else would be this lie."""

    async def lie(exchange: Exchange, operation: Operation) -> Answer:
        if not is_good(exchange, operation) or not await _is_there(exchange, operation):
            return await exchange.ask()
        count(exchange)
        if late:
            exchange.memory.setdefault("late", []).append(_again(exchange))
        answer = Answer(operation.success, dict(headers), body)
        if isinstance(answer.document, dict):
            answer.document = _filled(answer.document, exchange)
        return answer

    return lie


def _filled(document: dict[str, Any], exchange: Exchange) -> dict[str, Any]:
    """A document of another time, with what this request names."""
    sent = exchange.document if isinstance(exchange.document, dict) else {}
    filled = {**document, **{name: value for name, value in sent.items() if name in document}}
    if "succeeded" in document:
        filled |= {"succeeded": sent["session_ids"], "failed": [], "total": len(sent["session_ids"])}
    if "session_id" in document:
        filled["session_id"] = exchange.path.split("/")[2]
    return filled


def is_good(exchange: Exchange, operation: Operation) -> bool:
    """Whether a request is one that the operation does."""
    known = {parameter["name"] for parameter in operation.named("query")}
    if set(exchange.parameters) - known or exchange.header("accept") not in (None, "*/*", "application/json"):
        return False
    return _may_ask(exchange, operation) and _body_fits(exchange, operation)


def _may_ask(exchange: Exchange, operation: Operation) -> bool:
    if operation.scheme == "apiKey":
        return exchange.header("x-api-key") == API_KEY and exchange.header("x-tenant-id") in (FIRST, SECOND)
    if operation.roles:
        return exchange.header("authorization") in [f"Bearer {token}" for token in _GOOD]
    return bool(claims_of(exchange))


def _body_fits(exchange: Exchange, operation: Operation) -> bool:
    if operation.body_schema is None:
        return not exchange.body
    try:
        document = json.loads(exchange.body or b"{}")
    except ValueError:
        return False
    typed = exchange.header("content-type") == "application/json" or not exchange.body
    return typed and not violations(operation.body_schema, document)


_GOOD: list[str] = []
"""The administrators' tokens of the present run: a token made twice differs in its instants."""


def administrators(*tokens: str) -> None:
    """Say which tokens are good."""
    _GOOD[:] = tokens


async def _is_there(exchange: Exchange, operation: Operation) -> bool:
    """Whether the session, device or entry that a request names is there for this caller."""
    if any(mark in exchange.path for mark in ("nobody", "%", "/x")):
        return False
    if "{session_id}" in operation.path and operation.scheme == "http":
        session = exchange.path.split("/")[2]
        return (await exchange.ask("GET", f"/sessions/{session}", content_type=None)).status == 200
    return True


def _again(exchange: Exchange) -> Exchange:
    """The same request, to be sent later."""
    other = copy.copy(exchange)
    other.headers = list(exchange.headers)
    return other
