"""`sojourn plan` counts what `sojourn session list` lists, and ends exactly that, once."""

import asyncio
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from sojourn.domain.clock import utc_now
from sojourn.domain.values import Tenant
from sojourn.storage.engines import open_database
from sojourn.storage.upkeep.revoking import carry_out
from tests.cli.databases import TENANT, done, made_up, run

SEED = ("seed", "--yes", "--sessions", "90", "--users", "20", "--tenants", "2")
ON_SQLITE = pytest.mark.parametrize("url", ["sqlite"], indirect=True)
OTHER = ("--tenant", "tnt_0002")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    yield from made_up(request, *SEED)


def listed(url: str, *filters: str, tenant: tuple[str, ...] = TENANT, status: str = "active") -> set[str]:
    found = done(url, "session", "list", *tenant, "--limit", "10000", "--status", status, *filters, "--json").stdout
    return {one["id"] for one in json.loads(found)}


def planned(url: str, *options: str) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(
        done(url, "plan", "create", *TENANT, "--reason", "drill", *options, "--json").stdout
    )
    return made


async def carried_out(url: str) -> int:
    """End the rows, as a server does."""
    database = await open_database(url, timedelta(seconds=5))
    try:
        return await carry_out(database, Tenant("tnt_0001"), holder="a test", clock=utc_now)  # type: ignore[arg-type]
    finally:
        await database.close()


def test_a_plan_is_what_the_list_shows_and_ends_exactly_that_once(url: str) -> None:
    fitting, others = listed(url, "--device-type", "desktop"), listed(url, tenant=OTHER)
    every, spared = listed(url), sorted(fitting)[0]
    plan = planned(url, "--device-type", "desktop", "--except", spared)
    key = str(plan["plan_id"])
    assert plan["sessions"] == len(fitting) - 1 > 0
    assert json.loads(done(url, "plan", "show", key, *TENANT, "--json").stdout) == plan
    table = done(url, "plan", "show", key, *TENANT).stdout
    assert key in table
    assert f"{plan['sessions']}" in table

    few = run(url, "plan", "apply", key, *TENANT, "--max-sessions", "1", "--yes")
    assert (few.exit_code, f"{len(fitting) - 1} sessions fit now" in few.stderr) == (1, True)
    assert run(url, "plan", "apply", key, *TENANT).exit_code == 1  # nobody can be asked
    assert run(url, "plan", "watch", key, *TENANT).exit_code == 1
    assert listed(url) == every

    applied = json.loads(done(url, "plan", "apply", key, *TENANT, "--yes", "--json").stdout)
    assert (applied["state"], applied["remaining"]) == ("running", len(fitting) - 1)
    assert listed(url) == every - fitting | {spared}
    waiting = run(url, "plan", "watch", key, *TENANT, "--seconds", "0")
    assert (waiting.exit_code, waiting.stdout) == (1, f"0 ended, {len(fitting) - 1} left\n")

    assert asyncio.run(carried_out(url)) == len(fitting) - 1
    assert json.loads(done(url, "plan", "watch", key, *TENANT, "--json").stdout)["state"] == "finished"
    assert "since" in done(url, "plan", "apply", key, *TENANT, "--yes").stdout
    assert listed(url) == every - fitting | {spared}
    assert fitting - {spared} <= listed(url, status="revoked")
    assert listed(url, tenant=OTHER) == others
    shown = json.loads(done(url, "session", "show", max(fitting - {spared}), "--json").stdout)
    assert (shown["reason_code"], shown["revoke_reason"], shown["revoked_by"]) == ("plan", "drill", "operator")


@ON_SQLITE
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("create", *TENANT, "--reason", "x"), "--everything"),
        (("create", *TENANT, "--reason", "x", "--everything", "--device-type", "desktop"), "--everything"),
        (("create", *TENANT, "--reason", "x", "--status", "active"), "--status"),
        (("create", *TENANT, "--reason", "x", "--everything", "--except", "tom"), "sess_"),
        (("create", *TENANT, "--reason", " ", "--everything"), "1 to 255"),
        (("create", "--tenant", "nobody", "--reason", "x", "--everything"), "no tenant nobody"),
        (("show", "plan_x", *TENANT), "no plan plan_x"),
        (("apply", "plan_00000000-0000-7000-8000-000000000000", *TENANT, "--yes"), "no plan"),
    ],
)
def test_a_mistake_is_one_line(url: str, arguments: tuple[str, ...], says: str) -> None:
    result = run(url, "plan", *arguments)

    assert result.exit_code != 0
    assert says in result.stderr


@ON_SQLITE
def test_a_plan_is_nothing_in_another_tenant(url: str) -> None:
    key = str(planned(url, "--everything")["plan_id"])

    for verb in ("show", "watch"):
        assert "no plan" in run(url, "plan", verb, key, *OTHER).stderr
    assert "no plan" in run(url, "plan", "apply", key, *OTHER, "--yes").stderr
