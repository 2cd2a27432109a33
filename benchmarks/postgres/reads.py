"""Reads of the storage layer beside the bare statement: same driver, same server, a role that no row security holds."""

import asyncio
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg

from benchmarks.postgres.trees import Cost, server_cpu_seconds
from benchmarks.scale.operations import Known, find
from benchmarks.scale.stores import SESSIONS_PER_USER, TENANTS
from sojourn.domain.clock import to_text, utc_now
from sojourn.storage.database import Database
from sojourn.storage.engines import open_database
from sojourn.storage.postgres.codecs import set_codecs
from sojourn.storage.queries import sessions
from sojourn.storage.statements import Statement
from tests.postgres import Cluster

TOGETHER = 16
_STATEMENTS = {"active check": sessions.COUNT_ACTIVE_OF_USER, "get by id": sessions.GET}
_SETTINGS = {"plan_cache_mode": "force_generic_plan", "jit": "off"}
"""As the service sets them."""

Ask = Callable[[list[dict[str, Any]]], Awaitable[Any]]


async def beside_the_bare_statement(cluster: Cluster, name: str, *, sessions: int, rounds: int) -> str:
    """A table: one caller, and so many as wait together, each beside the bare statement."""
    url, until = cluster.url(name), utc_now()
    command = [sys.executable, "-m", "sojourn", "seed", "--database-url", url, "--until", to_text(until)]
    command += ["--tenants", str(TENANTS), "--users", str(sessions // SESSIONS_PER_USER), "--sessions", str(sessions)]
    secret = "benchmark-secret-0123456789abcdef0123456789abcdef"
    subprocess.run(command, check=True, env={**os.environ, "SOJOURN_REFRESH_SECRET": secret}, capture_output=True)
    database = await open_database(url)
    known = await find(database, TENANTS, until)
    bare = await asyncpg.create_pool(
        cluster.url(name, "postgres"),
        min_size=1,
        max_size=10,
        init=set_codecs,
        reset=_leave_as_it_is,
        server_settings=_SETTINGS,
    )
    lines = [
        "| read | together | bare, µs | ours, µs | ratio (lowest to highest) | client CPU bare | ours"
        " | server CPU bare | ours |",
        "| --- |" + " ---: |" * 8,
    ]
    for what, statement in _STATEMENTS.items():
        for together in (1, TOGETHER):
            alone = _bare(bare, statement)
            variants = {"bare": alone, "ours": _ours(database, statement)}
            if together > 1:
                variants["bare, a task for each"] = _for_each(alone)
            costs: dict[str, list[Cost]] = {variant: [] for variant in variants}
            for number in range(rounds + 1):
                for variant in sorted(variants, reverse=bool(number % 2)):
                    cost = await _round(cluster, variants[variant], known=known, together=together, seed=number)
                    if number:
                        costs[variant].append(cost)
            lines += [
                _line(f"{what}{variant[4:]}", together, bare=costs[variant], ours=costs["ours"])
                for variant in variants
                if variant != "ours"
            ]
    await bare.close()
    await database.close()
    return "\n".join(lines)


async def _leave_as_it_is(_: Any) -> None:
    """Or the pool would send a message more for each read, and the bare statement would be two."""


def _bare(pool: Any, statement: Statement) -> Ask:
    """One statement alone, or as a batch over one connection."""
    text, names = statement.numbered()

    async def ask(questions: list[dict[str, Any]]) -> None:
        values = [[question[name] for name in names] for question in questions]
        async with pool.acquire() as connection:
            if len(values) == 1:
                await connection.fetch(text, *values[0])
            else:
                await connection.fetchmany(text, values)

    return ask


def _for_each(ask: Ask) -> Ask:
    """The same batch with a task that waits for each answer, as each request that waits is one."""

    async def one(answer: asyncio.Future[None]) -> None:
        await answer

    async def asked(questions: list[dict[str, Any]]) -> None:
        loop = asyncio.get_running_loop()
        answers: list[asyncio.Future[None]] = [loop.create_future() for _ in questions]
        callers = [loop.create_task(one(answer)) for answer in answers]
        await ask(questions)
        for answer in answers:
            answer.set_result(None)
        await asyncio.gather(*callers)

    return asked


def _ours(database: Database, statement: Statement) -> Ask:
    async def one(question: dict[str, Any]) -> None:
        tenant = question["of"]
        values = {name: question[name] for name in statement.numbered()[1] if name != "tenant"}
        await database.read(tenant, lambda unit: unit.one(statement, **values))

    async def ask(questions: list[dict[str, Any]]) -> None:
        if len(questions) == 1:
            await one(questions[0])
        else:
            await asyncio.gather(*map(one, questions))

    return ask


async def _round(cluster: Cluster, ask: Ask, *, known: Known, together: int, seed: int) -> Cost:
    chance = random.Random(seed)
    groups = []
    for _ in range(300 if together == 1 else 100):
        drawn = [chance.choice(known.drawn) for _ in range(together)]
        groups.append(
            [
                {"of": tenant, "tenant": tenant.id, "user_id": user, "id": key, "now": known.now}
                for tenant, user, key in drawn
            ]
        )
    server, began, cpu = server_cpu_seconds(cluster), time.perf_counter(), time.process_time()
    for group in groups:
        await ask(group)
    number = len(groups) * together
    spent = time.perf_counter() - began, time.process_time() - cpu, server_cpu_seconds(cluster) - server
    return Cost._make(seconds / number * 1e6 for seconds in spent)


def _line(what: str, together: int, *, bare: list[Cost], ours: list[Cost]) -> str:
    ratios = [service.clock / driver.clock for driver, service in zip(bare, ours, strict=True)]
    driver, service = (
        Cost._make(statistics.median(column) for column in zip(*costs, strict=True)) for costs in (bare, ours)
    )
    return (
        f"| {what} | {together} | {driver.clock:,.0f} | {service.clock:,.0f} |"
        f" {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) | {driver.process:,.0f} |"
        f" {service.process:,.0f} | {driver.server:,.0f} | {service.server:,.0f} |"
    )
