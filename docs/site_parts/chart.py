"""The picture of a run of the benchmarks as HTML: it follows the theme and fits a phone, which an image does not."""

import json
from html import escape
from pathlib import Path
from statistics import median
from typing import Any

RESULTS = Path(__file__).parents[2] / "benchmarks/results/latest.json"
TITLES = {"active": "Active check", "list": "List of 10", "create": "Create (durable)", "stats": "Stats with JWT"}
IMAGE = "![Answers per second of each server](../benchmarks/results/latest.svg)"
"""How the page on performance shows the picture to readers of the repository."""


def bars(run: dict[str, Any] | None = None) -> str:
    """Responses per second of each server, as one list of bars for each operation, the fastest first."""
    run = json.loads(RESULTS.read_text("utf-8")) if run is None else run
    charts = "".join(_operation(run, name, title) for name, title in TITLES.items())
    return f'<div class="charts" role="group" aria-label="Responses per second on one core">{charts}</div>'


def _operation(run: dict[str, Any], operation: str, title: str) -> str:
    rates = {
        name: median(one["per_second"] for one in server["operations"][operation])
        for name, server in run["servers"].items()
        if server["operations"].get(operation)
    }
    most = max(rates.values())
    rows = "".join(
        f'<li class="{"ours" if name.startswith("sojourn") else "peer"}"><span>{escape(name.replace("_", " "))}</span>'
        f'<span class="bar" style="--share:{rate / most:.3f}"></span><span>{rate:,.0f}</span></li>'
        for name, rate in sorted(rates.items(), key=lambda item: -item[1])
    )
    return f"<figure><figcaption>{title}: responses per second, one core</figcaption><ol>{rows}</ol></figure>"
