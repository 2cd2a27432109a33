"""The dashboard of `deploy/monitoring` on real data: a server under load, a Prometheus that scrapes it, every query.

`python -m tests.observability.dashboard docs/pictures/dashboard.svg` lets it run for some minutes and draws the panels.
"""

import itertools
import json
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.live import API_KEY, REFRESH_SECRET, free_port
from tests.observability.observed import TRUST, Observed

MONITORING = Path(__file__).parents[2] / "deploy" / "monitoring"
SERVICE = {"X-API-Key": API_KEY, "X-Tenant-ID": "acme"}
SECONDS = 240
"""How long the picture's server is under load."""
STEP = 5
"""Seconds between two points of a line in the picture."""
UNITS = {"reqps": "a second", "s": "seconds", "short": ""}

Lines = dict[str, list[tuple[str, list[tuple[float, float]]]]]
"""Of each panel, by its title: the lines, each with its name and its points (seconds, value)."""


@dataclass(frozen=True)
class Panel:
    """A panel of the dashboard: its title, its unit, and its queries with what their lines are called."""

    title: str
    unit: str
    queries: tuple[tuple[str, str], ...]


def panels() -> list[Panel]:
    """All of them, in the order of the dashboard; every instance is meant."""
    found = json.loads((MONITORING / "dashboard.json").read_text("utf-8"))["panels"]
    return [
        Panel(
            panel["title"],
            panel["fieldConfig"]["defaults"]["unit"],
            tuple((target["expr"].replace("$instance", ".*"), target["legendFormat"]) for target in panel["targets"]),
        )
        for panel in found
    ]


