"""The example in another language, `conformance/example_servers/`: it passes, and lies in front of it are caught."""

import contextlib
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import node
from tests.conformance.serving import FIRST, admin_token, judge
from tests.live import API_KEY, JWT_SECRET, free_port

SERVER = Path(__file__).parents[2] / "conformance" / "example_servers" / "server.mjs"
USER = ("--user-token", admin_token(FIRST, "usr_ada", role="user"))
ENDED = ("--expired-token", admin_token(FIRST, seconds=-60))


@contextlib.contextmanager
def running(source: Path) -> Iterator[str]:
    """The address at which a server in Node answers."""
    port = free_port()
    with node.running(source, PORT=str(port), API_KEY=API_KEY, JWT_SECRET=JWT_SECRET):
        wait_for(f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}"


def wait_for(url: str) -> None:
    """Until somebody answers."""
    for _ in range(200):
        try:
            urllib.request.urlopen(url, timeout=1)
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("the example did not start")


def test_the_example_passes_the_seed_profile(tmp_path: Path) -> None:
    with running(SERVER) as url:
        said = judge(url, tmp_path, "--profile", "seed", *USER, *ENDED, one_tenant=True)

    assert said.status == 0, said.output
    assert set(said.verdicts.values()) <= {"pass", "not applicable"}
    assert said.verdicts["SED-028"] == "pass"


def test_the_example_is_about_two_hundred_lines() -> None:
    assert len(SERVER.read_text("utf-8").splitlines()) < 230


LIES: list[tuple[str, str]] = [
    ("found[name] = +value;\n", "found[name] = Math.min(+value, 3);\n"),
    ('throw invalid(name, "unknown_parameter", "There is no such parameter.");', "continue;"),
    ("sameText(signature, wanted) &&", "true &&"),
    ("claims.exp * 1000 > Date.now()", "true"),
    ("(role) => ROLES.includes(role)", "(role) => true"),
    ("one.tenant === tenant &&", "true &&"),
    ("one.user === user)", "one.user.toLowerCase() === user.toLowerCase())"),
    ("kinds[kind] ?? 0) + 1", "kinds[kind] ?? 1) + 1"),
    ('"application/problem+json"', '"application/json"'),
    ("user_agent: session.agent, auth_method", 'user_agent: "", auth_method'),
    ("total: all.length", "total: Math.min(all.length, asked.limit)"),
]


@pytest.mark.parametrize("number", range(len(LIES)))
def test_a_lie_in_the_example_is_caught(number: int, tmp_path: Path) -> None:
    truth, lie = LIES[number]
    source = SERVER.read_text("utf-8")
    assert source.count(truth) == 1
    liar = tmp_path / "liar.mjs"
    liar.write_text(source.replace(truth, lie), "utf-8")
    with running(liar) as url:
        said = judge(url, tmp_path, "--profile", "seed", *USER, *ENDED, one_tenant=True)

    assert said.status == 1, said.output
