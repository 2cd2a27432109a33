"""What a machine carries: requests of each operation with 1, 2 and 4 workers, and what each part pays for one.

`python -m benchmarks.sizing` fills a database of each engine with the dataset, starts a server with so many workers and
lets `wrk` ask. All share the machine's cores, so requests a second say what this machine does with everything on it;
the CPU of the workers, of PostgreSQL and of the client for one request are counted apart. PostgreSQL is asked by up to
16 processes. `--page` writes the tables into docs/scale.md.

`--engine cluster` needs the Citus cluster that `SOJOURN_TEST_CLUSTER_URL` names (`tests/cluster`), with all of its
nodes on this machine; `--nodes 2,4` says over how many workers of the cluster the tenants are spread.
"""

import asyncio
import json
import resource
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import NamedTuple

import click

from benchmarks import dataset, service
from benchmarks.callers import API_KEY, JWT_SECRET, admin_tokens
from benchmarks.catalogue import ROOT
from benchmarks.load import Load, run_load
from benchmarks.machine import describe_machine, load_average
from benchmarks.postgres.trees import cpu_seconds_of, server_cpu_seconds
from benchmarks.processes import cpu_seconds
from sojourn.storage.engines import migrate
from tests import postgres
from tests.cluster.clusters import CitusCluster
from tests.live import REFRESH_SECRET, LiveServer

OPERATIONS = {
    "active": "active check",
    "list": "list of ten",
    "validate": "a token validated",
    "stats": "statistics with a bearer token",
    "touch": "touch",
    "create": "create",
}
TITLES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
WORKERS = {"sqlite": "1,2,4", "postgresql": "1,2,4,16"}
TOKENS = 500
PAGE = ROOT / "docs" / "scale.md"
_BEGIN, _END = "<!-- sizing: begin -->\n", "<!-- sizing: end -->"


@dataclass(frozen=True, slots=True)
class Cost:
    """One measurement: requests a second, and microseconds of CPU for one request in each part."""

    per_second: float
    p50_us: float
    p99_us: float
    workers: float
    database: float
    client: float


class Served(NamedTuple):
    """The settings that name a database with the dataset, and the CPU seconds of who serves it so far."""

    settings: dict[str, str]
    spent: Callable[[], float]


@contextmanager
def database(engine: str, folder: Path) -> Iterator[Served]:
    """A database with the dataset: `sqlite`, `postgresql` or `cluster-N`, a cluster's with N workers."""
    if engine == "sqlite":
        service.fill_database(folder / "sojourn.db")
        yield Served({"SOJOURN_DATABASE_URL": f"sqlite:///{folder}/sojourn.db"}, lambda: 0.0)
    elif engine == "postgresql":
        with postgres.cluster(postgres.Cluster, "fsync=on") as cluster:
            url = cluster.url(cluster.create())
            asyncio.run(service.fill(url))
            cluster.command("CHECKPOINT")
            yield Served({"SOJOURN_DATABASE_URL": url}, lambda: server_cpu_seconds(cluster))
    else:
        yield from _spread(CitusCluster.given(), workers=int(engine.rpartition("-")[2]))


def _spread(citus: CitusCluster, *, workers: int) -> Iterator[Served]:
    name = citus.create(workers)
    try:
        nodes = [citus.coordinator, *citus.workers[:workers]]
        folders = [Path(citus.command("SHOW data_directory", name, node=node)[0][0]) for node in nodes]
        asyncio.run(migrate(citus.url(name), distribute=True))
        asyncio.run(service.fill(citus.url(name)))
        yield Served({"SOJOURN_DATABASE_URL": citus.url(name)}, lambda: sum(map(cpu_seconds_of, folders)))
    finally:
        citus.drop(name)


