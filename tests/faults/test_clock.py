"""The machine's clock is set while clients work."""

import time
from collections.abc import Callable
from pathlib import Path

from tests.conftest import on_sqlite
from tests.faults.clients import RecordingClient
from tests.faults.clocks import WallClock
from tests.faults.conftest import Experiment
from tests.faults.history import History
from tests.faults.services import Service

STEPS = ("+1h", "+0", "-10m", "+0", "+5h", "+0")
STEP_SECONDS = 3
PATIENCE_SECONDS = 60


def test_the_wall_clock_of_all_workers_is_set_and_set_back(
    serve: Callable[..., Service], database_url: str, experiment: Experiment, tmp_path: Path
) -> None:
    """Sessions live half an hour at most: a step that is believed ends them, and housekeeping settles that for good."""
    clock = WallClock(tmp_path / "clock", 60)
    service = serve(database_url, SOJOURN_IDLE_TIMEOUT="30m", SOJOURN_ABSOLUTE_TIMEOUT="30m", **clock.environ)

    def set_it() -> None:
        for step in STEPS:
            clock.set_by(step)
            time.sleep(STEP_SECONDS)

    verdict = experiment("wall clock +1 h, back, −10 min, back, +5 h, back", service, set_it)

    assert verdict.refused == 0
    log = service.log.read_text()
    for seconds in ("+3600", "-600", "+18000"):
        assert log.count(f"the wall clock was set by {seconds} s") == 2, "each worker says so"
    assert "is believed" not in log


@on_sqlite
def test_a_clock_that_stays_where_it_was_set_is_right(
    serve: Callable[..., Service], database_url: str, tmp_path: Path
) -> None:
    """Nobody but the machine knows the time: at the second look its clock is believed, and what is over has ended."""
    clock = WallClock(tmp_path / "clock", 3)
    service = serve(database_url, SOJOURN_IDLE_TIMEOUT="30m", **clock.environ)
    history = History()
    client = RecordingClient(service.port, "acme", "usr_abc123", history)
    assert client.create() is not None

    def is_active() -> bool:
        client.list()
        return bool(history.calls[-1].rows)

    for step, active in (("+1h", False), ("+0", True)):
        clock.set_by(step)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while {is_active() for _ in range(10)} != {active}:
            assert time.monotonic() < deadline, step
            time.sleep(0.2)
    client.close()
