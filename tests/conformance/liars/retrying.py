"""Liars about retries."""

import copy
from typing import Any

from tests.conformance.liars.lying import Answer, Exchange, requests, whole

KEY = "idempotency-key"


@requests("RTY-001", "does not know retries", "/create$")
def _(exchange: Exchange) -> None:
    exchange.put(KEY, None)


@whole("RTY-002", "answers another request with the response of the first one")
async def _(exchange: Exchange) -> Answer:
    key = exchange.header(KEY)
    answer = await exchange.ask()
    if key is not None and answer.status == 422:
        return copy.deepcopy(exchange.memory[key])  # type: ignore[no-any-return]
    if key is not None:
        exchange.memory[key] = copy.deepcopy(answer)
    return answer


@whole("RTY-003", "looks for a kept response before it has the lock")
async def _(exchange: Exchange) -> Answer:
    key = exchange.header(KEY)
    if key is None:
        return await exchange.ask()
    under_way: set[Any] = exchange.memory.setdefault("under way", set())
    if key in under_way:
        exchange.put(KEY, None)
        return await exchange.ask()
    under_way.add(key)
    try:
        return await exchange.ask()
    finally:
        under_way.discard(key)


@whole("RTY-004", "keeps responses for all tenants together")
async def _(exchange: Exchange) -> Answer:
    key, tenant = exchange.header(KEY), exchange.header("x-tenant-id")
    if key is None:
        return await exchange.ask()
    first, answer = exchange.memory.get(key, (tenant, None))
    if answer is not None and first != tenant:
        return copy.deepcopy(answer)  # type: ignore[no-any-return]
    answer = await exchange.ask()
    exchange.memory.setdefault(key, (tenant, copy.deepcopy(answer)))
    return answer
