"""Metrics: one truth of several workers, closed sets of labels, a listener that holds up nobody."""

import os
import random
import re
import signal
import socket
import string
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from sojourn.domain.endings import REASON_CODES
from sojourn.observability.metrics import CATALOGUE, REFRESH_OUTCOMES
from sojourn.observability.security_events import CATALOGUE as SECURITY_EVENTS
from sojourn.openapi.loader import load_bundle
from sojourn.problems.documents import CATALOGUE as PROBLEMS
from tests.live import API_KEY, LiveServer
from tests.observability.observed import Observed

SERVICE = {"X-API-Key": API_KEY, "X-Tenant-ID": "acme"}
HOSTILE_REQUESTS = int(os.environ.get("HOSTILE_REQUESTS", "1500"))
MONITORING = Path(__file__).parents[2] / "deploy" / "monitoring"


@pytest.fixture
def observed(tmp_path: Path) -> Iterator[Callable[..., Observed]]:
    """Starts servers and ends them."""
    servers: list[Observed] = []

    def start(*arguments: str, **settings: str) -> Observed:
        servers.append(Observed(tmp_path, *arguments, **settings))
        return servers[-1]

    yield start
    for server in servers:
        assert server.stop() in (0, -signal.SIGTERM, -signal.SIGKILL)


def create(client: httpx.Client, user: str = "ann") -> None:
    answer = client.post("/internal/session/create", headers=SERVICE, json={"auth_user_id": user})
    assert answer.status_code == 201


def test_all_workers_are_one_server_on_either_engine(observed: Callable[..., Observed], database_url: str) -> None:
    settings = {"SOJOURN_REFRESH_SECRET": "a-secret-that-protects-refresh-tokens-0123"}
    server = observed("--workers", "2", SOJOURN_DATABASE_URL=database_url, **settings)

    for _ in range(12):  # a connection each: both workers get some
        with httpx.Client(base_url=server.url) as client:
            create(client)
            assert client.get("/sessions").status_code == 401

    assert server.value("sojourn_requests_total", operation="create_session", status="201") == 12
    assert server.value("sojourn_requests_total", operation="list_own_sessions", status="401") == 12
    assert server.value("sojourn_request_duration_seconds_count", operation="create_session") == 12
    assert 0 < server.value("sojourn_request_duration_seconds_sum", operation="create_session") < 60
    assert server.value("sojourn_refusals_total", problem="authentication_required") == 12
    assert server.value("sojourn_security_events_total", event="session.created") == 12
    assert server.value("sojourn_sessions_created_total") == 12
    engine = database_url.partition(":")[0]
    assert server.value("sojourn_build", version="0.1.0", engine=engine) == 1
    server.awaits(lambda seen: seen.value("sojourn_event_loop_delay_seconds_count") >= 4)
    assert server.value("sojourn_database_connections_max") == (20 if engine == "postgresql" else 0)


def test_the_active_sessions_of_all_tenants_are_counted(observed: Callable[..., Observed]) -> None:
    server = observed()
    with httpx.Client(base_url=server.url) as client:
        for tenant in ("acme", "globex"):
            headers = {**SERVICE, "X-Tenant-ID": tenant}
            client.post("/internal/session/create", headers=headers, json={"auth_user_id": "ann"})
    server.stop()
    server.restart()

    server.awaits(lambda seen: seen.value("sojourn_sessions_active") == 2)


def test_open_connections_are_those_that_are_open(observed: Callable[..., Observed]) -> None:
    server = observed()
    held = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(7)]
    server.awaits(lambda seen: seen.value("sojourn_connections") == 7)
    for connection in held:
        connection.close()
    server.awaits(lambda seen: seen.value("sojourn_connections") == 0)


def test_what_is_refused_below_the_application_counts_too(observed: Callable[..., Observed]) -> None:
    server = observed()
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(b"no HTTP at all\r\n\r\n")
        assert connection.recv(65_536).startswith(b"HTTP/1.1 400 ")

    assert server.value("sojourn_requests_total", operation="-", status="400") == 1
    assert server.value("sojourn_refusals_total", problem="malformed_request") == 1


def test_hostile_requests_make_no_series_outside_the_closed_sets(observed: Callable[..., Observed]) -> None:
    server = observed()
    random.seed(20)
    letters = string.ascii_letters + string.digits + "-._~%/"
    with httpx.Client(base_url=server.url) as client:
        for _ in range(HOSTILE_REQUESTS):
            path = "/" + "".join(random.choices(letters, k=random.randint(0, 40)))
            path = re.sub(r"%(?![0-9a-fA-F]{2})", "", path)
            client.request(
                random.choice(["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"]),
                random.choice([path, "/sessions" + path, "/internal/session" + path, "/problems" + path]),
                headers={"X-Tenant-ID": "".join(random.choices(letters, k=9)), "X-API-Key": random.choice("abc") * 20},
            )
            if random.random() < 0.1:  # what a service says of an end: only the contract's codes are counted
                made = client.post("/internal/session/create", headers=SERVICE, json={"auth_user_id": "ann"}).json()
                said = {"reason": path, "reason_code": random.choice([path, *REASON_CODES])}
                ended = f"/internal/session/{made['data']['session']['id']}"
                client.request("DELETE", ended, headers=SERVICE, json=said)
    operations = {
        operation["operationId"]
        for path in load_bundle()["paths"].values()
        for operation in path.values()
        if isinstance(operation, dict) and "operationId" in operation
    }
    closed = {
        "operation": operations | {"-"},
        "status": {str(status) for status in range(200, 600)},
        "problem": set(PROBLEMS),
        "event": set(SECURITY_EVENTS),
        "reason": set(REASON_CODES),
        "outcome": set(REFRESH_OUTCOMES),
        "kind": {"access", "other"},
        "version": {"0.1.0"},
        "engine": {"sqlite"},
    }
    series = server.read()

    assert len({dict(labels).get("operation") for _, labels in series}) > 3
    assert len({dict(labels).get("reason") for _, labels in series}) > 3
    for name, labels in series:
        for label, value in labels:
            assert label == "le" or value in closed[label], (name, label, value)


