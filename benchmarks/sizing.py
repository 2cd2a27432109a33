"""What a machine carries: requests of each operation with 1, 2 and 4 workers, and what each part pays for one.

`python -m benchmarks.sizing` fills a database of each engine with the dataset, starts a server with so many workers and
lets `wrk` ask. All share the machine's cores, so requests a second say what this machine does with everything on it;
the CPU of the workers, of PostgreSQL and of the client for one request are counted apart. `--page` writes the tables
into docs/scale.md.
"""

import asyncio
import json
import resource
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import click

from benchmarks import dataset, service
from benchmarks.callers import API_KEY, JWT_SECRET, admin_tokens
from benchmarks.catalogue import ROOT
from benchmarks.load import Load, run_load
from benchmarks.machine import describe_machine, load_average
from benchmarks.postgres.trees import server_cpu_seconds
from benchmarks.processes import cpu_seconds
from tests import postgres
from tests.live import REFRESH_SECRET, LiveServer

OPERATIONS = {
    "active": "active check",
    "list": "list of ten",
    "validate": "a token validated",
    "stats": "statistics with a bearer token",
    "touch": "touch",
    "create": "create",
}
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


@contextmanager
def database(engine: str, folder: Path) -> Iterator[tuple[dict[str, str], postgres.Cluster | None]]:
    """The settings that name a database with the dataset, and the cluster that serves it."""
    if engine == "sqlite":
        service.fill_database(folder / "sojourn.db")
        yield {}, None
        return
    with postgres.cluster(postgres.Cluster, "fsync=on") as cluster:
        url = cluster.url(cluster.create())
        asyncio.run(service.fill(url))
        cluster.command("CHECKPOINT")
        yield {"SOJOURN_DATABASE_URL": url}, cluster


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


def measured(
    server: LiveServer, cluster: postgres.Cluster | None, load: Iterator[int], *, name: str, file: Path, seconds: int
) -> Cost:
    """Put load on one operation. Raises ClickException where a request failed."""

    def spent() -> tuple[float, float, float]:
        client = resource.getrusage(resource.RUSAGE_CHILDREN)
        workers = server.workers() or [server.process.pid]
        return (
            sum(map(cpu_seconds, workers)),
            0.0 if cluster is None else server_cpu_seconds(cluster),
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
    with tempfile.TemporaryDirectory() as name, database(engine, Path(name)) as (where, cluster):
        for number in workers:
            folder = Path(name) / f"server{number}"
            folder.mkdir()
            settings = {"SOJOURN_DATABASE_URL": f"sqlite:///{name}/sojourn.db", **where}
            server = LiveServer(
                folder, *(("--workers", str(number)) if number > 1 else ()), SOJOURN_REFRESH_SECRET=REFRESH_SECRET,
                **{**service.environment(API_KEY, JWT_SECRET, "off"), **settings},
            )  # fmt: skip
            try:
                files = credentials(server, folder)
                for _ in range(rounds):
                    for operation in OPERATIONS:
                        cost = measured(
                            server, cluster, seeds, name=operation, file=files[operation], seconds=seconds
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
    title = "PostgreSQL" if engine == "postgresql" else "SQLite"
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
@click.option("--engine", "engines", type=click.Choice(["sqlite", "postgresql"]), multiple=True)
@click.option("--workers", default="1,2,4", show_default=True, help="Numbers of workers, separated by commas.")
@click.option("--seconds", type=click.IntRange(1), default=4, show_default=True, help="Seconds per measurement.")
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True, help="Rounds over all operations.")
@click.option("--page", is_flag=True, help="Also put the tables into docs/scale.md.")
def main(engines: tuple[str, ...], workers: str, seconds: int, rounds: int, page: bool) -> None:
    """Measure and print."""
    before, machine = load_average(), describe_machine()
    numbers = [int(number) for number in workers.split(",")]
    tables = [
        table(engine, of_engine(engine, numbers, seconds=seconds, rounds=rounds))
        for engine in engines or ("sqlite", "postgresql")
    ]
    where = f"{machine['processor']}, {machine['cores']} cores, load {before:.1f} before; the median of {rounds} rounds"
    text = f"{where} of {seconds} s each, 16 connections.\n\n" + "\n\n".join(tables) + "\n"
    click.echo(text)
    if page:
        start, _, rest = PAGE.read_text("utf-8").partition(_BEGIN)
        PAGE.write_text(f"{start}{_BEGIN}{text}\n{_END}{rest.partition(_END)[2]}", "utf-8")


if __name__ == "__main__":
    main()
