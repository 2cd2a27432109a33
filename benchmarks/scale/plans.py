"""`python -m benchmarks.scale.plans`: generic plans beside custom ones, on ten million sessions of uneven tenants.

Each statement runs as the service sends it, held by row security, with real values: for an ordinary user of the tenant
that has half of all sessions, for the user who has a hundredth, for a small tenant, and for a session of an old week.
Writes are undone. A statement for which planning and running anew costs less than half of the generic plan is named: it
needs a custom plan.
"""

import asyncio
import importlib
import json
import pkgutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import asyncpg
import click

from benchmarks.scale import uneven
from sojourn.domain.clock import to_text, utc_now
from sojourn.domain.sessions import Status
from sojourn.storage import queries
from sojourn.storage.engines import open_database
from sojourn.storage.postgres.one_message import one_message
from sojourn.storage.queries import tokens
from sojourn.storage.queries.session_search import compiled, count_of_user
from sojourn.storage.statements import Statement
from tests import postgres

SETTINGS = (
    "fsync=off", "full_page_writes=off", "synchronous_commit=off", "autovacuum=off", "shared_buffers=2GB",
    "max_wal_size=6GB", "maintenance_work_mem=512MB",
)  # fmt: skip
LOOKS = 2
"""Runs of each plan, of which the fastest counts: the others warm the caches."""
PATIENCE_MS = 20_000.0
"""A statement that takes longer is broken off."""
WORTH_MS = 1.0
"""A generic plan that takes less is not looked at: planning alone takes that long."""

_OF_NOBODY = ("api_keys", "signing_keys", "epochs")
_FIND = (
    "SELECT id::text, user_id, token_hash FROM sessions s JOIN session_tokens t ON t.session_id = s.id"
    " WHERE s.tenant_id = $1 AND t.tenant_id = $1 AND s.revoked_at IS NULL AND {which} LIMIT 1"
)


class Subject(NamedTuple):
    """For whom statements run: a title, and the values of their parameters."""

    title: str
    values: dict[str, Any]


class Look(NamedTuple):
    """A statement with one subject: milliseconds of the generic plan, of planning and of running the custom one."""

    name: str
    subject: str
    generic: float
    planning: float
    custom: float

    @property
    def needs_custom(self) -> bool:
        """Whether the generic plan costs more than twice as much as planning each time."""
        return self.generic > WORTH_MS and self.generic > 2 * (self.planning + self.custom)


STATUSES: tuple[Status | None, ...] = (None, "active", "revoked", "expired")


def hot() -> Iterator[tuple[str, Statement]]:
    """Every statement of storage/queries, and the searches, which are made when they are first asked for."""
    for module in pkgutil.iter_modules(queries.__path__):
        of = importlib.import_module(f"{queries.__name__}.{module.name}")
        for name, value in vars(of).items():
            if isinstance(value, Statement) and module.name not in _OF_NOBODY:
                yield f"{module.name}.{name}", value
    for by_user in (False, True):
        for status in STATUSES:
            names = frozenset((["user_id"] if by_user else []) + ([f"status={status}"] if status else []))
            search = compiled(names, "user" if by_user else "revoked" if status == "revoked" else "all", begun=False)
            yield f"sessions.search({'user, ' if by_user else ''}{status}).page", search.rows
            if by_user:
                yield f"sessions.search(user, {status}).count", count_of_user(status)
            for kind, found in zip(("page", "count"), tokens._search(by_user, False, status=None), strict=True):
                yield f"tokens.search({'user' if by_user else ''}).{kind}", found
    yield "sessions.search(active, few).page", compiled(frozenset({"status=active"}), "few", begun=False).rows


async def look(url: str, owner: str, now: datetime) -> list[Look]:
    """Every statement with every subject, on one connection of the program's role."""
    connection, over = await asyncpg.connect(url), await asyncpg.connect(owner)
    subjects = [subject async for subject in _subjects(over, now)]
    await over.close()
    await connection.execute(f"SET jit = off; SET statement_timeout = '{PATIENCE_MS}ms'")
    found = []
    for name, statement in dict(hot()).items():
        for subject in subjects:
            text, names = statement.numbered()
            found.append(await _look(connection, name, asked=(text, names), subject=subject))
            if statement.only_reads:
                message = one_message(statement, one=False, of_tenant=True)
                asked = message.text, (*message.names, "question")
                found.append(await _look(connection, f"{name} in one message", asked=asked, subject=subject))
    await connection.close()
    return found


async def _subjects(connection: Any, now: datetime) -> Any:
    week, old = uneven.weeks(now)[-1], uneven.weeks(now)[1]
    for title, tenant, which in (
        ("a user of the big tenant", uneven.BIG, f"user_id <> '{uneven.CROWD}' AND created_at > '{week.isoformat()}'"),
        ("the user of a hundredth", uneven.BIG, f"user_id = '{uneven.CROWD}' AND created_at > '{week.isoformat()}'"),
        ("a small tenant", uneven.SMALL, f"created_at > '{week.isoformat()}'"),
        ("a session of an old week", uneven.BIG, f"created_at < '{old.isoformat()}'"),
    ):
        key, user, token_hash = await connection.fetchrow(_FIND.format(which=which), tenant)
        instants = dict.fromkeys(
            ("now", "at", "end", "until", "rotated_at", "verified", "reusable_since"), to_text(now)
        )
        later = dict.fromkeys(
            ("expires_at", "idle_expires_at", "due_at", "idle", "next_due", "trusted_until"),
            to_text(now + timedelta(days=1)),
        )
        earlier = dict.fromkeys(("before", "lapsed"), to_text(now - timedelta(weeks=11)))
        yield Subject(
            title,
            {
                **instants, **later, **earlier, "tenant": tenant, "user_id": user, "of_user": user, "id": key,
                "key": key, "session_id": key, "one": key, "token_hash": token_hash, "hash": token_hash,
                "text_hash": token_hash, "spent_hash": token_hash, "limit": 101, "offset": 0,
                "token_type": "access", "type_access": "access",
                "type_refresh": "refresh", "type_sign_in": "sign_in", "device_id": "dev4710", "name": "dev4710",
                "everybody": "", "erased": "", "fingerprint": "f", "kid": "k", "kind": "created",
                "device_type": "desktop", "after": uneven.newest_id(now),
            },
        )  # fmt: skip


