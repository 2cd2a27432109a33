"""Events on their way to a receiver while something breaks: each arrives, under the one id that it has.

A row says how many events there were, how many arrived, how many of them again under the same id, and how many under
another one. The short forms, which run every time, are in `tests/sending` and `tests/http/test_webhooks.py`.
"""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import jwt
import pytest

from tests.faults.clocks import WallClock
from tests.faults.clusters import Server, server
from tests.faults.conftest import MORE_LINES
from tests.faults.services import Service
from tests.live import API_KEY, JWT_SECRET
from tests.receiver import Answer, Receiver, hang_up, status, until

SERVICE = {"X-API-Key": API_KEY, "X-Tenant-ID": "acme"}
TYPES = ("session.created", "session.ended")
ALLOWED = {"SOJOURN_WEBHOOK_ALLOW": "127.0.0.1"}
FAULT_SECONDS = 4
"""Shorter than the pause after the second attempt, which is five minutes."""
ARRIVES_SECONDS = 180
HEAD = (
    "| fault | engine | events | arrived | lost | again, same id | again, another id |\n"
    "|---|---|---:|---:|---:|---:|---:|"
)
Serve = Callable[..., Service]


class Told(NamedTuple):
    """What came of the events of a test."""

    events: int
    arrived: int
    lost: int
    again: int
    doubled: int


class Traffic:
    """Sessions that begin and end, one after the other, until it is told to stop."""

    def __init__(self, *services: Service) -> None:
        self._services = services
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.living: list[str] = []

    def __enter__(self) -> "Traffic":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(120)

    def _run(self) -> None:
        number = 0
        while not self._stop.wait(0.05):
            service, number = self._services[number % len(self._services)], number + 1
            session = self._created(service, f"usr_{number}")
            if session is not None and number % 5 == 0:
                self.living.append(session)
            elif session is not None:
                _asked(service, "DELETE", f"/internal/session/{session}")

    def _created(self, service: Service, user: str) -> str | None:
        answer = _asked(service, "POST", "/internal/session/create", json={"auth_user_id": user})
        made: str | None = None if answer is None else answer.json()["data"]["session"]["id"]
        return made


def _asked(service: Service, method: str, path: str, **options: Any) -> httpx.Response | None:
    """The answer; None where it was refused or none came, as may be while something is broken."""
    try:
        answer = httpx.request(method, service.url + path, timeout=30, headers=SERVICE, **options)
    except httpx.HTTPError:
        return None
    return answer if answer.is_success else None


def administer(service: Service, method: str, path: str, **options: Any) -> Any:
    """What the administrator is answered; by this machine's clock, wherever the service's stands."""
    now = int(time.time())
    claims = {"sub": "root", "tenant_id": "acme", "roles": ["admin"], "iat": now - 900, "exp": now + 7200}
    token = jwt.encode(claims, JWT_SECRET, algorithm="HS256")
    answer = httpx.request(
        method, service.url + path, timeout=60, headers={"Authorization": f"Bearer {token}"}, **options
    )
    assert answer.is_success, answer.text
    return answer.json() if answer.content else None


def events_of(service: Service) -> list[dict[str, Any]]:
    """Every event that there is."""
    found: list[dict[str, Any]] = []
    query: dict[str, Any] = {"limit": 500, "types": ",".join(TYPES)}
    while True:
        answer = httpx.get(f"{service.url}/internal/events", headers=SERVICE, params=query, timeout=60)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += page["items"]
        query["after"] = page["next_cursor"]
        if not page["has_more"]:
            return found


Experiment = Callable[..., Told]


