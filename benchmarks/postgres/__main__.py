"""`python -m benchmarks.postgres`: what the service costs on PostgreSQL, in many short rounds that alternate."""

import asyncio
import os
from pathlib import Path

import click

from benchmarks.catalogue import ROOT
from benchmarks.instructions.counting import tree_of
from benchmarks.postgres.peers import Beside, table
from benchmarks.postgres.reads import beside_the_bare_statement
from benchmarks.postgres.trees import compare
from tests import postgres


@click.group()
def main() -> None:
    """Costs on PostgreSQL. Compare ratios within a run, and CPU time: both vary less than rates do."""


@main.command()
@click.option("--base", required=True, help="The commit to compare with.")
@click.option("--rounds", type=click.IntRange(1), default=15, show_default=True, help="Rounds over both trees.")
def trees(base: str, rounds: int) -> None:
    """This tree beside an older one: requests in one process, without a socket."""
    with tree_of(base, ROOT) as before, postgres.cluster(postgres.Cluster, "fsync=on") as cluster:
        click.echo(compare(before, cluster, rounds=rounds))


@main.command()
@click.option("--sessions", default=200_000, show_default=True, help="Sessions, of 20 tenants.")
@click.option("--rounds", type=click.IntRange(1), default=15, show_default=True, help="Rounds over all variants.")
def reads(sessions: int, rounds: int) -> None:
    """Reads of the storage layer beside the bare statement over the same driver."""
    with postgres.cluster(postgres.Cluster, "fsync=on", "shared_buffers=512MB") as cluster:
        click.echo(asyncio.run(beside_the_bare_statement(cluster, cluster.create(), sessions=sessions, rounds=rounds)))


@main.command()
@click.option("--rounds", type=click.IntRange(1), default=9, show_default=True, help="Rounds over all servers.")
@click.option("--seconds", type=click.IntRange(1), default=1, show_default=True, help="Seconds per measurement.")
@click.option("--folder", type=click.Path(path_type=Path), default=ROOT / "build" / "benchmarks-postgres")
def peers(rounds: int, seconds: int, folder: Path) -> None:
    """The service beside its peers through HTTP (needs wrk, and Node with what `npm ci` installs)."""
    first, *_, last = sorted(os.sched_getaffinity(0))
    with postgres.cluster(postgres.Cluster, "fsync=on", "shared_buffers=512MB") as cluster:
        beside = Beside(cluster, folder, cores=(first, last))
        beside.run(rounds=rounds, seconds=seconds)
    click.echo(table(beside.rounds))


if __name__ == "__main__":
    main()
