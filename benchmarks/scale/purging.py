"""`python -m benchmarks.scale.purging`: a million sessions leave while requests go on; how long those wait.

On PostgreSQL whole weeks leave with their tables; what is measured is the worst wait of the requests beside it.
"""

import asyncio
import random
import statistics
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path

import click

from benchmarks.scale import operations
from benchmarks.scale.stores import TENANTS, urls
from sojourn.domain.clock import utc_now
from sojourn.storage.database import Database
from sojourn.storage.engines import open_database
from sojourn.storage.upkeep.housekeeping import run_housekeeping

CLIENTS = 4
PAUSE = 0.01


@click.command()
@click.option("--sessions", default=1_000_000, show_default=True, help="How many sessions leave.")
@click.option("--engine", default="postgresql", show_default=True, help="`postgresql` or `sqlite`.")
def purging(sessions: int, engine: str) -> None:
    """Fill a database, let time pass, and run housekeeping while clients check, list and create."""
    now = utc_now()
    with tempfile.TemporaryDirectory(prefix="sojourn-scale-") as folder, urls(engine, Path(folder)) as store:
        url = store.fill(sessions, now - timedelta(weeks=10))
        asyncio.run(_measure(url, now))


async def _measure(url: str, now: datetime) -> None:
    worker, server = await open_database(url), await open_database(url)
    await server.create_partitions(now, now + timedelta(weeks=1))
    known = await operations.find(server, TENANTS, now - timedelta(weeks=10))
    quiet = await _serve(server, known, asyncio.create_task(asyncio.sleep(10)))
    started = time.perf_counter()
    purge = asyncio.create_task(run_housekeeping(worker, "benchmark", now=now, retention=timedelta(weeks=4)))
    beside = await _serve(server, known, purge)
    done = await purge
    gone = 0 if done is None else done.purged
    click.echo(f"{gone:,} sessions left in {time.perf_counter() - started:.1f} s")
    for name, waits in (("before", quiet), ("meanwhile", beside)):
        percentiles = statistics.quantiles(waits, n=100)
        click.echo(
            f"{name}: {len(waits):,} requests, p50 {percentiles[49] * 1e3:.1f} ms, "
            f"p99 {percentiles[98] * 1e3:.1f} ms, longest {max(waits) * 1e3:.0f} ms"
        )
    await worker.close()
    await server.close()


async def _serve(database: Database, known: operations.Known, until: "asyncio.Task[object]") -> list[float]:
    """What clients waited for each request until a task was done, in seconds."""
    waits: list[float] = []
    kinds = (operations.active_check, operations.list_of_10, operations.create)

    async def client(number: int) -> None:
        chance = random.Random(number)
        while not until.done():
            started = time.perf_counter()
            await chance.choice(kinds)(database, known, chance)
            waits.append(time.perf_counter() - started)
            await asyncio.sleep(PAUSE)

    await asyncio.gather(*(client(number) for number in range(CLIENTS)))
    return waits


if __name__ == "__main__":
    purging()