@pytest.fixture
def experiment(request: pytest.FixtureRequest, receiver: Receiver) -> Experiment:
    """Lets sessions begin and end while something breaks; prints the line; nothing may be lost."""

    def run(
        fault: str,
        *services: Service,
        make_it: Callable[[str], None],
        mend: Callable[[str], None] = lambda _: None,
    ) -> Told:
        """`make_it` and `mend` are given the endpoint's id."""
        service = services[0]
        httpx.post(
            f"{service.url}/internal/session/create", headers=SERVICE, json={"auth_user_id": "first"}, timeout=60
        )
        hook = administer(service, "POST", "/admin/webhooks", json={"url": receiver.url, "events": TYPES})["id"]
        before = {event["id"] for event in events_of(service)}
        with Traffic(*services) as traffic:
            time.sleep(1)
            make_it(hook)
            time.sleep(1)
        mend(hook)
        events = [event for event in events_of(service) if event["id"] not in before]
        told = judge(events, receiver, earlier=before)
        engine = "SQLite" if "sqlite" in service.environ["SOJOURN_DATABASE_URL"] else "PostgreSQL"
        line = f"| {fault} | {engine} | " + " | ".join(map(str, told)) + " |"
        request.config.stash[MORE_LINES].setdefault(HEAD, []).append(line)
        print("\n" + line)
        assert told.events > 20, "too little happened to tell anything"
        assert (told.lost, told.doubled) == (0, 0)
        ended = {one.said["data"]["session_id"] for one in receiver.received if one.said["type"] == "session.ended"}
        assert not ended & set(traffic.living), "told of sessions that live on"
        assert out_of_order(receiver) == []
        return told

    return run


def judge(events: list[dict[str, Any]], receiver: Receiver, *, earlier: set[str]) -> Told:
    """Wait until everything has arrived that will, and count. Arrived is what the receiver read whole."""
    wanted = {event["id"] for event in events}
    deadline = time.monotonic() + ARRIVES_SECONDS
    while not wanted <= set(receiver.ids) and time.monotonic() < deadline:
        time.sleep(0.2)
    came = Counter(one.id for one in receiver.received)
    ids: dict[tuple[str, str], set[str]] = {}
    for one in receiver.received:
        ids.setdefault((one.said["type"], one.said["data"]["session_id"]), set()).add(one.id)
    return Told(
        events=len(wanted),
        arrived=len(wanted & set(came)),
        lost=len(wanted - set(came)),
        again=sum(count - 1 for count in came.values()),
        doubled=sum(len(found) - 1 for found in ids.values()) + len(set(came) - wanted - earlier),
    )


def out_of_order(receiver: Receiver) -> list[str]:
    """Sessions of whose end was told before their beginning was accepted."""
    begun, wrong = set(), []
    for one in receiver.received:
        session = one.said["data"]["session_id"]
        if one.said["type"] == "session.created":
            begun.add(session)
        elif session not in begun:
            wrong.append(session)
    return wrong


def answers(receiver: Receiver, answer: Answer, seconds: float = FAULT_SECONDS) -> None:
    """Let the receiver answer like this for a while, then as usual."""
    usual, receiver.default = receiver.default, answer
    time.sleep(seconds)
    receiver.default = usual


def drip(handler: BaseHTTPRequestHandler) -> None:
    """An answer of which a byte comes each second: its status is not known before the sender's patience ends."""
    try:
        for byte in b"HTTP/1.1 204 No Content\r\n\r\n":
            handler.wfile.write(bytes((byte,)))
            handler.wfile.flush()
            time.sleep(1)
    except OSError:
        pass
    handler.close_connection = True


def pour(handler: BaseHTTPRequestHandler) -> None:
    """An accepting answer of a gigabyte."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(2**30))
    handler.end_headers()
    try:
        for _ in range(2**30 // 2**20):
            handler.wfile.write(b"x" * 2**20)
    except OSError:
        pass
    handler.close_connection = True


def resident_bytes(pid: int) -> int:
    """The memory that a process holds."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no such line")


def test_workers_are_killed_between_commit_and_send(
    serve: Serve, database_url: str, receiver: Receiver, experiment: Experiment
) -> None:
    service = serve(database_url, **ALLOWED)

    def kill(_: str) -> None:
        usual, receiver.default = receiver.default, lambda handler: time.sleep(20)
        count = len(receiver.ids)
        until(lambda: len(receiver.ids) > count)
        receiver.default = usual
        service.kill_workers()

    experiment("all workers killed between commit and send", service, make_it=kill)


@pytest.mark.parametrize(
    ("fault", "answer"),
    [
        ("the receiver hangs up for 4 s", hang_up),
        ("the receiver answers 500 for 4 s", status(500)),
        ("the receiver redirects for 4 s", status(302, Location="http://127.0.0.1:1/")),
        ("the receiver asks for a second's patience for 4 s", status(503, Retry_After="1")),
    ],
)
def test_the_receiver_accepts_nothing(
    serve: Serve, database_url: str, receiver: Receiver, experiment: Experiment, *, fault: str, answer: Answer
) -> None:
    told = experiment(fault, serve(database_url, **ALLOWED), make_it=lambda _: answers(receiver, answer))

    assert told.again > 0


