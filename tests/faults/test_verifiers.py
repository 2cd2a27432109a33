"""Verifiers beside a service that is killed, stopped, cut off, held back, restored and given other keys, in turn.

No token is accepted for longer than `max_staleness` after its end was acknowledged, and in the end both verifiers know
everything. `tests/clients/test_verifier_faults.py` has short forms.
"""

import random
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import jwt
import pytest

from sojourn_verify import Stale, Verifier
from tests.clients.following import Beside, wait_until
from tests.clients.test_verifier_faults import run
from tests.clients.typescript import TOOLS
from tests.clients.typescript import run as run_tool
from tests.clients.witness import Wire, Witness
from tests.conftest import ENGINES
from tests.faults.conftest import MORE_LINES
from tests.faults.node_witness import NodeWitness
from tests.live import API_KEY, REFRESH_SECRET, LiveServer

FAULTS = ("kill", "stop", "away", "cut", "hold back", "rotate", "retire", "restore", "cut", "kill")
PAUSE = (0.5, 1.5)
SOON = 20.0
TITLES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
HEAD = (
    "| verifier | engine | `max_staleness` | clock | ends | accepted after the end, at most | knows all after |\n"
    "|---|---|---:|---:|---:|---:|---:|"
)


class Story:
    """One service, reached over one wire by both verifiers, which see the same tokens."""

    def __init__(self, live: LiveServer, max_staleness: float, off_by: float) -> None:
        self.live, self.wire = live, Wire(live.port)
        verifier = Verifier(self.wire.url, API_KEY, max_staleness=max_staleness, key_cool_down=0.5, timeout=2.0)
        self.beside = Beside(live, verifier)
        self.beside.http.timeout = httpx.Timeout(5)
        self.python = Witness(self.beside.verifier)
        self.node = NodeWitness(self.wire.url, API_KEY, max_staleness=max_staleness, off_by=off_by)
        self.lock = threading.Lock()
        """Held while a fault ends tokens of which it must be known which they are."""

    def sign_in(self) -> tuple[str, str]:
        """The id of a new session, and its token, which both verifiers see from now on."""
        key, tokens = self.beside.sign_in()
        token = tokens["access_token"]
        self.python.watch(token)
        self.node.watch(token)
        return key, token

    def sign_in_soon(self) -> tuple[str, str]:
        """The same, as soon as the service can."""
        end = time.monotonic() + SOON
        while True:
            try:
                return self.sign_in()
            except (httpx.HTTPError, AssertionError):
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)

    def live_and_end(self, stop: threading.Event) -> None:
        """Begin and end sessions, every fifth of which lives on. An end without a response was not acknowledged."""
        number = 0
        while not stop.wait(0.05):
            with self.lock:
                number += 1
                try:
                    key, token = self.sign_in()
                    time.sleep(0.1)
                    if number % 5:
                        self.beside.end(key)
                        self.python.note_end(token)
                except (httpx.HTTPError, AssertionError):
                    continue

    def end_all(self, *arguments: str, kid: str | None = None) -> None:
        """Run a command that ends all tokens, or those of a key."""
        with self.lock:
            run(self.live, *arguments)
            for token in list(self.python.tokens):
                if kid in (None, jwt.get_unverified_header(token)["kid"]):
                    self.python.note_end(token)

    def knows(self, token: str, *, is_good: bool) -> None:
        """Wait until both verifiers say so."""

        def said() -> set[bool]:
            try:
                python = self.beside.verified(token)
            except Stale:
                return set()
            return {said == "good" for said in (python, self.node.verified(token)) if said != "Stale"}

        wait_until(lambda: said() == {is_good}, seconds=SOON)

    def close(self) -> None:
        self.node.close()
        self.beside.close()
        self.wire.close()
        self.live.stop()


def break_something(what: str, story: Story, *, seconds: float, draw: random.Random) -> None:
    live, wire = story.live, story.wire
    match what:
        case "kill":
            live.kill()
            time.sleep(seconds)
            live.restart()
        case "stop":
            live.process.send_signal(signal.SIGSTOP)
            time.sleep(seconds)
            live.process.send_signal(signal.SIGCONT)
        case "away":
            wire.is_off = True
            wire.cut()
            time.sleep(seconds)
            wire.is_off = False
        case "cut":
            wire.cut_after = lambda: draw.randrange(300, 5000)
            wire.cut()
            time.sleep(seconds)
            wire.cut_after = None
        case "hold back":
            wire.holds_streams = True
            wire.cut()
            time.sleep(seconds)
            wire.holds_streams = False
        case "rotate":
            run(live, "keys", "rotate", "--now")
        case "retire":
            kid = jwt.get_unverified_header(story.sign_in_soon()[1])["kid"]
            run(live, "keys", "rotate", "--now")
            story.end_all("keys", "retire", kid, kid=kid)
        case "restore":
            story.end_all("restore", "--yes")


@pytest.fixture(scope="module")
def built() -> None:
    """`@sojourn/verify` as modules."""
    if not TOOLS.exists():
        pytest.skip("NOT TESTED: the TypeScript package's tools are not installed; `tox -e faults` brings them")
    run_tool(TOOLS / "tsc", "--project", ".")


@pytest.fixture
def live(tmp_path: Path, database_url: str) -> Iterator[LiveServer]:
    settings = {"SOJOURN_DATABASE_URL": database_url, "SOJOURN_REFRESH_SECRET": REFRESH_SECRET}
    server = LiveServer(tmp_path, SOJOURN_STREAM_MAX_AGE="10s", **settings)
    yield server
    server.stop()


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize(("max_staleness", "off_by"), [(2.0, 30), (8.0, -30)])
@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_no_token_is_accepted_long_after_its_end(
    live: LiveServer,
    engine: str,
    max_staleness: float,
    off_by: int,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    """The verifiers' clocks are off by half a minute all the time; that of the service is right."""
    draw, right = random.Random(1), time.time
    monkeypatch.setattr(time, "time", lambda: right() + off_by)
    story = Story(live, max_staleness, off_by)
    stop = threading.Event()
    ended_at = story.python.ended_at
    with story.python:
        writer = threading.Thread(target=story.live_and_end, args=(stop,), daemon=True)
        writer.start()
        for what in draw.sample(FAULTS, len(FAULTS)):
            break_something(what, story, seconds=draw.uniform(1, max_staleness + 2), draw=draw)
            time.sleep(draw.uniform(*PAUSE))
        stop.set()
        writer.join(60)
        whole_again = time.monotonic()
        _, alive = story.sign_in_soon()
        story.knows(alive, is_good=True)
        for token in ended_at:
            story.knows(token, is_good=False)
        seconds = time.monotonic() - whole_again
        for token in set(story.python.tokens) - set(ended_at):  # what lives on, or ended without a response
            is_good = story.beside.validated(token) == "good"
            story.knows(token, is_good=is_good)
    longest = {"Python": story.python.longest(), "TypeScript": story.node.longest(ended_at)}
    for name, late in longest.items():
        row = (
            f"| {name} | {TITLES[engine]} | {max_staleness:.0f} s | {off_by:+d} s | {len(ended_at)} | {late:.2f} s |"
            f" {seconds:.1f} s |"
        )
        print(f"\n{row}")
        request.config.stash[MORE_LINES].setdefault(HEAD, []).append(row)
    story.close()
    assert len(ended_at) > 20
    assert max(longest.values()) <= max_staleness, longest
