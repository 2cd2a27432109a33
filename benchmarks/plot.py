"""A run as a picture: one panel for each operation, one bar for each server."""

from pathlib import Path
from typing import Any

import matplotlib

from benchmarks.summary import OPERATION_TITLES, SUBJECT

matplotlib.use("svg")

from matplotlib import pyplot

_OURS, _THEIRS = "#1f6f5c", "#9aa5b1"


def draw(run: dict[str, Any], path: Path) -> None:
    """Write the picture as SVG: answers per second, medians, with the extremes of the rounds as whiskers."""
    matplotlib.rcParams["svg.hashsalt"] = "sojourn"
    operations = [name for name in OPERATION_TITLES if _measured(run, name)]
    figure, panels = pyplot.subplots(1, len(operations), figsize=(4.2 * len(operations), 4.6), squeeze=False)
    for panel, operation in zip(panels[0], operations, strict=True):
        _panel(panel, run, operation)
    figure.suptitle("Answers per second, one core (logarithmic)")
    figure.tight_layout()
    figure.savefig(path, format="svg", metadata={"Date": None})
    pyplot.close(figure)


def _panel(panel: Any, run: dict[str, Any], operation: str) -> None:
    servers = sorted(_measured(run, operation), key=lambda name: _rates(run, name, operation)[1])
    lows, middles, highs = zip(*(_rates(run, name, operation) for name in servers), strict=True)
    below = [middle - low for low, middle in zip(lows, middles, strict=True)]
    above = [high - middle for high, middle in zip(highs, middles, strict=True)]
    colours = [_OURS if name.startswith(SUBJECT) else _THEIRS for name in servers]
    panel.barh(range(len(servers)), middles, color=colours, xerr=(below, above), ecolor="#444444")
    panel.set_yticks(range(len(servers)), [name.replace("_", " ") for name in servers])
    panel.set_xscale("log")
    panel.set_title(OPERATION_TITLES[operation])
    panel.spines[["top", "right"]].set_visible(False)


def _measured(run: dict[str, Any], operation: str) -> list[str]:
    return [name for name, server in run["servers"].items() if server["operations"].get(operation)]


def _rates(run: dict[str, Any], server: str, operation: str) -> tuple[float, float, float]:
    """Lowest, median, highest."""
    rates = sorted(one["per_second"] for one in run["servers"][server]["operations"][operation])
    return rates[0], rates[len(rates) // 2], rates[-1]
