"""`@sojourn/verify`: built, packed, tried in a fresh folder, and judging as the server does, on Node, Deno and Bun."""

import json
import os
import re
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import node
from tests.clients.typescript import PACKAGE, TOOLS, run
from tests.live import API_KEY, LiveServer, free_port

pytestmark = pytest.mark.usefixtures("typescript_built")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    live = LiveServer(tmp_path_factory.mktemp("verify"), SOJOURN_STREAM_MAX_AGE="2s")
    yield live
    live.stop()


@pytest.mark.parametrize("runtime", ["node", "deno", "bun"])
def test_the_shared_cases_hold_on_every_runtime(runtime: str) -> None:
    file = "./test/cases.test.mjs"
    if runtime == "bun":
        run("node", PACKAGE / "node_modules/bun/install.js", cwd=PACKAGE / "node_modules/bun")
    command = {
        "node": ["node", "--test", file],
        "deno": [TOOLS / "deno", "test", "--allow-all", "--no-check", file],
        "bun": [TOOLS / "bun", "test", file],
    }
    tables = len(list((PACKAGE.parent / "cases").glob("*.json")))

    said = re.sub(r"\x1b\[[0-9;]*m", "", run(*command[runtime]))

    assert re.search(rf"^# pass {tables + 1}$|^ok \| {tables + 1} passed|^ *{tables + 1} pass$", said, re.MULTILINE)


def test_it_knows_enough_or_accepts_nothing() -> None:
    said = run("node", "--expose-gc", "--test", "test/feed.test.mjs", "test/adapters.test.mjs")

    assert re.search(r"^# pass 1[0-9]$", said, re.MULTILINE)


def test_it_judges_random_histories_as_the_server_does(server: LiveServer) -> None:
    seed = os.environ.get("HISTORIES_SEED", "1")
    environ = {"SOJOURN_URL": server.url, "SOJOURN_API_KEY": API_KEY, "SEED": seed}

    said = run("node", "--test", "test/live.test.mjs", **environ)

    assert "# pass 2" in said


def test_the_package_works_in_a_fresh_folder_as_its_readme_shows(server: LiveServer, tmp_path: Path) -> None:
    packed = json.loads(run("npm", "pack", "--json", "--ignore-scripts", "--pack-destination", tmp_path))[0]
    assert {"README.md", "dist/index.js", "dist/index.d.ts"} <= {file["path"] for file in packed["files"]}
    assert not [
        file["path"]
        for file in packed["files"]
        if not file["path"].startswith(("dist/", "README", "LICENSE", "package"))
    ]
    example = re.search(r"```js\n(.*?)```", (PACKAGE / "README.md").read_text("utf-8"), re.DOTALL)
    assert example is not None
    assert example[1].count("\n") <= 22
    (tmp_path / "app.mjs").write_text(example[1], "utf-8")
    (tmp_path / "package.json").write_text("{}", "utf-8")
    run("npm", "install", "--no-audit", "--no-fund", "--omit=peer", tmp_path / packed["filename"], cwd=tmp_path)
    port = free_port()
    environ = {"SOJOURN_URL": server.url, "SOJOURN_API_KEY": API_KEY, "PORT": str(port)}
    with node.running("app.mjs", cwd=tmp_path, **environ) as app:
        token = _sign_in(server)

        assert _get(port, token) == (200, "Hello usr_ann of acme\n")
        assert _get(port, "no.real.token") == (401, "invalid_token\n")
        app.send_signal(signal.SIGTERM)
        assert app.wait(30) == 0  # no timer and no connection keeps it


def _sign_in(server: LiveServer) -> str:
    created = _post(server, "create", {"auth_user_id": "usr_ann", "device_type": "desktop"})
    session = created["data"]["session"]["id"]
    wanted = {"auth_user_id": "usr_ann", "session_id": session, "tenant_id": "acme"}
    token: str = _post(server, "generate-tokens", wanted)["access_token"]
    return token


def _post(server: LiveServer, operation: str, body: dict[str, str]) -> Any:
    headers = {"X-API-Key": API_KEY, "X-Tenant-ID": "acme", "Content-Type": "application/json"}
    request = urllib.request.Request(
        f"{server.url}/internal/session/{operation}", json.dumps(body).encode(), headers=headers
    )
    with urllib.request.urlopen(request, timeout=15) as response:
        return json.load(response)


def _get(port: int, token: str) -> tuple[int, str]:
    request = urllib.request.Request(f"http://127.0.0.1:{port}/", headers={"Authorization": f"Bearer {token}"})
    deadline = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(request, timeout=15) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except urllib.error.URLError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
