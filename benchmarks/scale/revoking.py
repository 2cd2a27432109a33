"""`python -m benchmarks.scale.revoking`: a million sessions of a tenant are revoked by a plan, and others go on.

It measures how long the 202 takes, how many tokens of the tenant are good after it, and what the callers of another
tenant wait for while the rows are ended, beside what they waited before.
"""

import http.client
import json
import random
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from benchmarks.registry import TENANT, _run, served
from tests.live import API_KEY, LiveServer

BESIDE = "beside"
CLIENTS, PAUSE = 4, 0.01
USERS, TOKENS = 200, 200
QUIET_SECONDS = 20.0


class Caller:
    """One connection, and the service or the administrator that asks on it."""

    def __init__(self, server: LiveServer, admin_token: str = "") -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=600)
        self._admin_token = admin_token

    def service(self, tenant: str, method: str, path: str, body: Any = None) -> Any:
        """What a service of the tenant is answered."""
        return self._ask(method, path, body, headers={"X-API-Key": API_KEY, "X-Tenant-ID": tenant})

    def admin(self, method: str, path: str, body: Any = None) -> Any:
        """What the administrator is answered."""
        return self._ask(method, path, body, headers={"Authorization": f"Bearer {self._admin_token}"})

    def sign_in(self, tenant: str, user: str) -> str:
        """A new session of the user; its access token."""
        made = self.service(tenant, "POST", "/internal/session/create", {"auth_user_id": user})
        return str(made["data"]["tokens"]["access_token"])

    def is_good(self, tenant: str, token: str) -> bool:
        """Whether the service calls a token valid."""
        answer = self.service(tenant, "POST", "/internal/session/validate-token", {"access_token": token})
        return bool(answer["valid"])

    def _ask(self, method: str, path: str, body: Any, *, headers: dict[str, str]) -> Any:
        sent = None if body is None else json.dumps(body).encode()
        self._connection.request(method, path, sent, {**headers, "Content-Type": "application/json"})
        response = self._connection.getresponse()
        content = response.read()
        if response.status >= 300:
            raise click.ClickException(f"{method} {path}: {response.status} {content[:300]!r}")
        return json.loads(content)


class Neighbours:
    """Callers of another tenant, and what each of their requests waited, in seconds."""

    def __init__(self, server: LiveServer) -> None:
        self._server, self._over = server, threading.Event()
        self.waits: list[float] = []

    @contextmanager
    def asking(self) -> Iterator[None]:
        """They ask while the block runs."""
        threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(CLIENTS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join()

    def _ask(self, number: int) -> None:
        chance, caller = random.Random(number), Caller(self._server)
        while not self._over.is_set():
            user = f"user_{chance.randrange(USERS)}"
            sessions = f"/internal/session/sessions/{user}"
            asked: tuple[str, str, Any] = chance.choice(
                (
                    ("GET", f"{sessions}/active", None),
                    ("GET", sessions, None),
                    ("POST", "/internal/session/create", {"auth_user_id": user}),
                )
            )
            began = time.perf_counter()
            caller.service(BESIDE, *asked)
            self.waits.append(time.perf_counter() - began)
            time.sleep(PAUSE)

    def row(self, name: str) -> str:
        """A row of the table."""
        percentiles = [one * 1e3 for one in statistics.quantiles(self.waits, n=100)]
        return (
            f"| {name} | {len(self.waits):,} | {percentiles[49]:.1f} ms | {percentiles[98]:.1f} ms"
            f" | {max(self.waits) * 1e3:.0f} ms |"
        )


def measured(server: LiveServer) -> None:
    """Revoke everything of the tenant, and print what that meant."""
    signed = _run(server, "token", "--tenant", TENANT, "--user", "root", "--role", "admin", "--ttl", "12h")
    root = Caller(server, signed)
    tokens = [root.sign_in(TENANT, f"holder_{number}") for number in range(TOKENS)]
    others = [root.sign_in(BESIDE, f"user_{number}") for number in range(USERS)]
    before, meanwhile = Neighbours(server), Neighbours(server)
    with before.asking():
        time.sleep(QUIET_SECONDS)
    root = Caller(server, signed)  # the server ends connections that are idle for seconds
    began = time.perf_counter()
    plan = root.admin("POST", "/admin/revocation-plans", {"filter": {}, "everything": True, "reason": "drill"})
    planned = time.perf_counter() - began
    with meanwhile.asking():
        time.sleep(1)
        began = time.perf_counter()
        applied = root.admin("POST", f"/admin/revocation-plans/{plan['plan_id']}/apply", {})
        took = time.perf_counter() - began
        good = sum(root.is_good(TENANT, token) for token in tokens)
        while (now := root.admin("GET", f"/admin/revocations/{applied['revocation_id']}"))["state"] != "finished":
            time.sleep(1)
        whole = time.perf_counter() - began
    kept = sum(root.is_good(BESIDE, token) for token in others)
    click.echo(f"the plan after {planned:.2f} s, the 202 after {took:.2f} s; {now['ended']:,} rows in {whole:.0f} s")
    click.echo(f"good after the 202: {good} of {len(tokens)} tokens; of the other tenant {kept} of {len(others)}\n")
    click.echo("| requests of another tenant | number | p50 | p99 | longest |\n| --- | ---: | ---: | ---: | ---: |")
    click.echo(f"{before.row('before')}\n{meanwhile.row('meanwhile')}\n")


@click.command()
@click.option("--sessions", default=1_000_000, show_default=True, help="How many sessions are revoked.")
@click.option("--engine", "engines", type=click.Choice(["sqlite", "postgresql"]), multiple=True)
def revoking(sessions: int, engines: tuple[str, ...]) -> None:
    """Fill a database, and revoke all of a tenant while another tenant's callers go on."""
    for engine in engines or ("sqlite", "postgresql"):
        with served(engine, sessions) as server:
            click.echo(f"{engine}, {sessions:,} sessions of one tenant, {CLIENTS} callers of another")
            measured(server)


if __name__ == "__main__":
    revoking()
