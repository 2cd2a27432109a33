"""What breaks between a verifier and the service, in short: `tests/faults/test_verifiers.py` has the long form.

No token is accepted for longer than `max_staleness` after its end was acknowledged; the verifier recovers by itself.
"""

import random
import time
from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from sojourn.cli import sojourn
from sojourn_verify import Expired, Verifier
from tests.clients.following import Beside, administrator, wait_until
from tests.clients.witness import Wire, Witness
from tests.live import API_KEY, LiveServer

STALENESS = 3.0


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    server = LiveServer(tmp_path_factory.mktemp("faults"), SOJOURN_STREAM_MAX_AGE="1m")
    yield server
    server.stop()


@pytest.fixture
def wire(live: LiveServer) -> Iterator[Wire]:
    made = Wire(live.port)
    yield made
    made.close()


def run(live: LiveServer, *arguments: str) -> str:
    """What a command prints that works on the database of the service."""
    names = ("SOJOURN_DATABASE_URL", "SOJOURN_INTERNAL_API_KEYS", "SOJOURN_JWT_SECRET", "SOJOURN_REFRESH_SECRET")
    given = {name: live.environ[name] for name in names if name in live.environ}
    done = CliRunner().invoke(sojourn, arguments, env=given)
    assert done.exit_code == 0, done.output
    return done.stdout.strip()


def test_what_is_cut_off_in_the_middle_is_asked_for_again(live: LiveServer, wire: Wire) -> None:
    """Every connection ends after some bytes, so also in the middle of a line."""
    draw = random.Random(7)
    beside = Beside(live, Verifier(wire.url, API_KEY, max_staleness=8))
    pairs = [beside.sign_in() for _ in range(6)]
    with Witness(beside.verifier) as witness:
        for _, tokens in pairs:
            witness.watch(tokens["access_token"])
        wait_until(lambda: len(witness.accepted_at) == len(pairs))
        wire.cut_after = lambda: draw.randrange(400, 3000)
        for key, tokens in pairs:
            wire.cut()
            beside.end(key)
            witness.note_end(tokens["access_token"])
            time.sleep(0.05)
        wait_until(lambda: beside.verifier.metrics()["refusals"] >= len(pairs), seconds=60)
        wire.cut_after = None
        wait_until(lambda: all(beside.verified(tokens["access_token"]) == "session_revoked" for _, tokens in pairs))
    assert witness.longest() <= 8
    beside.close()


def test_while_the_service_is_gone_nothing_is_accepted_and_then_it_goes_on(live: LiveServer) -> None:
    beside = Beside(live, Verifier(live.url, API_KEY, max_staleness=STALENESS))
    (ended, first), (_, second) = beside.sign_in(), beside.sign_in()
    with Witness(beside.verifier) as witness:
        witness.watch(first["access_token"])
        witness.watch(second["access_token"])
        wait_until(lambda: len(witness.accepted_at) == 2)
        beside.end(ended)
        witness.note_end(first["access_token"])
        live.kill()
        killed_at = time.monotonic()
        wait_until(lambda: witness.is_stale)
        assert time.monotonic() - killed_at <= STALENESS + 1
        live.restart()
        wait_until(lambda: witness.accepted_at[second["access_token"]] > killed_at + STALENESS)
        wait_until(lambda: beside.verified(first["access_token"]) == "session_revoked")
    assert witness.longest() <= STALENESS
    beside.close()


def test_keys_are_rotated_and_withdrawn(live: LiveServer) -> None:
    beside = Beside(live, Verifier(live.url, API_KEY, key_cool_down=0.2))
    _, old = beside.sign_in()
    assert beside.verified(old["access_token"]) == "good"
    run(live, "keys", "rotate", "--now")
    _, new = beside.sign_in()
    wait_until(lambda: beside.verified(new["access_token"]) == "good")
    first = run(live, "keys", "list").splitlines()[1].split()[0]
    run(live, "keys", "retire", first)

    wait_until(lambda: beside.verified(old["access_token"]) == "key_retired", seconds=5)
    assert beside.verified(new["access_token"]) == "good"
    beside.close()


@pytest.mark.parametrize("off_by", [-3600, 30])
def test_the_clock_of_the_machine_is_not_asked(live: LiveServer, off_by: int, monkeypatch: pytest.MonkeyPatch) -> None:
    real = time.time
    beside = Beside(live, Verifier(live.url, API_KEY, leeway=0))
    beside.sign_in("usr_clock")
    body = {"access_expiry": "3s", "refresh_expiry": "1h", "leeway": "0s"}
    beside.internal("PUT", "/admin/tokens/config", json=body, headers=administrator())
    monkeypatch.setattr(time, "time", lambda: real() + off_by)
    _, tokens = beside.sign_in("usr_clock")
    end = beside.verifier.verify(tokens["access_token"]).expires_at

    wait_until(lambda: real() > end - 1)
    wait_until(lambda: beside.verified(tokens["access_token"]) == "expired", seconds=5)
    with pytest.raises(Expired):
        beside.verifier.verify(tokens["access_token"])
    assert abs(real() - end) < 2
    monkeypatch.undo()
    beside.internal("DELETE", "/admin/tokens/config", headers=administrator())
    beside.close()


def test_after_a_restore_everything_of_before_is_refused(live: LiveServer) -> None:
    """The cursors are of another database then: 410, and the verifier begins again with the snapshot."""
    beside = Beside(live, Verifier(live.url, API_KEY, max_staleness=STALENESS, key_cool_down=0.2))
    pairs = [beside.sign_in()[1] for _ in range(3)]
    assert [beside.verified(tokens["access_token"]) for tokens in pairs] == ["good"] * 3
    resyncs = beside.verifier.metrics()["resyncs"]
    run(live, "restore", "--yes")

    for tokens in pairs:
        wait_until(lambda tokens=tokens: beside.verified(tokens["access_token"]) == "key_retired", seconds=10)  # type: ignore[misc]
    wait_until(lambda: beside.verifier.metrics()["resyncs"] > resyncs)
    _, after = beside.sign_in("usr_later")
    wait_until(lambda: beside.verified(after["access_token"]) == "good")
    assert {beside.verified(tokens["access_token"]) for tokens in pairs} <= {"key_retired", "invalid_token"}
    beside.close()
