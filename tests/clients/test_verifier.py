"""The Python verifier beside a running service."""

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sojourn_verify import AssuranceRaised, InvalidToken, Revoked, Stale, Verifier, WrongAudience, WrongTenant
from tests.clients.following import Beside, wait_until
from tests.live import API_KEY, LiveServer

CLIENT = Path(__file__).parents[2] / "clients/python"


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Beside]:
    server = LiveServer(tmp_path_factory.mktemp("beside"))
    made = Beside(server, Verifier(server.url, API_KEY))
    yield made
    made.close()
    server.stop()


def test_a_good_token_is_a_session(beside: Beside) -> None:
    key, tokens = beside.sign_in("usr_good")

    session = beside.verifier.verify(tokens["access_token"])

    assert (session.subject, session.tenant, session.session_id) == ("usr_good", "acme", key)
    assert session.claims["sub"] == "usr_good"
    assert beside.verifier.verify(tokens["access_token"]) is session, "it is remembered"


def test_a_session_that_was_ended_is_refused_within_a_second(beside: Beside) -> None:
    key, tokens = beside.sign_in()
    assert beside.verified(tokens["access_token"]) == "good"
    beside.end(key)

    wait_until(lambda: beside.verified(tokens["access_token"]) == "session_revoked", seconds=5)
    with pytest.raises(Revoked):
        beside.verifier.verify(tokens["access_token"])


def test_a_session_that_the_caller_has_ended_is_refused_at_once_and_no_other(beside: Beside) -> None:
    key, tokens = beside.sign_in("usr_leaves")
    _, others = beside.sign_in("usr_leaves")
    assert beside.verified(tokens["access_token"]) == beside.verified(others["access_token"]) == "good"

    beside.verifier.refuse("acme", key)

    assert beside.verified(tokens["access_token"]) == "session_revoked"
    assert beside.verified(others["access_token"]) == "good"
    beside.verifier.refuse("another-tenant", beside.sign_in("usr_leaves")[0])
    assert beside.verified(others["access_token"]) == "good"


def test_near_a_cut_off_the_service_is_asked_once(beside: Beside) -> None:
    key, tokens = beside.sign_in("usr_raised")
    beside.internal("POST", f"/internal/session/{key}/elevate", json={"amr": ["otp"]})
    after = beside.http.post("/sessions/refresh", json={"refresh_token": tokens["refresh_token"]}).json()
    beside.verified(after["access_token"])
    beside.catch_up()
    asked = beside.verifier.metrics()["asked"]

    with pytest.raises(AssuranceRaised):
        beside.verifier.verify(tokens["access_token"])
    for _ in range(3):
        assert beside.verified(after["access_token"]) == "good"
    assert 1 <= beside.verifier.metrics()["asked"] - asked <= 2


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "é.b.c", "eyJhbGciOiJub25lIn0.e30.", "a" * 20_000])
def test_what_is_no_token_is_refused_without_a_request(beside: Beside, text: str) -> None:
    beside.verified(beside.sign_in()[1]["access_token"])
    fetches = beside.verifier.metrics()["key_fetches"]

    with pytest.raises(InvalidToken):
        beside.verifier.verify(text)
    assert beside.verifier.metrics()["key_fetches"] == fetches


def test_a_changed_token_is_refused(beside: Beside) -> None:
    head, payload, signature = beside.sign_in()[1]["access_token"].split(".")
    other = beside.sign_in("usr_bob")[1]["access_token"].split(".")

    for forged in (f"{head}.{other[1]}.{signature}", f"{head}.{payload}.{other[2]}"):
        assert beside.verified(forged) == "invalid_token"


def test_other_audiences_and_tenants_are_refused(beside: Beside) -> None:
    token = beside.sign_in()[1]["access_token"]

    with Verifier(beside.server.url, API_KEY, audience="billing") as other, pytest.raises(WrongAudience):
        other.verify(token)
    with Verifier(beside.server.url, API_KEY, tenant="globex") as other, pytest.raises(WrongTenant):
        other.verify(token)


