"""`sojourn events tail` prints what happens, one line an event, and ends when it is told to."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import httpx
import pytest

from tests.live import API_KEY, LiveServer

TAIL = [sys.executable, "-m", "sojourn", "events", "tail"]
HEADERS = {"X-API-Key": API_KEY, "X-Tenant-ID": "acme"}
SECONDS = 120


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    live = LiveServer(tmp_path_factory.mktemp("tail"))
    yield live
    assert live.stop() in (0, -signal.SIGTERM)


def begin_and_end(server: LiveServer, user: str, tenant: str = "acme") -> str:
    with httpx.Client(base_url=server.url, headers=HEADERS | {"X-Tenant-ID": tenant}, timeout=SECONDS) as client:
        made = client.post("/internal/session/create", json={"auth_user_id": user})
        session = str(made.json()["data"]["session"]["id"])
        reason = {"reason": 'said "bye" \u202e='}
        assert client.request("DELETE", f"/internal/session/{session}", json=reason).status_code == 204
    return session


def shown(server: LiveServer, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*TAIL, *options], env=server.environ, capture_output=True, text=True, timeout=SECONDS, check=False
    )


def test_what_is_kept_is_shown_once_in_order(server: LiveServer) -> None:
    session = begin_and_end(server, "ann")

    said = shown(server, "--all", "--no-follow", "--json")

    assert (said.returncode, said.stderr) == (0, "")
    events = [json.loads(line) for line in said.stdout.splitlines()]
    about = [event["type"] for event in events if event["data"].get("session_id") == session]
    assert about == ["session.created", "session.ended"]
    assert [event["cursor"] for event in events] == sorted({event["cursor"] for event in events})
    rest = shown(server, "--after", events[0]["cursor"], "--no-follow", "--json").stdout.splitlines()
    assert [json.loads(line) for line in rest][: len(events) - 1] == events[1:]


def test_a_line_says_when_where_and_what_and_nothing_in_it_can_pose_as_more(server: LiveServer) -> None:
    session = begin_and_end(server, "bob", "globex")

    said = shown(server, "--all", "--no-follow", "--tenant", "globex", "--type", "session.ended")

    (line,) = said.stdout.splitlines()
    assert line.split(" ")[1:3] == ["globex", "session.ended"]
    assert f" session_id={session} user_id=bob " in line
    assert 'reason="said \\"bye\\" \\u202e="' in line


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_follows_until_it_is_told_to_end(server: LiveServer, number: signal.Signals) -> None:
    begin_and_end(server, "before")
    with subprocess.Popen(
        [*TAIL, "--all", "--type", "session.ended"],
        env=server.environ | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as following:
        assert following.stdout is not None
        too_late = threading.Timer(SECONDS, following.kill)
        too_late.start()
        assert "session.ended" in following.stdout.readline(), "what is kept is shown first: it follows now"
        session = begin_and_end(server, "while it follows")
        assert any(session in line for line in following.stdout)
        following.send_signal(number)
        rest, complaints = following.communicate(timeout=SECONDS)
        too_late.cancel()

    assert (following.returncode, complaints) == (0, "")
    assert all(" session.ended " in line for line in rest.splitlines())


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--after", "0" * 28), "cursor"),
        (("--after", "7"), "cursor"),
        (("--after", "0" * 28, "--all"), "two beginnings"),
        (("--type", "session.opened"), "session.opened"),
    ],
)
def test_a_mistake_is_said_in_short(server: LiveServer, options: tuple[str, ...], says: str) -> None:
    said = shown(server, "--no-follow", *options)

    assert said.returncode != 0
    assert says in said.stderr
    assert len(said.stderr.splitlines()) <= 6
    assert said.stdout == ""
