"""Verifiers beside a service that is killed, stopped, cut off and given other keys, one after the other.

No token is accepted for longer than `max_staleness` after its end was acknowledged, and in the end the verifier knows
everything. `tests/clients/test_verifier_faults.py` has the short forms, and what a restore does.
"""

import random
import signal
import threading
import time
from pathlib import Path

import httpx
import pytest

from sojourn_verify import Verifier
from tests.clients.following import Beside, wait_until
from tests.clients.test_verifier_faults import run
from tests.clients.witness import Wire, Witness
from tests.faults.conftest import MORE_LINES
from tests.live import API_KEY, LiveServer

FAULTS = ("kill", "stop", "away", "cut", "keys", "cut", "kill")
PAUSE = (0.5, 3.0)
HEAD = (
    "| faults, one after the other | engine | `max_staleness` | ends | accepted after the end, at most"
    " | knows all again after |\n"
    "|---|---|---:|---:|---:|---:|"
)


def end_sessions(beside: Beside, witness: Witness, stop: threading.Event) -> None:
    """Begin and end sessions until told to stop. An end without a response is none that was acknowledged."""
    while not stop.wait(0.05):
        try:
            key, tokens = beside.sign_in()
            witness.watch(tokens["access_token"])
            time.sleep(0.1)
            beside.end(key)
            witness.note_end(tokens["access_token"])
        except (httpx.HTTPError, AssertionError):
            continue


def break_something(what: str, live: LiveServer, wire: Wire, *, seconds: float, draw: random.Random) -> None:
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
        case "keys":
            run(live, "keys", "rotate", "--now")


@pytest.mark.parametrize("max_staleness", [2.0, 8.0])
def test_no_token_is_accepted_long_after_its_end(
    tmp_path: Path, max_staleness: float, request: pytest.FixtureRequest
) -> None:
    draw = random.Random(1)
    live = LiveServer(tmp_path, SOJOURN_STREAM_MAX_AGE="10s")
    wire = Wire(live.port)
    beside = Beside(live, Verifier(wire.url, API_KEY, max_staleness=max_staleness, key_cool_down=0.5, timeout=2))
    beside.http.timeout = httpx.Timeout(5)
    stop = threading.Event()
    with Witness(beside.verifier) as witness:
        writer = threading.Thread(target=end_sessions, args=(beside, witness, stop), daemon=True)
        writer.start()
        for what in draw.sample(FAULTS, len(FAULTS)):
            break_something(what, live, wire, seconds=draw.uniform(1, max_staleness + 2), draw=draw)
            time.sleep(draw.uniform(*PAUSE))
        stop.set()
        writer.join(60)
        whole_again = time.monotonic()
        for token in witness.ended_at:
            wait_until(lambda token=token: beside.verified(token) != "good")  # type: ignore[misc]
        _, alive = beside.sign_in()
        wait_until(lambda: beside.verified(alive["access_token"]) == "good")
        seconds = time.monotonic() - whole_again
    assert len(witness.ended_at) > 5
    assert witness.longest() <= max_staleness, witness.longest()
    row = (
        f"| killed twice, stopped, away, cut twice, keys rotated | SQLite | {max_staleness:.0f} s |"
        f" {len(witness.ended_at)} | {witness.longest():.2f} s | {seconds:.1f} s |"
    )
    print(f"\n{row}")
    request.config.stash[MORE_LINES].setdefault(HEAD, []).append(row)
    beside.close()
    wire.close()
    live.stop()