def test_the_service_can_be_asked_in_any_case(beside: Beside) -> None:
    token = beside.sign_in()[1]["access_token"]
    asked = beside.verifier.metrics()["asked"]

    assert beside.verifier.verify(token, online=True).subject == "usr_ann"
    assert beside.verifier.metrics()["asked"] == asked + 1


def test_a_million_checks_cause_no_request(beside: Beside) -> None:
    token = beside.sign_in()[1]["access_token"]
    beside.verifier.verify(token)
    log = beside.server.log.read_bytes().count(b"validate")

    for _ in range(1_000_000):
        beside.verifier.verify(token)

    assert beside.server.log.read_bytes().count(b"validate") == log


def test_threads_and_an_event_loop_share_one_verifier(beside: Beside) -> None:
    token = beside.sign_in("usr_shared")[1]["access_token"]
    with Verifier(beside.server.url, API_KEY) as verifier:
        found: list[str] = []
        threads = [
            threading.Thread(target=lambda: found.append(verifier.verify(token).subject), daemon=True) for _ in range(8)
        ]
        for thread in threads:
            thread.start()

        async def several() -> list[str]:
            return [session.subject for session in await asyncio.gather(*(verifier.averify(token) for _ in range(8)))]

        assert asyncio.run(several()) == ["usr_shared"] * 8
        for thread in threads:
            thread.join(10)
        assert found == ["usr_shared"] * 8
        assert verifier.metrics()["key_fetches"] == 1


def test_after_the_end_no_thread_is_left_and_nothing_is_accepted(beside: Beside) -> None:
    token = beside.sign_in()[1]["access_token"]
    before = threading.active_count()
    verifier = Verifier(beside.server.url, API_KEY)
    verifier.verify(token)
    verifier.close()

    assert threading.active_count() == before
    with pytest.raises(Stale):
        verifier.verify(token)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_verifier_survives_a_fork(beside: Beside) -> None:
    token = beside.sign_in()[1]["access_token"]
    beside.verifier.verify(token)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = 0 if beside.verifier.verify(token).subject == "usr_ann" else 2
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0


def test_a_service_that_is_not_there_accepts_nothing(tmp_path: Path) -> None:
    with Verifier("http://127.0.0.1:9", API_KEY, timeout=0.3) as verifier, pytest.raises(Stale):
        verifier.verify("a.b.c")


def test_a_key_that_may_not_read_the_feed_accepts_nothing(beside: Beside) -> None:
    token = beside.sign_in()[1]["access_token"]
    with Verifier(beside.server.url, "no-key", timeout=1) as verifier, pytest.raises(Stale, match="status 401"):
        verifier.verify(token)


def test_the_example_of_the_readme_does_what_it_says(beside: Beside) -> None:
    page = (CLIENT / "README.md").read_text("utf-8")
    example = page.split("```python\n")[1].split("```")[0]
    assert len([line for line in example.splitlines() if line.strip()]) <= 20
    key, tokens = beside.sign_in("usr_reader")
    environ = {"SOJOURN_URL": beside.server.url, "SOJOURN_API_KEY": API_KEY, "PYTHONPATH": str(CLIENT)}

    def said(token: str) -> str:
        command = [sys.executable, "-W", "error", "-c", example]
        done = subprocess.run(
            command, env=os.environ | environ | {"TOKEN": token}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert said(tokens["access_token"]) == f"welcome usr_reader of acme in {key}\n200\n"
    assert said("no token") == "refused: invalid_token\n401\n"


def test_its_types_hold_at_their_strictest() -> None:
    command = [sys.executable, "-m", "mypy", "--strict", "sojourn_verify"]
    done = subprocess.run(command, cwd=CLIENT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def test_it_imports_nothing_of_the_server() -> None:
    code = "import sys, sojourn_verify; print([name for name in sys.modules if name.split('.')[0] == 'sojourn'])"
    done = subprocess.run([sys.executable, "-c", code], cwd=CLIENT, capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"
