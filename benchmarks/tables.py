"""A run as Markdown."""

from typing import Any

from benchmarks import local_check
from benchmarks.summary import OPERATION_TITLES, SUBJECT, TARGETS, Spread, bad_answers, cold_start, middle, ratio

_MEGABYTE = 1024 * 1024


def markdown(run: dict[str, Any]) -> str:
    """Everything that is told about a run, below a heading that the reader supplies."""
    parts = [_circumstances(run)]
    if SUBJECT in run["servers"]:
        parts += [_targets(run), _ratios(run)]
    parts += [_operation(run, name) for name in OPERATION_TITLES]
    if "local_check" in run:
        parts.append(f"### A check that is made locally\n\n{local_check.table(run['local_check'])}")
    parts += [_costs(run), _versions(run)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _circumstances(run: dict[str, Any]) -> str:
    machine = run["machine"]
    return (
        f"Taken {run['taken_at'][:10]} on {machine['processor']} ({machine['cores']} cores, {machine['system']}): "
        f"{run['rounds']} rounds of {run['seconds']} s per operation and server, {run['connections']} connections; "
        f"the load average was {run['load_average_before']} before. "
        f"{bad_answers(run)} requests were refused or broken off."
    )


def _targets(run: dict[str, Any]) -> str:
    rows = []
    for peer, wanted in TARGETS.items():
        for operation, target in wanted.items():
            reached = ratio(run, peer, operation)
            if reached is not None:
                verdict = "yes" if reached.middle >= target else "**no**"
                rows.append([_title(run, peer), OPERATION_TITLES[operation], f"{target:g}", _show(reached), verdict])
    heading = "### What was to be reached"
    return _section(heading, ["peer", "operation", "at least", "measured", "reached"], rows)


def _ratios(run: dict[str, Any]) -> str:
    rows = []
    for peer in run["servers"]:
        if peer != SUBJECT:
            found = [ratio(run, peer, operation) for operation in OPERATION_TITLES]
            rows.append([_title(run, peer), *(_show(one) if one else "" for one in found)])
    heading = "### Answers of Sojourn for one of the peer's: median (lowest to highest round)"
    return _section(heading, ["peer", *OPERATION_TITLES.values()], rows)


def _operation(run: dict[str, Any], operation: str) -> str:
    rows = []
    for server in run["servers"]:
        rate = middle(run, server, operation, "per_second")
        if rate is not None:
            cpu, p50, p99 = (middle(run, server, operation, name) for name in ("cpu_us", "p50_us", "p99_us"))
            rows.append([_title(run, server), f"{rate:,.0f}", f"{cpu:,.0f}", _milliseconds(p50), _milliseconds(p99)])
    titles = ["server", "answers/s", "CPU µs/request", "p50 ms", "p99 ms"]
    return _section(f"### {_sentence(OPERATION_TITLES[operation])}", titles, rows)


def _costs(run: dict[str, Any]) -> str:
    rows = []
    for name, server in run["servers"].items():
        seconds = cold_start(run, name)
        rows.append(
            [
                server["title"],
                "" if seconds is None else f"{seconds:.2f}",
                f"{server['rss_bytes'] / _MEGABYTE:.0f}",
                f"{server['rss_anonymous_bytes'] / _MEGABYTE:.0f}",
            ]
        )
    titles = ["server", "cold start to first answer, s", "RSS after load, MB", "of that not mapped from files, MB"]
    return _section("### Start and memory", titles, rows)


def _versions(run: dict[str, Any]) -> str:
    return "Versions: " + ", ".join(f"{name} {number}" for name, number in run["versions"].items()) + "."


def _section(heading: str, titles: list[str], rows: list[list[str]]) -> str:
    if not rows:
        return ""
    lines = [titles, ["---"] + ["---:"] * (len(titles) - 1), *rows]
    return f"{heading}\n\n" + "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _title(run: dict[str, Any], server: str) -> str:
    return str(run["servers"][server]["title"])


def _show(spread: Spread) -> str:
    return f"{spread.middle:.2f} ({spread.low:.2f} to {spread.high:.2f})"


def _milliseconds(microseconds: float | None) -> str:
    return "" if microseconds is None else f"{microseconds / 1000:.1f}"


def _sentence(words: str) -> str:
    return words[0].upper() + words[1:]
