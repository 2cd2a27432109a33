"""The dashboard on real data: a server under load, a Prometheus that scrapes it, and an answer for every line."""

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.live import REFRESH_SECRET
from tests.observability.dashboard import MONITORING, panels, scraping, under_load
from tests.observability.observed import Observed

PICTURE = Path(__file__).parents[2] / "docs" / "pictures" / "dashboard.svg"
PATIENCE_SECONDS = 240


class Tidy(Observed):
    """Looks after its data once a second: its first round need not be waited for."""

    program = (
        sys.executable, "-W", "ignore", "-c",
        "import sojourn.cli as cli, sojourn.serving.lifespan as serving; serving.HOUSEKEEPING_SECONDS = 1; cli.main()",
    )  # fmt: skip


def test_every_query_of_the_dashboard_has_data_of_a_server_under_load(tmp_path: Path) -> None:
    missing = [name for name in ("prometheus", "promtool") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"{' and '.join(missing)} are not installed (Debian: apt-get install prometheus)")
    checked = ["promtool", "test", "rules", "alerts_test.yaml"]
    assert b"SUCCESS" in subprocess.run(checked, cwd=MONITORING, capture_output=True, check=True).stdout
    server = Tidy(tmp_path, SOJOURN_REFRESH_SECRET=REFRESH_SECRET)
    waiting = {(panel.title, expression) for panel in panels() for expression, _ in panel.queries}
    assert len(waiting) > 20
    try:
        with scraping(server, tmp_path) as prometheus, under_load(server, pause=0.02):
            deadline = time.monotonic() + PATIENCE_SECONDS
            while waiting:
                waiting -= {query for query in waiting if prometheus.ask(query[1])}
                assert time.monotonic() < deadline, waiting
                time.sleep(0.2)
    finally:
        status = server.stop()
    assert status in (0, -signal.SIGTERM)


def test_the_picture_of_the_dashboard_has_all_its_panels() -> None:
    text = PICTURE.read_text("utf-8")

    assert [panel.title for panel in panels() if f">{panel.title}<" not in text] == []
