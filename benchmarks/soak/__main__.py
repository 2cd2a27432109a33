"""`python -m benchmarks.soak --hours 4 --engine sqlite`: work for hours, look every few seconds, draw what was seen.

What the server can do is measured first; then it works at a part of that. Sessions live and are kept for minutes, so
after the first quarter as many leave the database as enter it, and nothing should grow any more. Leaves with 1 when a
request was answered with what it may not be, or when the memory has grown by more than `--most` after that quarter.
"""

import asyncio
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from benchmarks import service
from benchmarks.callers import API_KEY, JWT_SECRET
from benchmarks.catalogue import ROOT
from benchmarks.machine import describe_machine
from benchmarks.soak.growth import growth, look
from benchmarks.soak.picture import draw
from benchmarks.soak.work import Clients
from tests import postgres
from tests.live import REFRESH_SECRET, LiveServer

CALIBRATION = 20
"""Seconds at full speed, from which the rate comes."""
RESULTS = ROOT / "benchmarks" / "results"


def lives(hours: float) -> dict[str, str]:
    """Time-outs and retentions that let sessions come and go several times within the first quarter of a run."""
    tick = max(5, int(hours * 3600 / 40))
    return {
        "SOJOURN_IDLE_TIMEOUT": f"{tick}s",
        "SOJOURN_ABSOLUTE_TIMEOUT": f"{2 * tick}s",
        "SOJOURN_ACCESS_EXPIRY": f"{max(2, tick // 3)}s",
        "SOJOURN_REFRESH_EXPIRY": f"{2 * tick}s",
        "SOJOURN_SESSION_RETENTION": f"{tick}s",
        "SOJOURN_EVENT_RETENTION": f"{2 * tick}s",
    }


@contextmanager
def running(
    engine: str, folder: Path, workers: int, hours: float
) -> Iterator[tuple[LiveServer, postgres.Cluster | None, str]]:
    """A server on an empty database, PostgreSQL's cluster, and the name of the database there."""
    settings = {**service.environment(API_KEY, JWT_SECRET, "off"), **lives(hours)}
    settings |= {"SOJOURN_REFRESH_SECRET": REFRESH_SECRET, "SOJOURN_REFRESH_LIMIT": "100000"}
    arguments = ("--workers", str(workers)) if workers > 1 else ()
    if engine == "sqlite":
        server = LiveServer(folder, *arguments, **settings)
        try:
            yield server, None, ""
        finally:
            server.stop()
        return
    with postgres.cluster(postgres.Cluster, "fsync=on") as cluster:
        name = cluster.create()
        server = LiveServer(folder, *arguments, SOJOURN_DATABASE_URL=cluster.url(name), **settings)
        try:
            yield server, cluster, name
        finally:
            server.stop()


async def looks(
    server: LiveServer, cluster: postgres.Cluster | None, name: str, *, hours: float, share: float, every: float
) -> dict[str, Any]:
    """Work and look: the rate of full speed, what was seen, and the responses that may not be."""
    clients = Clients(server.port)
    capacity = await clients.full_speed(CALIBRATION)
    wrong = clients.take_window().wrong
    click.echo(f"{capacity:.0f} requests a second at full speed; now {share * capacity:.0f}", err=True)
    began, seen = time.monotonic(), []
    while (passed := time.monotonic() - began) < hours * 3600:
        await clients.steady(share * capacity, min(every, hours * 3600 - passed))
        window = clients.take_window()
        sizes = await asyncio.to_thread(look, server, server.folder / "sojourn.db", cluster, name)
        latencies = sorted(window.latencies)
        wrong += window.wrong
        seen.append(
            {
                "seconds": round(time.monotonic() - began, 1),
                "requests": len(latencies),
                "p50_ms": round(latencies[len(latencies) // 2] * 1000, 2),
                "p99_ms": round(latencies[int(len(latencies) * 0.99)] * 1000, 2),
                "longest_ms": round(latencies[-1] * 1000, 2),
                "statuses": {str(status): number for status, number in sorted(window.statuses.items())},
                **asdict(sizes),
            }
        )
    return {"capacity": round(capacity), "wrong": wrong[:20], "wrong_count": len(wrong), "looks": seen}


def soak(engine: str, *, hours: float, share: float, workers: int, every: float) -> dict[str, Any]:
    """The run on one engine."""
    about = {"engine": engine, "hours": hours, "share": share, "workers": workers, "machine": describe_machine()}
    with (
        tempfile.TemporaryDirectory() as folder,
        running(engine, Path(folder), workers, hours) as (server, cluster, name),
    ):
        return about | asyncio.run(looks(server, cluster, name, hours=hours, share=share, every=every))


def verdict(run: dict[str, Any], most: float) -> tuple[bool, list[str]]:
    """Whether the run is good, and a sentence for each thing that was looked at."""
    settled = [one for one in run["looks"] if one["seconds"] >= run["hours"] * 900]
    said, good = [], True
    for name, limit in (("memory", most), ("descriptors", most), ("tables", None), ("indexes", None), ("p99_ms", None)):
        grown = growth([one[name] for one in settled])
        good = good and (limit is None or grown <= limit)
        said.append(
            f"{name}: {grown:+.1%} after the first quarter" + ("" if limit is None else f" (at most {limit:.0%})")
        )
    said.append(f"requests answered with what they may not be: {run['wrong_count']}")
    return good and not run["wrong_count"] and bool(settled), said


@click.command()
@click.option("--engine", "engines", type=click.Choice(["sqlite", "postgresql"]), multiple=True)
@click.option("--hours", type=click.FloatRange(0.01), default=4.0, show_default=True)
@click.option("--share", type=click.FloatRange(0.05, 0.95), default=0.6, show_default=True, help="Of full speed.")
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True)
@click.option("--every", type=click.FloatRange(1), default=15.0, show_default=True, help="Seconds between two looks.")
@click.option("--most", type=click.FloatRange(0), default=0.02, show_default=True, help="Growth of memory allowed.")
def main(engines: tuple[str, ...], hours: float, share: float, workers: int, every: float, most: float) -> None:
    """Work for hours on each engine, and judge what grew."""
    failed = False
    for engine in engines or ("sqlite", "postgresql"):
        run = soak(engine, hours=hours, share=share, workers=workers, every=every)
        good, said = verdict(run, most)
        click.echo("\n".join([f"{engine}, {hours} h at {share:.0%} of {run['capacity']} requests a second:", *said]))
        (RESULTS / f"soak-{engine}.json").write_text(json.dumps(run, indent=1) + "\n", "utf-8")
        draw(run, RESULTS / f"soak-{engine}.svg")
        for wrong in run["wrong"]:
            click.echo(f"  {wrong}", err=True)
        failed = failed or not good
    raise SystemExit(failed)


if __name__ == "__main__":
    main()