class Prometheus:
    """A Prometheus that scrapes one server every second."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def ask(self, expression: str) -> list[dict[str, Any]]:
        """What a query gives now; nothing while Prometheus does not answer yet."""
        try:
            answer = self._client.get("/api/v1/query", params={"query": expression})
        except httpx.HTTPError:
            return []
        if answer.status_code == 503:  # it is still starting
            return []
        assert answer.status_code == 200, (expression, answer.text)
        found: list[dict[str, Any]] = answer.json()["data"]["result"]
        return found

    def ask_range(self, expression: str, *, begin: float, end: float) -> list[dict[str, Any]]:
        """The lines of a query between two instants (seconds since 1970)."""
        asked = {"query": expression, "start": str(begin), "end": str(end), "step": str(STEP)}
        answer = self._client.get("/api/v1/query_range", params=asked)
        assert answer.status_code == 200, (expression, answer.text)
        found: list[dict[str, Any]] = answer.json()["data"]["result"]
        return found


@contextmanager
def scraping(server: Observed, folder: Path) -> Iterator[Prometheus]:
    """Prometheus, for as long as the block runs."""
    scrape = {"job_name": "sojourn", "static_configs": [{"targets": [f"127.0.0.1:{server.metrics_port}"]}]}
    settings = {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": [scrape]}
    (folder / "prometheus.json").write_text(json.dumps(settings))
    port = free_port()
    command = ["prometheus", f"--config.file={folder}/prometheus.json", f"--storage.tsdb.path={folder}/data"]
    command.append(f"--web.listen-address=127.0.0.1:{port}")
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, verify=TRUST) as client:
                yield Prometheus(client)
        finally:
            process.terminate()


@contextmanager
def under_load(server: Observed, *, pause: float) -> Iterator[None]:
    """Services and users at work, with `pause` seconds between two of their rounds, for as long as the block runs."""
    over = threading.Event()

    def work() -> None:
        with httpx.Client(base_url=server.url, timeout=60, verify=TRUST) as client:
            _round(client, 0)
            _hook(client, server.bearer("root", "admin"))
            for number in itertools.count():
                _round(client, number)
                # More and less by turns, so that the lines are no straight ones.
                if over.wait(pause * (1 + number // 60 % 3)):
                    return

    worker = threading.Thread(target=work)
    worker.start()
    try:
        yield
    finally:
        over.set()
        worker.join()


def _hook(client: httpx.Client, administrator: dict[str, str]) -> None:
    """A webhook whose name leads nowhere (RFC 2606)."""
    body = {"url": "https://hooks.invalid/", "events": ["session.ended"]}
    made = client.post("/admin/webhooks", headers=administrator, json=body)
    assert made.status_code == 201, made.text


def _round(client: httpx.Client, number: int) -> None:
    """A sign-in and what becomes of it; every few rounds something that is refused."""
    user = f"usr_{number % 40}"
    made = client.post("/internal/session/create", headers=SERVICE, json={"auth_user_id": user})
    assert made.status_code == 201, made.text
    session, tokens = made.json()["data"]["session"]["id"], made.json()["data"]["tokens"]
    client.get(f"/internal/session/sessions/{user}/active", headers=SERVICE)
    client.get(f"/internal/session/sessions/{user}", headers=SERVICE)
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    client.get(f"/sessions/{session}", headers=bearer)
    renewed = client.post("/sessions/refresh", json={"refresh_token": tokens["refresh_token"]})
    assert renewed.status_code == 200, renewed.text
    if number % 3 == 0:
        client.delete(f"/sessions/{session}", headers={"Authorization": f"Bearer {renewed.json()['access_token']}"})
    if number % 5 == 0:
        client.delete(f"/internal/session/session/user/{user}", headers=SERVICE)
    if number % 7 == 0:
        client.get(f"/internal/session/sessions/{user}", headers={**SERVICE, "X-API-Key": "a-wrong-key"})
        client.post("/sessions/refresh", json={"refresh_token": "none"})
        client.get("/sessions/sess_nobody", headers=bearer)
    if number % 11 == 0:  # spent twice: reuse, once the successor was used
        again = client.post("/sessions/refresh", json={"refresh_token": renewed.json()["refresh_token"]})
        if again.status_code == 200:
            client.post("/sessions/refresh", json={"refresh_token": again.json()["refresh_token"]})
        client.post("/sessions/refresh", json={"refresh_token": tokens["refresh_token"]})


def name_of(line: dict[str, Any], legend: str) -> str:
    """What a line is called: the legend with its labels put in."""
    return re.sub(r"{{(\w+)}}", lambda match: line["metric"].get(match[1], ""), legend) or "value"


def draw(lines: Lines, path: Path) -> None:
    """Write the picture: a panel for each title, in which each line is a name with its points (seconds, value)."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams |= {"svg.hashsalt": "sojourn", "svg.fonttype": "none", "font.size": 8, "axes.titlesize": 10}
    from matplotlib import pyplot

    units = {panel.title: UNITS[panel.unit] for panel in panels()}
    figure, places = pyplot.subplots(-(-len(lines) // 2), 2, figsize=(13, 2.5 * len(lines) / 2), squeeze=False)
    for place, (title, some) in zip(places.flat, lines.items(), strict=False):
        for name, points in some:
            place.plot(*zip(*points, strict=True), label=name, linewidth=1.2)
        place.set_title(title)
        place.set_ylabel(units[title])
        place.set_ylim(bottom=0)
        place.set_xlim(0, SECONDS)
        place.grid(alpha=0.3)
        place.spines[["top", "right"]].set_visible(False)
        place.legend(fontsize=6, loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    for place in places.flat[len(lines) :]:
        place.set_visible(False)
    for place in places[-1]:
        place.set_xlabel("seconds since the load began")
    figure.tight_layout()
    figure.savefig(path, format="svg", metadata={"Date": None})
    pyplot.close(figure)


def observed_lines() -> Lines:
    """Run the server under load; what Prometheus has seen of it."""
    folder = Path(tempfile.mkdtemp(prefix="sojourn-dashboard-"))
    server = Observed(folder, "--workers", "2", SOJOURN_REFRESH_SECRET=REFRESH_SECRET)
    found: Lines = {}
    try:
        with scraping(server, folder) as prometheus, under_load(server, pause=0.05):
            begin = time.time()
            time.sleep(SECONDS)
            for panel in panels():
                found[panel.title] = [
                    (
                        name_of(line, legend).replace(f"127.0.0.1:{server.metrics_port}", "server"),
                        [(at - begin, float(value)) for at, value in line["values"]],
                    )
                    for expression, legend in panel.queries
                    for line in prometheus.ask_range(expression, begin=begin, end=begin + SECONDS)
                ]
    finally:
        server.stop()
        shutil.rmtree(folder)
    return found


if __name__ == "__main__":
    draw(observed_lines(), Path(sys.argv[1]))