def credentials(server: LiveServer, folder: Path) -> dict[str, Path]:
    """A file for each operation whose requests need more than a user's number."""
    lines = {"stats": admin_tokens(), "touch": [], "validate": []}
    for user in range(dataset.USERS):
        if dataset.has_only_active_sessions(user):
            lines["touch"] += [f"{dataset.tenant_of(user)} {dataset.sessions_of(user)[-1].id}"]
    for number in range(TOKENS):
        tenant = dataset.tenant_of(number)
        request = urllib.request.Request(
            f"{server.url}/internal/session/create",
            json.dumps({"auth_user_id": f"holder_{number}"}).encode(),
            {"X-API-Key": API_KEY, "X-Tenant-ID": tenant, "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as response:
            lines["validate"] += [f"{tenant} {json.load(response)['data']['tokens']['access_token']}"]
    files = {name: folder / f"{name}.txt" for name in OPERATIONS}
    for name, file in files.items():
        file.write_text("\n".join(lines.get(name, [])) + "\n")
    return files


def measured(server: LiveServer, served: Served, load: Iterator[int], *, name: str, file: Path, seconds: int) -> Cost:
    """Put load on one operation. Raises ClickException where a request failed."""

    def spent() -> tuple[float, float, float]:
        client = resource.getrusage(resource.RUSAGE_CHILDREN)
        workers = server.workers() or [server.process.pid]
        return (
            sum(map(cpu_seconds, workers)),
            served.spent(),
            client.ru_utime + client.ru_stime,
        )

    before = spent()
    done: Load = run_load(port=server.port, script=name, seed=next(load), credentials=file, seconds=seconds, core=None)
    after = spent()
    if done.failed or done.refused:
        raise click.ClickException(f"{name}: {done.failed} requests failed, {done.refused} were refused")
    each = [(late - early) / done.requests * 1e6 for early, late in zip(before, after, strict=True)]
    return Cost(done.per_second, done.p50_us, done.p99_us, *each)


def of_engine(engine: str, workers: list[int], *, seconds: int, rounds: int) -> dict[str, dict[int, Cost]]:
    """The median cost of each operation with each number of workers."""
    found: dict[str, dict[int, list[Cost]]] = {name: {number: [] for number in workers} for name in OPERATIONS}
    seeds = iter(range(1, 1_000_000))
    with tempfile.TemporaryDirectory() as name, database(engine, Path(name)) as served:
        for number in workers:
            folder = Path(name) / f"server{number}"
            folder.mkdir()
            server = LiveServer(
                folder, *(("--workers", str(number)) if number > 1 else ()), SOJOURN_REFRESH_SECRET=REFRESH_SECRET,
                **{**service.environment(API_KEY, JWT_SECRET, "off"), **served.settings},
            )  # fmt: skip
            try:
                files = credentials(server, folder)
                for _ in range(rounds):
                    for operation in OPERATIONS:
                        cost = measured(
                            server, served, seeds, name=operation, file=files[operation], seconds=seconds
                        )  # fmt: skip
                        found[operation][number].append(cost)
                        click.echo(f"{engine}, {number} workers, {operation}: {cost}", err=True)
            finally:
                server.stop()
    return {name: {n: _middle(costs) for n, costs in of.items()} for name, of in found.items()}


def _middle(costs: list[Cost]) -> Cost:
    return Cost(*(median(getattr(cost, name) for cost in costs) for name in Cost.__slots__))


def table(engine: str, costs: dict[str, dict[int, Cost]]) -> str:
    """The costs as a table in Markdown."""
    title = TITLES.get(engine) or f"Citus, {engine.rpartition('-')[2]} nodes"
    lines = [
        f"| {title} | workers | a second, all on these cores | p50 | p99 | CPU of the workers | of PostgreSQL"
        " | of the client | a second and core |",
        "| --- |" + " ---: |" * 8,
    ]
    for operation, of in costs.items():
        for number, cost in of.items():
            own = cost.workers + cost.database
            lines.append(
                f"| {OPERATIONS[operation]} | {number} | {cost.per_second:,.0f} | {cost.p50_us / 1000:.1f} ms"
                f" | {cost.p99_us / 1000:.1f} ms | {cost.workers:.0f} µs"
                f" | {f'{cost.database:.0f} µs' if cost.database else '-'} | {cost.client:.0f} µs | {1e6 / own:,.0f} |"
            )
    return "\n".join(lines)


@click.command()
@click.option("--engine", "engines", type=click.Choice(["sqlite", "postgresql", "cluster"]), multiple=True)
@click.option("--workers", help="Numbers of the service's workers, separated by commas.  [default: by the engine]")
@click.option("--nodes", default="2,4", show_default=True, help="Numbers of a cluster's workers.")
@click.option("--seconds", type=click.IntRange(1), default=4, show_default=True, help="Seconds per measurement.")
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True, help="Rounds over all operations.")
@click.option("--page", is_flag=True, help="Also put the tables into docs/scale.md.")
def main(engines: tuple[str, ...], workers: str | None, nodes: str, seconds: int, rounds: int, page: bool) -> None:
    """Measure and print."""
    before, machine = load_average(), describe_machine()
    places = [
        place
        for engine in engines or ("sqlite", "postgresql")
        for place in ([f"cluster-{number}" for number in nodes.split(",")] if engine == "cluster" else [engine])
    ]
    tables = [
        table(place, of_engine(place, _numbers(workers or WORKERS.get(place, "2")), seconds=seconds, rounds=rounds))
        for place in places
    ]
    where = f"{machine['processor']}, {machine['cores']} cores, load {before:.1f} before; the median of {rounds} rounds"
    text = f"{where} of {seconds} s each, 16 connections.\n\n" + "\n\n".join(tables) + "\n"
    click.echo(text)
    if page:
        start, _, rest = PAGE.read_text("utf-8").partition(_BEGIN)
        PAGE.write_text(f"{start}{_BEGIN}{text}\n{_END}{rest.partition(_END)[2]}", "utf-8")


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


if __name__ == "__main__":
    main()
