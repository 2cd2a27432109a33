"""Servers in this process for the judge to look at: an ASGI application on a free port, in a thread of its own."""

import asyncio
import json
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import uvicorn

from sojourn.domain.api_keys import mint_api_key
from sojourn.domain.clock import to_text, utc_now
from sojourn.storage.engines import open_database
from sojourn.storage.queries import api_keys
from sojourn.storage.queries.api_keys import ApiKeyRow
from tests.live import API_KEY, JWT_SECRET, free_port

START_SECONDS = 120
MANAGER = mint_api_key(utc_now())
"""An API key that may manage keys, where `with_manager` has stored it."""
FIRST, SECOND = "acme", "globex"
RECEIVER_HOST = "127.0.0.77"
"""An address of this machine at which a server may deliver: no spelling of an inner address that must be refused."""


def with_manager(database_url: str) -> str:
    """The database's URL, once the manager's key is stored there."""
    row = ApiKeyRow(MANAGER.id, "manager", MANAGER.secret_hash, None, to_text(utc_now()), scopes=["manage"])

    async def store() -> None:
        database = await open_database(database_url)
        await database.write_system(lambda unit: api_keys.add(unit, row))
        await database.close()

    asyncio.run(store())
    return database_url


@contextmanager
def served(app: Any) -> Iterator[str]:
    """The address at which `app` answers while the block runs."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="critical", lifespan="on", http="h11"))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    deadline = time.monotonic() + START_SECONDS
    while not server.started:
        assert thread.is_alive(), "the server ended at its start"
        assert time.monotonic() < deadline, "the server did not start"
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(START_SECONDS)
        assert not thread.is_alive(), "the server did not stop"


def receiver_url() -> str:
    """Where the judge may listen for webhooks."""
    return f"http://{RECEIVER_HOST}:{free_port()}/hook"


def now() -> str:
    """This moment, as answers write it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def admin_token(tenant: str, user: str = "root", *, role: str = "admin", seconds: int = 43_200) -> str:
    """A bearer token of a tenant's administrator, or of somebody of another role; `seconds` is how long it is good."""
    now = int(time.time())
    claims = {
        "sub": user,
        "tenant_id": tenant,
        "roles": [role],
        "iat": now + min(seconds - 60, 0),
        "exp": now + seconds,
    }
    return jwt.encode(claims, JWT_SECRET, algorithm="HS256")


@dataclass(frozen=True)
class Judgement:
    """What the suite said: its exit status, what it printed, its report."""

    status: int
    output: str
    report: dict[str, Any]

    @property
    def verdicts(self) -> dict[str, str]:
        """The verdict of each check, by its id."""
        return {check["id"]: check["verdict"] for check in self.report["checks"]}

    def failed(self) -> list[str]:
        """The ids of the checks that failed."""
        return [name for name, verdict in self.verdicts.items() if verdict == "fail"]


def judge(url: str, folder: Path, *arguments: str, one_tenant: bool = False, seconds: int = 3600) -> Judgement:
    """Run the suite as its users do, in a process of its own, for `seconds` at most."""
    command = [
        sys.executable,
        "-m",
        "sojourn.conformance",
        url,
        "--api-key",
        API_KEY,
        "--admin-token",
        admin_token(FIRST),
    ]
    if not one_tenant:
        command += ["--second-admin-token", admin_token(SECOND)]
    command += ["--report-dir", str(folder), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    report = folder / "report.json"
    return Judgement(
        done.returncode,
        done.stdout + done.stderr,
        json.loads(report.read_text()) if report.exists() else {"checks": []},
    )


Kept = dict[str, Any]
"""What is kept of administrators: lists by name, of all tenants."""


def asked(url: str, path: str, body: Any = None, **headers: str) -> Any:
    """What the server at an address answers to a read, or to a body."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{url}{path}", data, {"Content-Type": "application/json", **headers})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def put_by_administrators(url: str) -> None:
    """An endpoint and an application in each tenant, which nobody else may remove."""
    for tenant in (FIRST, SECOND):
        caller = {"Authorization": f"Bearer {admin_token(tenant)}"}
        session = {"X-API-Key": API_KEY, "X-Tenant-ID": tenant}
        asked(url, "/internal/session/create", {"auth_user_id": "usr_ada"}, **session)  # it makes the tenant
        hook = {"url": "https://hooks.example.com/own", "events": ["session.ended"], "enabled": False}
        asked(url, "/admin/webhooks", hook, **caller)
        client = {"client_id": "own", "uri": "https://shop.example.com/own", "enabled": False}
        asked(url, "/admin/logout-clients", client, **caller)


def kept_by_administrators(url: str, manager: str) -> Kept:
    """The endpoints, applications, token lifetimes and policies of both tenants, and the keys that are valid."""
    keys = asked(url, "/admin/api-keys?limit=500", **{"X-API-Key": manager})["items"]
    found: Kept = {"keys": [key["id"] for key in keys if "revoked_at" not in key]}
    for tenant in (FIRST, SECOND):
        caller = {"Authorization": f"Bearer {admin_token(tenant)}"}
        for name in ("webhooks", "logout-clients"):
            page = asked(url, f"/admin/{name}?limit=500", **caller)
            found[f"{name} of {tenant}"] = [{**row, "updated_at": ""} for row in page["items"]]
        found[f"lifetimes of {tenant}"] = asked(url, "/admin/tokens/config", **caller)
        rules = asked(url, "/admin/policies/sessions", **caller)
        found[f"policy of {tenant}"] = {name: rule for name, rule in rules.items() if name != "version"}
    return found