def test_the_receiver_is_down(serve: Serve, database_url: str, receiver: Receiver, experiment: Experiment) -> None:
    def restart(_: str) -> None:
        receiver.close()
        time.sleep(FAULT_SECONDS)
        receiver.open_again()

    experiment("the receiver is down for 4 s", serve(database_url, **ALLOWED), make_it=restart)


def test_the_receiver_is_gone_and_comes_back(
    serve: Serve, database_url: str, receiver: Receiver, experiment: Experiment
) -> None:
    """410 disables the endpoint: an administrator enables it again, and has sent what happened meanwhile."""
    service = serve(database_url, **ALLOWED)
    since = administer_time()

    def gone(hook: str) -> None:
        receiver.answers = [status(410)]
        until(lambda: not administer(service, "GET", f"/admin/webhooks/{hook}")["enabled"])

    def mend(hook: str) -> None:
        administer(service, "PATCH", f"/admin/webhooks/{hook}", json={"enabled": True})
        administer(service, "POST", f"/admin/webhooks/{hook}/replay", json={"since": since})

    experiment("the receiver answers 410, is enabled and replayed", service, make_it=gone, mend=mend)


def administer_time() -> str:
    """Before everything that a test does."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 3600))


def test_the_receiver_sends_a_byte_a_second(
    serve: Serve, database_url: str, receiver: Receiver, experiment: Experiment
) -> None:
    told = experiment(
        "the receiver answers with a byte a second for 4 s",
        serve(database_url, **ALLOWED),
        make_it=lambda _: answers(receiver, drip),
    )

    assert told.again > 0


def test_the_receiver_answers_with_a_gigabyte(
    serve: Serve, database_url: str, receiver: Receiver, experiment: Experiment
) -> None:
    service = serve(database_url, **ALLOWED)
    before = max(map(resident_bytes, service.workers()))

    told = experiment(
        "the receiver answers with a gigabyte for 4 s", service, make_it=lambda _: answers(receiver, pour)
    )

    assert told.again == 0, "the status decides"
    assert max(map(resident_bytes, service.workers())) < before + 100 * 2**20


def test_two_services_on_one_database(
    serve: Serve, database_url: str, tmp_path: Path, receiver: Receiver, experiment: Experiment
) -> None:
    """Four workers in two services; one service is killed whole while it sends."""
    one = serve(database_url, **ALLOWED)
    (tmp_path / "two").mkdir()
    two = Service(tmp_path / "two", database_url, 2, **ALLOWED)

    def kill(_: str) -> None:
        time.sleep(FAULT_SECONDS / 2)
        for victim in two.workers():
            os.kill(victim, signal.SIGKILL)
        two.kill()

    try:
        experiment("two copies serve, one is killed", one, two, make_it=kill)
    finally:
        two.stop()


def test_the_clock_is_set_back(
    serve: Serve, database_url: str, tmp_path: Path, receiver: Receiver, experiment: Experiment
) -> None:
    """Ten minutes back and on again, while deliveries wait for their second try."""
    clock = WallClock(tmp_path / "clock", 60)
    service = serve(database_url, **ALLOWED, **clock.environ)

    def set_back(_: str) -> None:
        receiver.answers = [status(500)] * 3
        clock.set_by("-10m")
        time.sleep(FAULT_SECONDS)
        clock.set_by("+0")

    experiment("wall clock −10 min, back", service, make_it=set_back)


@pytest.fixture(scope="module")
def postgresql() -> Iterator[Server]:
    """A server of this module's own."""
    with server() as running:
        yield running


def test_the_database_is_restarted(serve: Serve, postgresql: Server, experiment: Experiment) -> None:
    name = postgresql.create()
    service = serve(postgresql.url(name), **ALLOWED)
    try:
        experiment("PostgreSQL restarted (immediate)", service, make_it=lambda _: postgresql.restart("immediate"))
    finally:
        service.stop()
        postgresql.drop(name)
