"""A soak as a picture: memory, files, database and latencies over the hours."""

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")

from matplotlib import pyplot

_OURS, _THEIRS, _THIRD = "#1f6f5c", "#9aa5b1", "#b5651d"
_MEGABYTE = 1_000_000


def draw(run: dict[str, Any], path: Path) -> None:
    """Write the picture as SVG: four panels that share the time."""
    matplotlib.rcParams["svg.hashsalt"] = "sojourn"
    figure, panels = pyplot.subplots(4, 1, figsize=(9, 9), sharex=True)
    looks = run["looks"]
    hours = [one["seconds"] / 3600 for one in looks]

    def line(panel: Any, name: str, label: str, *, by: float = 1, colour: str = _OURS) -> None:
        panel.plot(hours, [one[name] / by for one in looks], color=colour, label=label, linewidth=1.2)

    line(panels[0], "memory", "memory of all processes, MB", by=_MEGABYTE)
    line(panels[1], "tables", "tables, MB" if run["engine"] == "postgresql" else "file with its log, MB", by=_MEGABYTE)
    if run["engine"] == "postgresql":
        line(panels[1], "indexes", "indexes, MB", by=_MEGABYTE, colour=_THIRD)
    line(panels[2], "descriptors", "open files and connections")
    line(panels[3], "p50_ms", "p50, ms")
    line(panels[3], "p99_ms", "p99, ms", colour=_THIRD)
    line(panels[3], "longest_ms", "longest, ms", colour=_THEIRS)
    panels[3].set_yscale("log")
    panels[3].set_xlabel("hours")
    for panel in panels:
        panel.axvline(run["hours"] / 4, color="#cccccc", linewidth=0.8)
        panel.legend(loc="upper right", frameon=False)
        panel.spines[["top", "right"]].set_visible(False)
    for panel in panels[:3]:
        panel.set_ylim(bottom=0)
    title = f"{run['engine']}, {run['hours']:g} hours at {run['share']:.0%} of {run['capacity']:,} requests a second"
    figure.suptitle(title)
    figure.tight_layout()
    figure.savefig(path, format="svg", metadata={"Date": None})
    pyplot.close(figure)
