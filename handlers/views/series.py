"""How time series look on the wire."""

from collections import defaultdict
from typing import Any

from sojourn.domain.clock import Instant, to_text
from sojourn.domain.series import OTHERS, UNKNOWN, Window
from sojourn.handlers.views.envelopes import View
from sojourn.storage.queries.rollups import Counted, Step


def session_series(
    metric: str, window: Window, *, whole: Counted, by: str | None, split: Counted | None, as_of: Instant | None
) -> View:
    """`SessionSeries`; without points where `as_of` is None, for nothing was counted yet."""
    begins = [] if as_of is None else window.points()
    counts, peak = _numbers(metric, begins, steps=whole.steps, active=sum(whole.active.values()))
    view: View = {
        "metric": metric,
        "step": window.step,
        "since": to_text(window.since),
        "until": to_text(window.until),
        "points": [{"at": at, "count": count} for at, count in zip(begins, counts, strict=True)],
    }
    if as_of is not None:
        view["as_of"] = as_of
    if peak is not None:
        view["peak"] = peak
    if by is not None and split is not None:
        view["by"] = by
        view["split"] = _parts(metric, begins, split=split)
    return view


def _parts(metric: str, begins: list[Instant], *, split: Counted) -> list[View]:
    steps: dict[str, list[Step]] = defaultdict(list)
    for step in split.steps:
        steps[step.value].append(step)
    parts = []
    for value in sorted(steps.keys() | split.active.keys()):
        counts, peak = _numbers(metric, begins, steps=steps[value], active=split.active.get(value, 0))
        if not any(counts) and not (peak or {}).get("count"):
            continue
        named: View = {} if value == UNKNOWN else {"others": True} if value == OTHERS else {"value": value}
        parts.append({**named, "counts": counts} | ({} if peak is None else {"peak": peak}))
    return parts


def _numbers(
    metric: str, begins: list[Instant], *, steps: list[Step], active: int
) -> tuple[list[int], dict[str, Any] | None]:
    """The numbers of the steps that begin at these instants, and of `active` the peak. `active` is after the last."""
    found = {step.begins_at: step for step in steps}
    if metric != "active":
        return [getattr(found[at], metric) if at in found else 0 for at in begins], None
    counts: list[int] = []
    peak: dict[str, Any] | None = None
    for at in reversed(begins):
        counts.append(max(active, 0))
        step = found.get(at)
        highest = active
        if step is not None:
            active -= step.opened
            highest = max(highest, active + step.rise, active)
        if peak is None or highest >= peak["count"]:
            peak = {"at": at, "count": max(highest, 0)}
    return counts[::-1], peak
