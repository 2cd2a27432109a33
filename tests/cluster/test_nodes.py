"""A worker that is lost and comes back, and a tenant that gets a node of its own, while users are at work."""

import asyncio
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sojourn.domain.values import Tenant
from sojourn.storage import engines
from sojourn.storage.upkeep import recount
from tests.cluster.clusters import CitusCluster, can_lose_a_node, can_pause_a_node
from tests.faults.history import Call, History
from tests.faults.load import ENOUGH, Load
from tests.faults.services import Service
from tests.faults.verdicts import judge

PATIENCE_SECONDS = 90
SERVED = (200, 201, 204)
ENDED = (401, 404)
"""What the use of a session is told that its user has ended before."""


class PatientService(Service):
    """A service whose first act is to make the partitions of three weeks on every node."""

    start_seconds = PATIENCE_SECONDS


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[str], Service]]:
    """Starts a service on the database of a URL."""
    services: list[Service] = []

    def start(url: str) -> Service:
        services.append(PatientService(tmp_path, url, 1))
        return services[-1]

    yield start
    for service in services:
        service.stop()


def until(what: str, holds: Callable[[], bool]) -> None:
    """Wait for something."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, f"in vain: {what}"
        time.sleep(0.1)


def calls_of(history: History, tenant: str, *, since: float = 0) -> list[Call]:
    """What a tenant's users were told."""
    return [call for call in list(history.calls) if call.tenant == tenant and call.started > since]


def is_ready(service: Service) -> bool:
    """Whether a load balancer would keep sending requests."""
    with urllib.request.urlopen(f"{service.url}/health/ready", timeout=20) as answer:
        return bool(answer.status == 200)


def wrong_numbers(url: str, *tenants: str) -> list[str]:
    """The numbers that a recount contradicts."""

    async def look(database: Any) -> list[str]:
        return [
            f"{tenant} {one}" for tenant in tenants for one in await database.read(Tenant(tenant), recount.differences)
        ]

    return asyncio.run(engines.with_open_database(url, look))


def show(capsys: Any, fault: str, history: History, *tenants: str) -> None:
    """A line for each tenant: how its users fared."""
    with capsys.disabled():
        for tenant in tenants:
            own = calls_of(history, tenant)
            served = sum(call.status in SERVED for call in own)
            refused = sum(call.status == 503 for call in own)
            unknown = sum(call.outcome == "unknown" for call in own)
            print(f"\n{fault}: {tenant}: {len(own)} calls, {served} served, {refused} of 503, {unknown} unknown")


@pytest.mark.skipif(not can_lose_a_node(), reason="no SOJOURN_TEST_CLUSTER_WORKER_STOP and _START: nothing is lost")
def test_the_loss_of_a_worker_is_noticed_by_its_own_tenants_alone_and_they_lose_nothing(
    citus: CitusCluster, distributed: str, serve: Callable[[str], Service], capsys: Any
) -> None:
    lost, left = citus.workers[:2]
    own, other = citus.tenant_on(distributed, lost), citus.tenant_on(distributed, left)
    service = serve(citus.url(distributed))
    load = Load(service.port, (own, other))
    history = load.history

    def lose_and_return() -> None:
        citus.stop(lost)
        try:
            gone = time.monotonic()
            until(
                "its tenant is refused", lambda: any(call.status == 503 for call in calls_of(history, own, since=gone))
            )
            until(
                "the other goes on",
                lambda: sum(call.status in SERVED for call in calls_of(history, other, since=gone)) > ENOUGH,
            )
            assert is_ready(service)
        finally:
            citus.start(lost)
        back = time.monotonic()
        until(
            "its tenant is served again",
            lambda: sum(call.status in SERVED for call in calls_of(history, own, since=back)) > ENOUGH // 2,
        )

    load.run(lose_and_return)

    show(capsys, "a worker is lost and comes back", history, own, other)
    assert [call for call in calls_of(history, other) if call.status not in SERVED + ENDED] == []
    assert {call.status for call in calls_of(history, own)} <= {*SERVED, *ENDED, 503}
    assert {kind: said[:3] for kind, said in judge(history, PATIENCE_SECONDS).broken.items() if said} == {}
    assert wrong_numbers(citus.url(distributed), own, other) == []
    assert "unexpected error" not in service.log.read_text()


@pytest.mark.skipif(not can_pause_a_node(), reason="no SOJOURN_TEST_CLUSTER_WORKER_PAUSE and _RESUME: nothing stops")
def test_a_worker_that_stands_still_holds_up_its_own_tenants_who_lose_nothing(
    citus: CitusCluster, distributed: str, serve: Callable[[str], Service], capsys: Any
) -> None:
    """It refuses no connection. Its tenants' requests keep connections of the pool, so others may wait for one."""
    still, left = citus.workers[:2]
    own, other = citus.tenant_on(distributed, still), citus.tenant_on(distributed, left)
    service = serve(citus.url(distributed))
    load = Load(service.port, (own, other))
    history = load.history

    def served(tenant: str, since: float) -> int:
        return sum(call.status in SERVED for call in calls_of(history, tenant, since=since))

    def pause_and_resume() -> None:
        citus.pause(still)
        try:
            paused = time.monotonic()
            until(
                "its tenant is refused",
                lambda: any(call.status == 503 for call in calls_of(history, own, since=paused)),
            )
            until("the other goes on", lambda: served(other, paused) > ENOUGH)
            assert is_ready(service)
        finally:
            citus.resume(still)
        back = time.monotonic()
        until("its tenant is served again", lambda: served(own, back) > ENOUGH // 2)

    load.run(pause_and_resume)

    show(capsys, "a worker stands still and goes on", history, own, other)
    for tenant in (own, other):
        assert {call.status for call in calls_of(history, tenant)} <= {*SERVED, *ENDED, 503}
    assert {kind: said[:3] for kind, said in judge(history, PATIENCE_SECONDS).broken.items() if said} == {}
    assert wrong_numbers(citus.url(distributed), own, other) == []
    assert "unexpected error" not in service.log.read_text()


def test_a_tenant_is_moved_to_a_node_of_its_own_while_its_users_are_at_work(
    citus: CitusCluster, serve: Callable[[str], Service], capsys: Any
) -> None:
    name = citus.create(workers=1)
    try:
        asyncio.run(engines.migrate(citus.url(name), distribute=True))
        first, own_node = citus.workers[:2]
        service = serve(citus.url(name))
        load = Load(service.port, ("hot", "globex"))

        def move() -> None:
            citus.command(f"SELECT citus_add_node({own_node})", name)
            alone = "isolate_tenant_to_new_shard('sessions', 'hot', 'CASCADE', shard_transfer_mode => 'block_writes')"
            [(shard,)] = citus.command(f"SELECT {alone}", name)
            place = f"{shard}, {first}, {own_node}, shard_transfer_mode => 'block_writes'"
            citus.command(f"SELECT citus_move_shard_placement({place})", name)

        load.run(move)

        show(capsys, "a tenant is moved to a node of its own", load.history, "hot", "globex")
        assert citus.node_of(name, "hot") == own_node
        assert {citus.node_of(name, tenant) for tenant in ("globex", "acme", "tenant-1", "tenant-2")} == {first}
        assert {call.status for call in load.history.calls} <= {*SERVED, *ENDED, 503}
        assert {kind: said[:3] for kind, said in judge(load.history, PATIENCE_SECONDS).broken.items() if said} == {}
        assert wrong_numbers(citus.url(name), "hot", "globex") == []
    finally:
        citus.drop(name)
