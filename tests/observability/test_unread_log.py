"""A log that nobody reads stops nothing, and tells afterwards what is missing."""

import json
import os
import signal
import time
from pathlib import Path

import httpx

from tests.live import API_KEY, LiveServer

REQUESTS = 9_000
CREATE = {"X-API-Key": API_KEY, "X-Tenant-ID": "acme"}


def read_on(end: int, *, until: bytes) -> bytes:
    """What stands in the log, up to the line with `until`."""
    found = b""
    deadline = time.monotonic() + 60
    while until not in found or not found.endswith(b"\n"):
        assert time.monotonic() < deadline, found[-2000:]
        try:
            found += os.read(end, 1 << 20)
        except BlockingIOError:
            time.sleep(0.01)
    return found


def test_a_log_that_nobody_reads_stops_nothing_and_counts_what_is_missing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "server.log")
    end = os.open(tmp_path / "server.log", os.O_RDONLY | os.O_NONBLOCK)
    server = LiveServer(tmp_path, SOJOURN_LOG_FORMAT="json")
    longest = 0.0
    with httpx.Client(base_url=server.url, timeout=30) as client:
        sent = 0
        while sent < REQUESTS:
            begun = time.monotonic()
            assert client.get("/health/live").status_code == 200
            longest = max(longest, time.monotonic() - begun)
            sent += 1
        created = client.post("/internal/session/create", headers=CREATE, json={"auth_user_id": "ann"})
        assert created.status_code == 201
        text = read_on(end, until=b"were dropped")
        assert client.get("/health/live", headers={"X-Request-ID": "the-last"}).status_code == 200
        text += read_on(end, until=b'"the-last"')
    assert server.stop() in (0, -signal.SIGTERM)

    lines = [json.loads(line) for line in text.splitlines() if line.startswith(b"{")]
    access = [line for line in lines if line["logger"] == "sojourn.access" and line["operation"] == "get_liveness"]
    notices = [line for line in lines if line["logger"] == "sojourn.log"]
    dropped = sum(notice["dropped_lines"] for notice in notices)
    assert longest < 10
    assert dropped > 100
    assert REQUESTS - 20 <= len(access) + dropped <= REQUESTS + 20
    assert notices[0]["level"] == "warning"
    assert notices[0]["dropped_access"] == notices[0]["dropped_lines"]
    os.close(end)


def test_a_process_whose_log_is_not_read_ends_in_time(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "server.log")
    end = os.open(tmp_path / "server.log", os.O_RDONLY | os.O_NONBLOCK)
    server = LiveServer(tmp_path)
    with httpx.Client(base_url=server.url, timeout=30) as client:
        for _ in range(600):
            client.get("/health/live")
    begun = time.monotonic()

    assert server.stop() in (0, -signal.SIGTERM)
    assert time.monotonic() - begun < 60
    os.close(end)


def test_the_last_lines_of_a_process_are_written_before_it_ends(tmp_path: Path) -> None:
    server = LiveServer(tmp_path)
    with httpx.Client(base_url=server.url) as client:
        for number in range(200):
            client.get("/health/live", headers={"X-Request-ID": f"number-{number}"})
    assert server.stop() in (0, -signal.SIGTERM)

    log = server.log.read_text()
    assert all(f"request_id=number-{number} " in log for number in range(200))
    assert log.index("number-0 ") < log.index("number-199 ") < log.index("Finished server process")
