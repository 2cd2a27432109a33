"""`python -m benchmarks.scale`: each operation on databases of growing size, side by side, and the growth factors.

All sizes of an engine are measured in turns, round after round, so that a noisy moment falls on all of them.
"""

import asyncio
import json
import random
import statistics
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from benchmarks.scale import operations
from benchmarks.scale.stores import TENANTS, urls
from sojourn.domain.clock import utc_now
from sojourn.storage.engines import open_database

RESULTS = Path(__file__).parents[1] / "results"
GROWTH_FROM = 100_000


@click.command()
@click.option("--sizes", default="10000,100000,1000000,10000000", show_default=True, help="Sessions, comma-separated.")
@click.option("--engines", default="sqlite,postgresql", show_default=True, help="Engines, comma-separated.")
@click.option("--rounds", default=15, show_default=True, help="Turns of each size.")
@click.option("--calls", default=100, show_default=True, help="Calls of an operation in a turn, one after the other.")
def scale(sizes: str, engines: str, rounds: int, calls: int) -> None:
    """Fill databases of each size and measure. 10 million sessions take 6 GB and half an hour per engine."""
    wanted = [int(size) for size in sizes.split(",")]
    results = {}
    for engine in engines.split(","):
        with tempfile.TemporaryDirectory(prefix="sojourn-scale-") as folder, urls(engine, Path(folder)) as store:
            until = utc_now()
            places = {size: store.fill(size, until) for size in wanted}
            times = asyncio.run(_measure(places, until, rounds, calls))
            results[engine] = {
                size: {"bytes_per_session": round(store.bytes(int(size)) / int(size)), **times[size]} for size in times
            }
        click.echo(_table(engine, results[engine]))
        (RESULTS / f"scale-{engine}.json").write_text(json.dumps(results[engine], indent=1) + "\n")


async def _measure(places: dict[int, str], until: datetime, rounds: int, calls: int) -> dict[str, dict[str, float]]:
    """By size and operation: the median over the rounds of a round's median, in microseconds."""
    sizes = list(places)
    opened = {size: await open_database(url) for size, url in places.items()}
    known = {size: await operations.find(database, TENANTS, until) for size, database in opened.items()}
    chance, times = random.Random(1), {size: {name: [] for name in operations.OPERATIONS} for size in sizes}
    for turn in range(rounds + 1):
        for name, operation in operations.OPERATIONS.items():
            for size in sizes:
                spent = []
                for _ in range(calls):
                    started = time.perf_counter()
                    await operation(opened[size], known[size], chance)
                    spent.append(time.perf_counter() - started)
                if turn:  # the first is for the caches
                    times[size][name].append(statistics.median(spent))
    for database in opened.values():
        await database.close()
    return {
        str(size): {name: round(statistics.median(found) * 1e6, 1) for name, found in times[size].items()}
        for size in sizes
    }


def _table(engine: str, results: dict[str, Any]) -> str:
    sizes = list(results)
    base = str(GROWTH_FROM) if str(GROWTH_FROM) in results else sizes[0]
    lines = [f"\n{engine}: median microseconds a call; growth from {int(base):,} to {int(sizes[-1]):,} sessions\n"]
    lines.append("| operation | " + " | ".join(f"{int(size):,}" for size in sizes) + " | growth |")
    lines.append("| --- |" + " ---: |" * (len(sizes) + 1))
    for name in (*operations.OPERATIONS, "bytes_per_session"):
        row = [results[size][name] for size in sizes]
        growth = results[sizes[-1]][name] / results[base][name]
        lines.append(
            f"| {name.replace('_', ' ')} | " + " | ".join(f"{value:,}" for value in row) + f" | {growth:.2f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    scale()
