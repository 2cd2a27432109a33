"""The parts of the drill that all kinds of back-ups share: what is noted under load, and what is asked afterwards."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.docs.snippets import ROOT, snippets
from tests.faults.clients import Held, RecordingClient
from tests.faults.history import History
from tests.faults.load import Load
from tests.live import REFRESH_SECRET, LiveServer

PAGE = ROOT / "docs" / "guides" / "backup-and-restore.md"
ENOUGH = 12
"""So many sessions are created before the back-up, and after it."""
SAMPLE = 100
"""So many of either are looked at."""
_WAIT_SECONDS = 120


@dataclass(slots=True)
class Drill:
    """A service at work, and what it had promised when its back-up was taken.

    `before` are sessions whose creation was acknowledged before the back-up began; `after` were created when it had
    ended. Clients end most sessions, before and after.
    """

    server: LiveServer
    api_key: str
    before: set[str] = field(default_factory=set)
    after: set[str] = field(default_factory=set)
    held: dict[str, tuple[str, Held]] = field(default_factory=dict)

    @classmethod
    def on(cls, folder: Path, url: str) -> "Drill":
        """A service on a database, with a stored API key."""
        server = LiveServer(folder, SOJOURN_DATABASE_URL=url, SOJOURN_REFRESH_SECRET=REFRESH_SECRET)
        done = sojourn(url, "api-key", "create", "--name", "backend")
        assert done.returncode == 0, done.stderr
        return cls(server, done.stdout.strip())

    def work(self, back_up: Callable[[], None]) -> None:
        """Let clients work, take the back-up, let them work on; then the service ends, and its database is lost."""
        load = Load(self.server.port)
        span: list[float] = []

        def timed() -> None:
            wait_for_creations(load, since=0)
            span.append(time.monotonic())
            back_up()
            span.append(time.monotonic())
            wait_for_creations(load, since=span[1])

        history = load.run(timed, before=0, after=0)
        self.server.stop()
        for call in history.calls:
            if call.action == "create" and call.outcome == "acknowledged" and call.session is not None:
                if call.ended < span[0]:
                    self.before.add(call.session)
                if call.started > span[1]:
                    self.after.add(call.session)
        self.held = {held.id: (tenant, held) for tenant, held in load.held()}

    def restore(self, folder: Path, url: str) -> None:
        """`sojourn check`, `sojourn restore`, and everything that was acknowledged or ended is asked for."""
        checked = sojourn(url, "check")
        assert checked.returncode == 0, checked.stdout + checked.stderr
        done = sojourn(url, "restore", "--yes")
        assert done.returncode == 0, done.stderr
        folder.mkdir()
        server = LiveServer(folder, SOJOURN_DATABASE_URL=url, SOJOURN_REFRESH_SECRET=REFRESH_SECRET)
        try:
            self._ask(server)
        finally:
            server.stop()

    def _ask(self, server: LiveServer) -> None:
        chance = random.Random(7)
        for keys, states in ((self.before, {"revoked"}), (self.after, {"absent"})):
            for key in chance.sample(sorted(keys), min(SAMPLE, len(keys))):
                tenant, held = self.held[key]
                client = RecordingClient(server.port, tenant, "root", History())
                assert client.check(held) in states, (key, states)
                assert client.introspect(held).body == {"active": False}
                body = {"refresh_token": held.refresh}
                assert client.ask("POST", "/sessions/refresh", {}, body).status == 401
                client.close()
        client = RecordingClient(server.port, "acme", "ann", History())
        stored = {"X-API-Key": self.api_key, "X-Tenant-ID": "acme"}
        assert client.ask("GET", "/internal/session/sessions/ann/active", stored).status == 401
        fresh = client.create()
        assert fresh is not None
        assert client.check(fresh) == "active"
        client.refresh(fresh)
        assert client.introspect(fresh).body["active"] is True
        client.close()


def wait_for_creations(load: Load, *, since: float) -> None:
    """Until enough sessions were created that were asked for after an instant."""
    deadline = time.monotonic() + _WAIT_SECONDS
    while (
        sum(one.action == "create" and one.outcome == "acknowledged" and one.started > since for one in load.calls())
        < ENOUGH
    ):
        assert time.monotonic() < deadline, "too little happens to tell anything"
        time.sleep(0.05)


def sojourn(url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command on a database."""
    environ = {**os.environ, "SOJOURN_DATABASE_URL": url, "SOJOURN_REFRESH_SECRET": REFRESH_SECRET}
    command = [sys.executable, "-m", "sojourn", *arguments]
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)


def from_page(language: str, words: str, **names: str) -> str:
    """The page's one snippet of a language with these words, with other names for what is shown."""
    (text,) = (one.text for one in snippets(PAGE) if one.language == language and words in one.text)
    for shown, real in names.items():
        assert shown in text
        text = text.replace(shown, real)
    return text
