"""Time series of sessions: each session counts in the step in which it began or ended, and the numbers add up."""

import time
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from sojourn.conformance.checks import NotApplicable, check
from sojourn.conformance.instants import instant, now
from sojourn.conformance.world import World, expect

SERIES = "get_session_series"
SECONDS = 60
"""How long a server may take until it has counted what it told."""
LOOKS = 4
"""So many times in a row every event is in the numbers, and in other steps: that is no accident of the moment."""
MINUTES = 5
KINDS = {"created": "session.created", "ended": "session.ended"}


class Told:
    """When the sessions of the tenant began and ended that an instant follows, by the events, minute for minute."""

    def __init__(self, world: World, since: datetime) -> None:
        self._world, self._since = world, since
        self._after: dict[str, str] = {}
        self.minutes: dict[str, Counter[datetime]] = {kind: Counter() for kind in KINDS}

    def listen(self) -> None:
        """Hear of what was told since."""
        while True:
            types = ",".join(KINDS.values())
            heard = self._world.first.service("list_events", limit=500, types=types, **self._after)
            page = expect(heard, 200).json
            for event in page["items"]:
                at = instant(event["occurred_at"])
                if at >= self._since:
                    kind = event["type"].removeprefix("session.")
                    self.minutes[kind][at.replace(second=0, microsecond=0)] += 1
            self._after = {"after": page["next_cursor"]}
            if not page["has_more"]:
                return


def shown(world: World, since: datetime, **asked: str) -> dict[str, Any]:
    """A series from an instant on."""
    found = world.first.admin(SERIES, since=since.isoformat().replace("+00:00", "Z"), **asked)
    document: dict[str, Any] = expect(found, 200).json
    return document


def by_minute(series: dict[str, Any]) -> dict[datetime, int]:
    """The numbers of the steps in which anything was."""
    return {instant(point["at"]): point["count"] for point in series["points"] if point["count"]}


@check(
    "SER-001",
    "A time series MUST count every session, once it is counted, in the step in which it began or ended, and nowhere"
    " else; of steps that a longer one consists of, and of the values of a split, the numbers MUST be its sum.",
    source="the contract, get_session_series",
    profile="full",
    feature="filters",
)
def test_a_session_counts_in_the_step_in_which_it_began_or_ended(world: World) -> None:
    if SERIES not in world.contract.operations:
        raise NotApplicable("the contract has no time series")
    since = now().replace(second=0, microsecond=0) - timedelta(minutes=MINUTES)
    told = Told(world, since)
    made = [world.first.sign_in(app_id="series") for _ in range(3)]
    expect(world.first.admin("revoke_session", session_id=made[0].id), 204)
    ends, complete = time.monotonic() + SECONDS, 0
    while True:
        told.listen()
        found = {kind: shown(world, since, metric=kind, step="1m") for kind in KINDS}
        if all(by_minute(series) == told.minutes[kind] for kind, series in found.items()):
            break
        is_complete = all(sum(by_minute(found[kind]).values()) == told.minutes[kind].total() for kind in KINDS)
        complete = complete + 1 if is_complete else 0
        assert complete < LOOKS, f"all are counted, but elsewhere: {_wrong(found, told)}"
        assert time.monotonic() < ends, f"after {SECONDS} s, {_wrong(found, told)}"
        time.sleep(1)
    for kind in KINDS:
        for by in ("app_id", "device_type", "reason_code"):
            series = shown(world, since, metric=kind, step="1m", by=by)
            summed = [sum(numbers) for numbers in zip(*(part["counts"] for part in series["split"]), strict=True)]
            assert summed == [point["count"] for point in series["points"]], f"split by {by} it is another number"


def _wrong(found: dict[str, dict[str, Any]], told: Told) -> str:
    differing = [
        f"{kind} at {at:%H:%M}: {told.minutes[kind][at]} by the events, {by_minute(series).get(at, 0)} by the series"
        for kind, series in found.items()
        for at in sorted(told.minutes[kind].keys() | by_minute(series).keys())
        if told.minutes[kind][at] != by_minute(series).get(at, 0)
    ]
    return "; ".join(differing[:3])
