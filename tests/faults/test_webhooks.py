"""Events on their way to a receiver while something breaks: each arrives, under the one id that it has.

A row says how many events there were, how many arrived, how many of them again under the same id, and how many under
another one. The short forms, which run every time, are in `tests/sending` and `tests/http/test_webhooks.py`.
"""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from tests.faults.clocks import WallClock
from tests.faults.clusters import Server
from tests.faults.conftest import MORE_LINES
from tests.faults.services import Service
from tests.faults.telling import SERVICE, TYPES, Traffic, administer, engine_of, events_of
from tests.receiver import Answer, Receiver, hang_up, status, until

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
            traffic.go_on()
            make_it(hook)
            traffic.go_on()
        mend(hook)
        events = [event for event in events_of(service) if event["id"] not in before]
        told = judge(events, receiver, earlier=before, ended=set(traffic.ended))
        line = f"| {fault} | {engine_of(service)} | " + " | ".join(map(str, told)) + " |"
        request.config.stash[MORE_LINES].setdefault(HEAD, []).append(line)
        print("\n" + line)
        assert told.events > 20, "too little happened to tell anything"
        assert (told.lost, told.doubled) == (0, 0)
        ended = {one.said["data"]["session_id"] for one in receiver.received if one.said["type"] == "session.ended"}
        assert not ended & set(traffic.living), "told of sessions that live on"
        assert out_of_order(receiver) == []
        return told

    return run


def judge(events: list[dict[str, Any]], receiver: Receiver, *, earlier: set[str], ended: set[str]) -> Told:
    """Wait until everything has arrived that will, and count. Arrived is what the receiver accepted.

    An end that was acknowledged and has no event is lost, too.
    """
    wanted = {event["id"] for event in events}
    unsaid = ended - {event["data"]["session_id"] for event in events if event["type"] == "session.ended"}
    deadline = time.monotonic() + ARRIVES_SECONDS
    while not wanted <= accepted_ids(receiver) and time.monotonic() < deadline:
        time.sleep(0.2)
    came = Counter(one.id for one in receiver.received)
    ids: dict[tuple[str, str], set[str]] = {}
    for one in receiver.received:
        ids.setdefault((one.said["type"], one.said["data"]["session_id"]), set()).add(one.id)
    return Told(
        events=len(wanted),
        arrived=len(wanted & accepted_ids(receiver)),
        lost=len(wanted - accepted_ids(receiver)) + len(unsaid),
        again=sum(count - 1 for count in came.values()),
        doubled=sum(len(found) - 1 for found in ids.values()) + len(set(came) - wanted - earlier),
    )


def accepted_ids(receiver: Receiver) -> set[str]:
    """The ids of what was answered with 2xx."""
    return {one.id for one in receiver.accepted}


def out_of_order(receiver: Receiver) -> list[str]:
    """Sessions of whose end was told before their beginning was accepted."""
    begun = {one.said["data"]["session_id"] for one in receiver.accepted if one.said["type"] == "session.created"}
    places: dict[tuple[str, str], int] = {}
    for place, one in enumerate(receiver.received):
        places.setdefault((one.said["data"]["session_id"], one.said["type"]), place)
    return [
        session
        for (session, kind), place in places.items()
        if kind == "session.ended" and (session not in begun or places[session, "session.created"] > place)
    ]


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
        ("the receiver responds with 500 for 4 s", status(500)),
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


def test_the_receiver_is_down_for_an_hour(
    serve: Serve, database_url: str, tmp_path: Path, receiver: Receiver, experiment: Experiment
) -> None:
    """The service starts an hour behind and is set right meanwhile, so that PostgreSQL's clock confirms the step."""
    clock = WallClock(tmp_path / "clock", 3)
    clock.set_by("-1h")
    service = serve(database_url, **ALLOWED, **clock.environ)

    def an_hour(_: str) -> None:
        receiver.close()
        time.sleep(FAULT_SECONDS)
        clock.set_by("+0")
        receiver.open_again()  # before the hour is believed to be over: then everything is tried again
        until(lambda: service.log.read_text().count("the wall clock is believed") == len(service.workers()), 60)

    experiment("the receiver is down for an hour (the clock is moved)", service, make_it=an_hour)


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

    experiment("the receiver responds with 410, is enabled and replayed", service, make_it=gone, mend=mend)


def administer_time() -> str:
    """Before everything that a test does."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 3600))


def test_the_receiver_sends_a_byte_a_second(
    serve: Serve, database_url: str, receiver: Receiver, experiment: Experiment
) -> None:
    told = experiment(
        "the receiver responds with a byte a second for 4 s",
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
        "the receiver responds with a gigabyte for 4 s", service, make_it=lambda _: answers(receiver, pour)
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
    """While deliveries wait for their second try. Sessions live half an hour: a step that is believed ends them."""
    clock = WallClock(tmp_path / "clock", 60)
    service = serve(database_url, SOJOURN_IDLE_TIMEOUT="30m", **ALLOWED, **clock.environ)

    def set_it(_: str) -> None:
        receiver.answers = [status(500)] * 3
        for step in ("+1h", "+0", "-10m", "+0"):
            clock.set_by(step)
            time.sleep(FAULT_SECONDS / 2)

    experiment("wall clock +1 h, back, −10 min, back", service, make_it=set_it)


def test_the_database_is_restarted(serve: Serve, postgresql: Server, url: str, experiment: Experiment) -> None:
    service = serve(url, **ALLOWED)

    experiment("PostgreSQL restarted (immediate)", service, make_it=lambda _: postgresql.restart("immediate"))
