"""Readers of the feed while something breaks: each reads every end once, in one order, and no end of what lives.

Two readers wait for pages and two hold streams. A row says how many sessions ended, how many ends all of them read,
how many they missed or read twice, and how often one had to ask again. The short forms, which run every time, are in
`tests/http/test_events.py`, `tests/http/test_event_stream.py` and `tests/serving/test_event_streams.py`.
"""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from tests.faults.clocks import WallClock
from tests.faults.clusters import Server
from tests.faults.conftest import MORE_LINES
from tests.faults.following import ENDS, Follower, Slow, Streaming
from tests.faults.services import Service
from tests.faults.telling import SERVICE, Traffic, engine_of, pages_of

SETTINGS = {"SOJOURN_STREAM_MAX_AGE": "20s", "SOJOURN_WRITE_TIMEOUT": "2s"}
FAULT_SECONDS = 4
ARRIVES_SECONDS = 90
LOUD_SECONDS = 20
"""So long sessions begin and end as fast as they can: what is not read of it fills every buffer."""
HEAD = (
    "| fault | engine | readers | ended | read by each | missed | again | out of order | asked again |\n"
    "|---|---|---:|---:|---:|---:|---:|---:|---:|"
)
Serve = Callable[..., Service]


class Followed(NamedTuple):
    """What came of the ends of a test, over all readers."""

    readers: int
    ended: int
    read: int
    missed: int
    again: int
    disordered: int
    breaks: int


Experiment = Callable[..., Followed]


@pytest.fixture
def experiment(request: pytest.FixtureRequest) -> Experiment:
    """Lets sessions begin and end beside readers while something breaks; prints the line; nothing may be missed."""

    def run(
        fault: str, *services: Service, make_it: Callable[[], None], slow: bool = False, threads: int = 1
    ) -> Followed:
        service = services[0]
        _begin(service)
        *_, page = pages_of(service, (ENDS,))
        cursor = page["next_cursor"]
        turned = (*services[1:], services[0])
        followers = [kind(cursor, *turn) for kind in (Follower, Streaming) for turn in (services, turned)]
        followers += [Slow(cursor, service, silent_seconds=LOUD_SECONDS)] if slow else []
        for follower in followers:
            follower.start()
        with Traffic(*services, threads=threads, pause_seconds=0 if slow else 0.02) as traffic:
            traffic.go_on()
            make_it()
            traffic.go_on()
        ended = set(traffic.ended) | {name for name in traffic.unknown if not _lives(service, name)}
        followed = judge(followers, ended)
        line = f"| {fault} | {engine_of(service)} | " + " | ".join(map(str, followed)) + " |"
        request.config.stash[MORE_LINES].setdefault(HEAD, []).append(line)
        print("\n" + line)
        assert followed.ended > 20, "too little happened to tell anything"
        assert (followed.missed, followed.again, followed.disordered) == (0, 0, 0)
        read = {session for follower in followers for _, session in follower.read}
        assert read <= ended, "an end was read of a session that lives on"
        assert [refusal for follower in followers for refusal in follower.refused] == []
        assert [
            event for page in pages_of(service, (ENDS,)) for event in page["items"] if _is_alien(event, ended)
        ] == []
        if slow:
            assert followers[-1].breaks > 0, "it was waited for all the same"
        return followed

    return run


def _begin(service: Service) -> None:
    """A tenant that is known, and an event that is there before."""
    answer = httpx.post(
        f"{service.url}/internal/session/create", headers=SERVICE, json={"auth_user_id": "first"}, timeout=60
    )
    assert answer.status_code == 201, answer.text


def _lives(service: Service, session: str) -> bool:
    answer = httpx.get(f"{service.url}/internal/session/{session}", headers=SERVICE, timeout=60)
    assert answer.status_code in (200, 404), answer.text
    return answer.status_code == 200 and answer.json()["session"]["status"] == "active"


def _is_alien(event: dict[str, dict[str, str]], ended: set[str]) -> bool:
    return event["data"]["session_id"] not in ended


def judge(followers: list[Follower], ended: set[str]) -> Followed:
    """Wait until everybody has read what there is, and a moment longer, for what should not come; count."""
    deadline = time.monotonic() + ARRIVES_SECONDS
    while any(len(follower.read) < len(ended) for follower in followers) and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(1)
    for follower in followers:
        follower.stop()
    reads = [Counter(session for _, session in follower.read) for follower in followers]
    cursors = [[cursor for cursor, _ in follower.read] for follower in followers]
    return Followed(
        readers=len(followers),
        ended=len(ended),
        read=min(len(ended & set(read)) for read in reads),
        missed=sum(len(ended - set(read)) for read in reads),
        again=sum(count - 1 for read in reads for count in read.values()),
        disordered=sum(later <= earlier for seen in cursors for earlier, later in pairwise(seen)),
        breaks=sum(follower.breaks for follower in followers),
    )


def test_workers_are_killed(serve: Serve, database_url: str, experiment: Experiment) -> None:
    service = serve(database_url, **SETTINGS)

    followed = experiment("all workers killed (SIGKILL)", service, make_it=service.kill_workers)

    assert followed.breaks > 0


def test_two_services_on_one_database(serve: Serve, database_url: str, tmp_path: Path, experiment: Experiment) -> None:
    """Readers of the one that is killed whole go on at the other."""
    one = serve(database_url, **SETTINGS)
    (tmp_path / "two").mkdir()
    two = Service(tmp_path / "two", database_url, 2, **SETTINGS)

    def kill() -> None:
        time.sleep(FAULT_SECONDS / 2)
        for victim in two.workers():
            os.kill(victim, signal.SIGKILL)
        two.kill()

    try:
        followed = experiment("two copies serve, one is killed", one, two, make_it=kill)
    finally:
        two.stop()
    assert followed.breaks > 0


def test_the_clock_is_set_back(serve: Serve, database_url: str, tmp_path: Path, experiment: Experiment) -> None:
    """Sessions live half an hour: a step that was believed would end those that live on."""
    clock = WallClock(tmp_path / "clock", 60)
    service = serve(database_url, SOJOURN_IDLE_TIMEOUT="30m", **SETTINGS, **clock.environ)

    def set_it() -> None:
        for step in ("+1h", "+0", "-10m", "+0"):
            clock.set_by(step)
            time.sleep(FAULT_SECONDS / 2)

    experiment("wall clock +1 h, back, −10 min, back", service, make_it=set_it)


def test_a_reader_is_slow(serve: Serve, database_url: str, experiment: Experiment) -> None:
    """It reads nothing for so long that it is disconnected, and misses nothing."""
    service = serve(database_url, **SETTINGS)

    experiment(
        f"a reader of a stream reads nothing for {LOUD_SECONDS} s",
        service,
        make_it=lambda: time.sleep(LOUD_SECONDS),
        slow=True,
        threads=4,
    )


def test_the_database_is_restarted(serve: Serve, postgresql: Server, url: str, experiment: Experiment) -> None:
    """Readers ask again only where it is away for longer than they wait."""
    service, began = serve(url, **SETTINGS), postgresql.command("SELECT pg_postmaster_start_time()")

    experiment("PostgreSQL restarted (immediate)", service, make_it=lambda: postgresql.restart("immediate"))

    assert postgresql.command("SELECT pg_postmaster_start_time()") > began
