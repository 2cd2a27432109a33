"""Liars about time series."""

from typing import Any

from tests.conformance.liars.lying import Exchange, documents

SERIES = "GET /admin/sessions/series$"


@documents("SER-001", "is off by one step", SERIES)
def _(exchange: Exchange, document: Any) -> None:
    counts = [point["count"] for point in document["points"]]
    for point, count in zip(document["points"], counts[1:] + counts[:1], strict=True):
        point["count"] = count


@documents("SER-001", "leaves the sessions without a value out of a split", SERIES)
def _(exchange: Exchange, document: Any) -> None:
    if "split" in document:
        document["split"] = [part for part in document["split"] if part.keys() & {"value", "others"}]