async def _look(connection: Any, name: str, *, asked: tuple[str, tuple[str, ...]], subject: Subject) -> Look:
    text, names = asked
    await connection.execute(f"PREPARE asked AS {text}")
    (types,) = await connection.fetchrow(
        "SELECT parameter_types::text[] FROM pg_prepared_statements WHERE name = 'asked'"
    )
    values = [_literal(subject.values, name, kind=kind) for name, kind in zip(names, types, strict=True)]
    execute = f"EXECUTE asked({', '.join(values)})" if values else "EXECUTE asked"
    try:
        generic, _ = await _fastest(connection, execute, subject=subject, mode="force_generic_plan")
        custom, planning = await _fastest(connection, execute, subject=subject, mode="force_custom_plan")
    finally:
        await connection.execute("DEALLOCATE asked")
    return Look(name, subject.title, generic, planning, custom)


def _literal(values: dict[str, Any], name: str, *, kind: str) -> str:
    """A value as SQL: what the subject says, else one of its type that is nobody's."""
    given = values.get(name)
    if kind == "uuid":
        return f"'{given if given and len(str(given)) == 36 else values['id']}'"
    if kind.startswith("timestamp"):
        return f"'{given if given and 'T' in str(given) else values['now']}'"
    if kind in ("integer", "bigint", "smallint"):
        return str(given) if isinstance(given, int) else "0"
    if kind == "boolean":
        return "false"
    return "'" + str("nobody" if given is None else given).replace("'", "''") + "'"


async def _fastest(connection: Any, execute: str, *, subject: Subject, mode: str) -> tuple[float, float]:
    """Milliseconds of running and of planning, each the least of some runs."""
    running, planning = [], []
    await connection.execute(f"SET plan_cache_mode = {mode}")
    for _ in range(LOOKS):
        transaction = connection.transaction()
        await transaction.start()
        try:
            await connection.execute(f"SET LOCAL sojourn.tenant = '{subject.values['tenant']}'")
            (text,) = await connection.fetchrow(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {execute}")
            [plan] = json.loads(text)
            running.append(plan["Execution Time"])
            planning.append(plan["Planning Time"])
        except asyncpg.QueryCanceledError:
            running, planning = [PATIENCE_MS], [0.0]
            break
        except asyncpg.IntegrityConstraintViolationError:
            running, planning = [0.0], [0.0]  # a row that is there already: the plan of an insert is nothing to look at
            break
        finally:
            await transaction.rollback()
    return min(running), min(planning)


async def fill(server: postgres.Cluster, name: str, *, sessions_wanted: int, now: datetime) -> None:
    """Fill a database of the server."""
    opened = await open_database(server.url(name))
    await opened.create_partitions(uneven.weeks(now)[0], now + timedelta(weeks=2))
    await opened.close()
    connection = await asyncpg.connect(server.url(name, "postgres"))
    indexes = await connection.fetch(uneven.INDEXES_OF_TOKENS)
    for _, index in indexes:
        await connection.execute(f"DROP INDEX {index}")
    for statement in uneven.statements(sessions_wanted, now):
        await connection.execute(statement)
    for definition, _ in indexes:
        await connection.execute(definition)
    await connection.execute("VACUUM (FREEZE, ANALYZE)")
    await connection.close()


def table(looks: list[Look]) -> str:
    """A line a statement: the dearest subject of its generic plan, beside the custom plan."""
    lines = ["| statement | dearest for | generic, ms | planning + custom, ms |", "| --- | --- | ---: | ---: |"]
    for name in dict.fromkeys(found.name for found in looks):
        worst = max((found for found in looks if found.name == name), key=lambda found: found.generic)
        mark = " **needs a custom plan**" if any(found.needs_custom for found in looks if found.name == name) else ""
        beside = f"{worst.planning:.2f} + {worst.custom:.2f}"
        lines.append(f"| {name}{mark} | {worst.subject} | {worst.generic:.2f} | {beside} |")
    return "\n".join(lines)


@click.command()
@click.option("--sessions", "wanted", default=10_000_000, show_default=True, help="Sessions; 10 million take 12 GB.")
def plans(wanted: int) -> None:
    """Fill a database and look at the plan of every statement."""
    now = utc_now()
    with postgres.cluster(postgres.Cluster, *SETTINGS) as server:
        name = server.create()
        asyncio.run(fill(server, name, sessions_wanted=wanted, now=now))
        looks = asyncio.run(look(server.url(name), server.url(name, "postgres"), now))
    click.echo(table(looks))


if __name__ == "__main__":
    plans()
