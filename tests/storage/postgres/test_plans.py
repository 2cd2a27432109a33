"""On PostgreSQL the hot statements go by an index that fits them, whatever their parameters are."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import get_args

import asyncpg
import pytest

from sojourn.domain.clock import utc_now
from sojourn.domain.ids import uuid7
from sojourn.settings.settings import variable
from sojourn.storage.postgres.one_message import one_message
from sojourn.storage.queries import (
    erasure,
    feed,
    procedures,
    refresh_states,
    session_devices,
    session_events,
    session_limit,
    session_policies,
    session_revocation,
    sessions,
    statistics,
    status_lists,
    token_records,
    users,
)
from sojourn.storage.queries.session_deadlines import ByRows
from sojourn.storage.queries.session_filters import CONDITIONS
from sojourn.storage.queries.session_search import Sort, Way, compiled
from sojourn.storage.statements import Statement
from tests.live import REFRESH_SECRET
from tests.postgres import ROLE, Cluster
from tests.storage.made import OF_MANY, made

HOT = {
    "get": (sessions.GET, "_pkey"),
    "get where a time-out became shorter": (sessions.GET.exact, "_pkey"),
    "active check": (sessions.COUNT_ACTIVE_OF_USER, "_user_id_expires_at_idx"),
    "active check where a time-out became shorter": (sessions.COUNT_ACTIVE_OF_USER.exact, "_user_id_expires_at_idx"),
    "many active checks": (sessions.COUNT_ACTIVE_OF_USERS, "_user_id_expires_at_idx"),
    "many checks of sessions": (sessions.ACTIVE_AMONG, "_pkey"),
    "devices of a user": (session_devices.BY_DEVICE, "_user_id_id_idx"),
    "idlest": (session_limit.IDLEST, "_user_id_expires_at_idx"),
    "room of a user": (session_policies.ROOM_OF_USER, "_user_id_expires_at_idx"),
    "room in an application": (session_policies.ROOM_IN_APP, "_user_id_expires_at_idx"),
    "open": (session_policies.OPEN_OF_USER, "_user_id_expires_at_idx"),
    "list": (sessions.LIST_ACTIVE_OF_USER, "_user_id_"),
    "list where a time-out became shorter": (sessions.LIST_ACTIVE_OF_USER.exact, "_user_id_"),
    "list of all": (sessions.LIST_ALL_OF_USER, "_user_id_id_idx"),
    "touch": (sessions.TOUCH, "_pkey"),
    "revoke": (session_revocation.REVOKE, "_pkey"),
    "revoke all": (session_revocation.LOCK_ALL_OF_USER, "_user_id_"),
    "settle": (statistics.DUE, "_due_at_idx"),
    "few of a tenant's sessions are active": (
        compiled(frozenset({"status=active"}), "few", begun=False).rows,
        "_due_at_idx",
    ),
    "user": (users.FIND, "users_pkey"),
    "erase: who ended sessions of others": (erasure.UNNAME_ENDS, "_revoked_by_idx"),
    "erase: who began sessions of others": (erasure.UNNAME_IMPERSONATIONS, "_impersonator_idx"),
}
SESSIONS = os.environ.get("PLANS_SESSIONS", "20000")
"""How many sessions there are, in ten times fewer users and four tenants."""
READ_ALONE = (
    "get",
    "active check",
    "many active checks",
    "many checks of sessions",
    "idlest",
    "list",
    "list of all",
    "few of a tenant's sessions are active",
    "user",
)
_IN_A_LIST = re.compile(r"= ANY \(+\$\d")
_HAS_ROWS = re.compile(r"Scan (using (?!\w+_due_at_idx)\w+ )?on (sessions_2|users)")
_DEAR = "cpu_operator_cost = 0.01"
_TENANT = "sojourn.tenant = 'tnt_0001'"
_TYPES = "SELECT parameter_types::text[] FROM pg_prepared_statements WHERE name = 'asked'"


@pytest.fixture(scope="module")
def url(cluster: Cluster) -> Iterator[str]:
    """A database with sessions of the last thirty days, and statistics of them."""
    name = cluster.create()
    size = ("--sessions", SESSIONS, "--users", str(int(SESSIONS) // 10), "--tenants", "4")
    command = [sys.executable, "-m", "sojourn", "seed", *size]
    environ = {variable("database_url"): cluster.url(name), variable("refresh_secret"): REFRESH_SECRET}
    subprocess.run(command, env={**os.environ, **environ}, check=True, capture_output=True, timeout=1200)
    yield cluster.url(name, "postgres")  # without row security, which names the tenant once more
    cluster.drop(name)


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


def plan_of(url: str, text: str, *settings: str) -> list[str]:
    """The plan for any parameters, a line a step."""

    async def ask() -> list[str]:
        async with _connected(url) as connection:
            await connection.execute("SET plan_cache_mode = force_generic_plan")
            for setting in settings:
                await connection.execute(f"SET {setting}")
            await connection.execute(f"PREPARE asked AS {text}")
            (types,) = await connection.fetchrow(_TYPES)
            values = [f"'{uuid7(utc_now())}'" if kind == "uuid" else "NULL" for kind in types]  # which says the week
            steps = await connection.fetch(f"EXPLAIN EXECUTE asked{'(' + ', '.join(values) + ')' if values else ''}")
            return [step[0].strip() for step in steps]

    return asyncio.run(ask())


def scans_of(plan: list[str]) -> list[str]:
    """The steps that read a partition with rows in it, or users."""
    read = [step for step in plan if "Scan" in step and "Bitmap Heap" not in step]
    return [step for step in read if ("_default" not in step and "sessions_2" in step) or "users" in step]


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        (feed.READ, "events_tenant"),
        (feed.READ_ALL, "events_number"),
        (feed.LIVE, "events_kept"),
        (feed.LIVE_OF_ALL, "events_kept"),
        (feed.NEXT, "events_number"),
        (feed.FIRST_SINCE, "events_number"),
        (feed.ENDS, "events_number"),
        (feed.OLDEST, "events_number"),
        (session_events.OF_SESSION, "events_user"),
        (status_lists.REFUSED, "events_kept"),
        (status_lists.FIND, "ux_status_lists_of"),
        (status_lists.GET, "status_lists_pkey"),
    ],
)
def test_readers_of_events_go_by_an_index_of_events(url: str, statement: Statement, index: str) -> None:
    """The table is small here, so a scan would be chosen for its size alone: it is made dear."""
    plan = plan_of(url, statement.numbered()[0], "enable_seqscan = off")

    assert any(index in step for step in plan), plan
    assert [step for step in plan if "Seq Scan on events" in step] == []


@pytest.mark.parametrize(("statement", "index"), HOT.values(), ids=HOT)
def test_a_hot_statement_goes_by_its_index(url: str, statement: Statement, index: str) -> None:
    scans = scans_of(plan_of(url, statement.numbered()[0]))

    assert scans
    assert [step for step in scans if index not in step] == []


@pytest.mark.parametrize("name", READ_ALONE)
def test_a_read_in_one_message_goes_by_the_same_index(url: str, name: str) -> None:
    statement, index = HOT[name]
    scans = scans_of(plan_of(url, one_message(statement, one=False, of_tenant=True).text))

    assert scans
    assert [step for step in scans if index not in step] == []


WAYS = {
    "user": ("user_id", "_user_id_id_idx"),
    "device": ("device_id", "_device_id_idx"),
    "few": ("status=active", "_due_at_idx"),
    "suspended": ("status=suspended", "_due_at_idx"),
    "all": ("app_id", "_pkey"),
    "revoked": ("status=revoked", "_tenant_id_id_idx", "_pkey"),
}
"""By which index a search goes; where a quarter of the sessions is revoked, their own index is hardly shorter."""


@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize("sort", get_args(Sort))
@pytest.mark.parametrize("way", get_args(Way))
def test_every_search_goes_by_the_index_of_its_way_and_never_through_a_partition(
    url: str, way: Way, sort: Sort, begun: bool
) -> None:
    name, *indexes = WAYS[way]
    names = frozenset({name, *(CONDITIONS.keys() - {"user_id", "device_id"} if way == "all" else {"app_id", "ip"})})
    search = compiled(names, way, sort=sort, begun=begun)
    for statement in (search.rows, search.numbers, *([search.end] if way in ("user", "revoked", "all") else [])):
        plan = plan_of(url, statement.numbered()[0])
        # A page in the order of activity is sorted first; then each of its rows is read by its id.
        read = [step for step in plan if " its_row" in step and "Scan" in step]
        scans = [step for step in scans_of(plan) if step not in read]

        assert scans
        assert [step for step in scans if not any(index in step for index in indexes)] == []
        assert bool(read) == (statement is search.rows and sort == "-last_active_at")
        assert [step for step in scans_of(read) if "_pkey on" not in step] == []
        assert any("Nested Loop" in step for step in plan) or not read


@pytest.mark.parametrize("in_one_message", [False, True], ids=["in a transaction", "in one message"])
def test_rows_of_a_list_are_found_by_an_index_also_under_row_security(url: str, in_one_message: bool) -> None:
    """As the program's role: under row security no index is used for a condition that might show a row's value.

    Then each row of the tenant would be compared with each value of the list. To compare is made dear here: where a
    tenant has few users, PostgreSQL may look at all of them although the index is open to it.
    """
    of_program = url.replace("postgres@", f"{ROLE}@")
    of_many = [one for one in made() if OF_MANY in one.text]
    compared: list[str] = []
    for text in [one.in_one_message for one in of_many] if in_one_message else [one.text for one in of_many]:
        if text is not None:
            plan = plan_of(of_program, text, _TENANT, _DEAR)
            compared += [f"{scan}: {condition}, in {text}" for scan, condition in _compared_row_by_row(plan)]

    assert len(of_many) > 8
    assert compared == []


def _compared_row_by_row(plan: list[str]) -> Iterator[tuple[str, str]]:
    """The scans of many rows that compare each row with a list. Few rows are due: they are settled every minute."""
    scan = ""
    for step in plan:
        if "Scan" in step:
            scan = step
        elif step.startswith("Filter: ") and _IN_A_LIST.search(step) and _HAS_ROWS.search(scan):
            yield scan, step


def test_row_security_makes_no_statement_dear(url: str) -> None:
    """Every statement costs the program's role about what it costs a superuser, who has no row security."""
    dear: list[str] = []
    texts = {one.text for one in made()}
    for text in sorted(texts):
        free, held = (cost_of(plan_of(at, text, _TENANT)) for at in (url, url.replace("postgres@", f"{ROLE}@")))
        if held > 3 * free + 50:
            dear.append(f"{held:.0f}, not {free:.0f}: {text}")

    assert len(texts) > 200
    assert dear == []


def test_a_statement_by_rows_looks_once_whether_they_lag_behind_and_never_beside_a_session(url: str) -> None:
    looks: dict[str, int] = {}
    for module in (procedures, refresh_states, sessions, token_records):
        for statement in vars(module).values():
            if isinstance(statement, ByRows):
                text = statement.numbered()[0]
                plan = plan_of(url, text)
                looks[text] = sum(" on revocation_plans" in step or " on session_tightenings" in step for step in plan)

    assert len(looks) > 8
    assert {text: number for text, number in looks.items() if number != 2} == {}


def cost_of(plan: list[str]) -> float:
    """What the planner expects a statement to cost in all."""
    return float(plan[0].partition("..")[2].partition(" ")[0])


def test_a_statement_without_an_index_is_found(url: str) -> None:
    assert any("Seq Scan" in step for step in scans_of(plan_of(url, "SELECT id FROM sessions WHERE browser = $1")))
