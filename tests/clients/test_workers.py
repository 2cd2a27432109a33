"""`@sojourn/verify` on workerd, which is what Cloudflare Workers run on: the worker of the README, bundled and run."""

import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from tests.clients.typescript import PACKAGE, TOOLS, run
from tests.live import API_KEY, LiveServer, free_port

pytestmark = pytest.mark.usefixtures("typescript_built")
CONFIGURATION = """
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [(name = "main", worker = .main), (name = "network", network = (allow = ["private", "public", "local"]))],
  sockets = [(name = "http", address = "127.0.0.1:{port}", http = (), service = "main")],
);
const main :Workerd.Worker = (
  modules = [(name = "worker", esModule = embed "worker.bundled.mjs")],
  compatibilityDate = "2025-06-01",
  durableObjectNamespaces = [(className = "Gate", uniqueKey = "gate", preventEviction = true)],
  durableObjectStorage = (inMemory = void),
  globalOutbound = "network",
  bindings = [
    (name = "SOJOURN_URL", text = "{url}"),
    (name = "SOJOURN_API_KEY", text = "{key}"),
    (name = "GATE", durableObjectNamespace = "Gate"),
  ],
);
"""


class Worker(NamedTuple):
    """The address of a worker, and the service beside it."""

    url: str
    server: LiveServer

    def internal(self, method: str, path: str, body: object = None) -> httpx.Response:
        headers = {"X-API-Key": API_KEY, "X-Tenant-ID": "acme"}
        response = httpx.request(
            method, f"{self.server.url}/internal/session/{path}", json=body, headers=headers, timeout=60
        )
        assert response.is_success, response.text
        return response

    def get(self, token: str | None) -> httpx.Response:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return httpx.get(self.url, headers=headers, timeout=60)


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    example = re.search(r"```js\n([^`]*DurableObject.*?)```", (PACKAGE / "README.md").read_text("utf-8"), re.DOTALL)
    assert example is not None
    (tmp_path / "worker.mjs").write_text(example[1], "utf-8")
    taken = {"@sojourn/verify/web": "adapters/web.js", "@sojourn/verify": "index.js"}
    bundle = [
        *("--bundle", "--format=esm", "--conditions=workerd,worker", "--external:cloudflare:workers"),
        *(f"--alias:{name}={PACKAGE / 'dist' / file}" for name, file in taken.items()),
    ]
    run(TOOLS / "esbuild", "worker.mjs", *bundle, "--outfile=worker.bundled.mjs", cwd=tmp_path)
    server, port = LiveServer(tmp_path), free_port()
    settings = CONFIGURATION.format(port=port, url=server.url, key=API_KEY)
    (tmp_path / "config.capnp").write_text(settings, "utf-8")
    [program] = (PACKAGE / "node_modules/@cloudflare").glob("workerd-*/bin/workerd")  # what TOOLS has is its parent
    with (tmp_path / "workerd.log").open("wb") as log:
        process = subprocess.Popen([program, "serve", "config.capnp"], cwd=tmp_path, stdout=log, stderr=log)
    try:
        _wait_for(port, process, tmp_path / "workerd.log")
        yield Worker(f"http://127.0.0.1:{port}/", server)
    finally:
        process.kill()
        process.wait(60)
        server.stop()


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        assert process.poll() is None, log.read_text()
        try:
            httpx.get(f"http://127.0.0.1:{port}/", timeout=60)
            return
        except httpx.TransportError:
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)


def test_a_durable_object_checks_tokens_and_hears_of_their_end(worker: Worker) -> None:
    made = worker.internal("POST", "create", {"auth_user_id": "usr_ann"}).json()["data"]
    token = made["tokens"]["access_token"]

    assert worker.get(token).json() == {"subject": "usr_ann"}
    assert (worker.get(None).status_code, worker.get("no.real.token").status_code) == (401, 401)
    assert [worker.get(token).status_code for _ in range(5)] == [200] * 5

    worker.internal("DELETE", made["session"]["id"])
    deadline = time.monotonic() + 30
    while (refused := worker.get(token)).status_code == 200:
        assert time.monotonic() < deadline, "the end was not heard between requests"
    assert refused.status_code == 401
    assert "session_revoked" in refused.headers["WWW-Authenticate"]
