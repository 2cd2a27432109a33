"""`python -m benchmarks`: measure, or show again what was measured."""

import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import click

from benchmarks import local_check
from benchmarks.catalogue import OPERATIONS, ROOT, SERVERS, Server
from benchmarks.load import CONNECTIONS, LoadFailed
from benchmarks.machine import describe_machine, describe_versions, load_average
from benchmarks.plot import draw
from benchmarks.processes import ServerFailed
from benchmarks.rounds import Plan, Run, WrongAnswers, load_run, save
from benchmarks.summary import SUBJECT
from benchmarks.tables import markdown

RESULTS = Path(__file__).parent / "results"
PAGE = ROOT / "docs" / "performance.md"
_BEGIN, _END = "<!-- measured: begin -->\n", "<!-- measured: end -->"


@click.group(invoke_without_command=True)
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True, help="Rounds over all servers.")
@click.option("--seconds", type=click.IntRange(1), default=3, show_default=True, help="Seconds per measurement.")
@click.option("--starts", type=click.IntRange(0), default=3, show_default=True, help="Cold starts per server.")
@click.option("--only", default=",".join(SERVERS), help="Servers, separated by commas; all by default.")
@click.option("--ops", default=",".join(OPERATIONS), show_default=True, help="Operations, likewise.")
@click.option("--name", default="latest", show_default=True, help="The name of the results.")
@click.option("--folder", type=click.Path(path_type=Path), default=ROOT / "build" / "benchmarks")
@click.pass_context
def main(
    ctx: click.Context, rounds: int, seconds: int, starts: int, only: str, ops: str, name: str, folder: Path
) -> None:
    """Measure the service and its peers side by side. One core serves, another makes the load."""
    if ctx.invoked_subcommand is not None:
        return
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise click.ClickException("two cores are needed: one for the servers, one for the load")
    plan = Plan(
        servers=_servers(only),
        operations=_named(ops, OPERATIONS),
        rounds=rounds,
        seconds=seconds,
        starts=starts,
        folder=folder,
        server_core=cores[0],
        load_core=cores[1],
        tell=lambda sentence: click.echo(sentence, err=True),
    )
    if _has_service(plan) and not local_check.DIST.exists():
        raise click.ClickException("build @sojourn/verify: npm ci and npm run build, both in clients/typescript")
    if _has_service(plan) and not local_check.is_better_auth_there():
        raise click.ClickException("install better-auth: npm ci in benchmarks/peers/node")
    _measure(plan, name)


def _measure(plan: Plan, name: str) -> None:
    began, load_before = time.time(), load_average()
    try:
        servers = Run(plan)()
        local = _local_check(plan)
    except (WrongAnswers, ServerFailed, LoadFailed) as error:
        raise click.ClickException(str(error)) from None
    run = {
        "taken_at": datetime.fromtimestamp(began, UTC).isoformat(timespec="seconds"),
        "rounds": plan.rounds,
        "seconds": plan.seconds,
        "connections": CONNECTIONS,
        "load_average_before": round(load_before, 2),
        "machine": describe_machine(),
        "versions": describe_versions(),
        "servers": servers,
        **({} if local is None else {"local_check": local}),
    }
    path = RESULTS / f"{name}.json"
    save(path, run)
    write_report(name)
    click.echo(markdown(run))
    click.echo(f"saved as {path.relative_to(ROOT)}", err=True)


def _local_check(plan: Plan) -> dict[str, float] | None:
    """What a check by a verifier costs beside one by the service, where the service is measured."""
    if not _has_service(plan):
        return None
    plan.tell("checks that verifiers make locally")
    return local_check.measure()


def _has_service(plan: Plan) -> bool:
    return SUBJECT in {server.name for server in plan.servers}


@main.command()
@click.option("--name", default="latest", show_default=True, help="The name of the results.")
@click.option("--page", is_flag=True, help="Also put them into docs/performance.md.")
def report(name: str, page: bool) -> None:
    """Write table and plot of saved results anew, without measuring."""
    text = write_report(name)
    if page:
        before, _, rest = PAGE.read_text("utf-8").partition(_BEGIN)
        after = rest.partition(_END)[2]
        picture = f"![Answers per second of each server](../benchmarks/results/{name}.svg)"
        PAGE.write_text(f"{before}{_BEGIN}{picture}\n\n{text}{_END}{after}", "utf-8")


def write_report(name: str) -> str:
    """Table and plot beside the JSON of a run; returns the table."""
    run = load_run(RESULTS / f"{name}.json")
    text = markdown(run)
    (RESULTS / f"{name}.md").write_text(text, "utf-8")
    draw(run, RESULTS / f"{name}.svg")
    return text


def _servers(only: str) -> list[Server]:
    return [SERVERS[name] for name in _named(only, tuple(SERVERS))]


def _named(text: str, known: tuple[str, ...]) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise click.BadParameter(f"{', '.join(unknown)}: choose from {', '.join(known)}")
    return names


if __name__ == "__main__":
    sys.exit(main())