def test_a_worker_that_died_leaves_what_it_counted_and_nothing_that_it_held(observed: Callable[..., Observed]) -> None:
    server = observed("--workers", "2")
    held = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(8)]
    with httpx.Client(base_url=server.url) as client:
        create(client)
    server.awaits(lambda seen: seen.value("sojourn_connections") >= 8)
    before = server.value("sojourn_requests_total", operation="create_session", status="201")
    workers = server.workers()
    assert len(workers) == 2

    for pid in workers:
        os.kill(pid, signal.SIGKILL)

    server.awaits(lambda seen: seen.value("sojourn_connections") == 0, 30)
    assert server.value("sojourn_requests_total", operation="create_session", status="201") == before == 1
    for connection in held:
        connection.close()


def test_a_reader_of_metrics_that_stands_still_holds_up_no_other(observed: Callable[..., Observed]) -> None:
    server = observed()
    still = [socket.create_connection(("127.0.0.1", server.metrics_port)) for _ in range(20)]
    for connection in still[:10]:
        connection.sendall(b"GET /metr")

    assert server.value("sojourn_housekeeping_rounds_total") == 0
    for connection in still:
        connection.close()


def test_other_paths_of_the_listener_say_where_the_metrics_are(observed: Callable[..., Observed]) -> None:
    server = observed()

    answer = httpx.get(f"http://127.0.0.1:{server.metrics_port}/other")

    assert (answer.status_code, answer.text) == (404, "The metrics are at /metrics.\n")
    assert httpx.get(f"{server.url}/metrics").status_code == 404


def test_without_the_setting_nothing_listens_and_the_library_is_not_loaded(tmp_path: Path) -> None:
    server = LiveServer(tmp_path)
    maps = Path(f"/proc/{server.process.pid}/environ").read_bytes()
    listening = subprocess.run(["cat", "/proc/net/tcp"], capture_output=True, text=True, check=True).stdout
    loaded = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", "import sojourn.app, sys; print('prometheus_client' in sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    server.stop()

    assert b"SOJOURN_METRICS_PORT" not in maps
    assert f":{server.port:04X}" in listening
    assert loaded.stdout == "False\n"


def test_port_0_takes_a_free_one_and_tells_it(tmp_path: Path) -> None:
    server = LiveServer(tmp_path, SOJOURN_METRICS_PORT="0")
    found = re.search(r"metrics on (http://127\.0\.0\.1:\d+/metrics)", server.log.read_text())

    assert found is not None
    assert httpx.get(found[1]).status_code == 200
    server.stop()


def test_a_port_that_is_taken_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "sojourn", "serve", "--port", "0"],
            env={
                **os.environ,
                "SOJOURN_DATABASE_URL": f"sqlite:///{tmp_path}/s.db",
                "SOJOURN_INTERNAL_API_KEYS": API_KEY,
                "SOJOURN_METRICS_PORT": str(port),
            },
            capture_output=True,
            text=True,
            timeout=60,
        )

    assert ended.returncode == 1
    assert f"SOJOURN_METRICS_PORT: cannot listen on 127.0.0.1:{port}: " in ended.stderr
    assert "Traceback" not in ended.stderr


def _names(text: str) -> set[str]:
    return {re.sub(r"_(total|bucket|count|sum)$", "", name) for name in re.findall(r"\bsojourn_[a-z_]+", text)}


def test_dashboard_and_alerts_name_metrics_that_there_are() -> None:
    dashboard = (MONITORING / "dashboard.json").read_text("utf-8")
    alerts = (MONITORING / "alerts.yaml").read_text("utf-8")

    assert _names(alerts) <= set(CATALOGUE)
    assert _names(dashboard) == set(CATALOGUE)


def test_each_alert_has_numbers_at_which_it_fires() -> None:
    groups = yaml.safe_load((MONITORING / "alerts.yaml").read_text("utf-8"))["groups"]
    alerts = {rule["alert"] for group in groups for rule in group["rules"]}
    tests = yaml.safe_load((MONITORING / "alerts_test.yaml").read_text("utf-8"))["tests"]
    fired = {case["alertname"] for test in tests for case in test["alert_rule_test"] if case["exp_alerts"]}

    assert fired == alerts
