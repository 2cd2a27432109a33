"""The feed of a verifier through nginx, as nginx is by default, and where it holds back what is streamed."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sojourn_verify import Verifier
from tests.clients.following import Beside, wait_until
from tests.clients.witness import Witness
from tests.deploy.programs import program
from tests.deploy.test_proxies import NGINX
from tests.live import API_KEY, LiveServer, free_port

SITE = """
server {{
    listen 127.0.0.1:{port};
    location / {{
        proxy_pass http://127.0.0.1:{to};
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        {more}
    }}
}}
"""
HOLDS_BACK = "proxy_ignore_headers X-Accel-Buffering; proxy_buffering on;"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server whose streams last longer than a test: they are not passed on because they end."""
    running = LiveServer(tmp_path_factory.mktemp("streaming"), SOJOURN_STREAM_MAX_AGE="2m")
    yield running
    running.stop()


@contextmanager
def nginx(folder: Path, to: int, *, more: str) -> Iterator[str]:
    """The URL of nginx before a port."""
    port = free_port()
    (folder / "nginx.conf").write_text(SITE.format(port=port, to=to, more=more))
    (folder / "main.conf").write_text(NGINX.format(folder=folder))
    process = subprocess.Popen([program("nginx"), "-p", str(folder), "-c", str(folder / "main.conf")])
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


@pytest.mark.parametrize(
    ("more", "ends", "most"), [("", 100, 1.0), (HOLDS_BACK, 5, 8.0)], ids=["as it is", "holds back"]
)
def test_an_end_is_heard_through_nginx(
    tmp_path: Path, server: LiveServer, more: str, ends: int, most: float, capsys: pytest.CaptureFixture[str]
) -> None:
    """As it is, 99 of 100 within a second; where it holds streams back, within `max_staleness`, never stale."""
    with nginx(tmp_path, server.port, more=more) as url:
        beside = Beside(server, Verifier(url, API_KEY, max_staleness=8))
        with Witness(beside.verifier) as witness:
            pairs = [beside.sign_in(f"usr_{number}") for number in range(ends)]
            for _, tokens in pairs:
                witness.watch(tokens["access_token"])
            wait_until(lambda: len(witness.accepted_at) == len(pairs))
            stale = beside.verifier.metrics()["stale"]
            for key, tokens in pairs:
                beside.end(key)
                witness.note_end(tokens["access_token"])
            end = time.monotonic() + most + 2
            wait_until(lambda: is_refused(beside, pairs) or time.monotonic() > end)
            assert is_refused(beside, pairs)
        late = sorted(max(0.0, witness.accepted_at[token] - ended) for token, ended in witness.ended_at.items())
        with capsys.disabled():
            milliseconds = [round(late[round(share * (ends - 1))] * 1000) for share in (0.5, 0.99, 1)]
            print(f"\naccepted after the end: p50, p99 and longest of {ends}: {milliseconds} ms")
        assert late[round(0.99 * (ends - 1))] <= most
        assert beside.verifier.metrics()["stale"] == stale
        beside.close()


def is_refused(beside: Beside, pairs: list[tuple[str, dict[str, str]]]) -> bool:
    """Whether the verifier has heard that all of these sessions ended."""
    return {beside.verified(tokens["access_token"]) for _, tokens in pairs} == {"session_revoked"}
