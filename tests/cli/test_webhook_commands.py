"""`sojourn webhook` lists endpoints, sends them a test, and lets events be sent again."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import httpx
import jwt
import pytest

from tests.live import API_KEY, JWT_SECRET, LiveServer
from tests.receiver import Receiver, status, until

HEADERS = {"X-API-Key": API_KEY, "X-Tenant-ID": "acme"}
SECONDS = 120


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    live = LiveServer(tmp_path_factory.mktemp("webhooks"), SOJOURN_WEBHOOK_ALLOW="127.0.0.1")
    yield live
    assert live.stop() in (0, -signal.SIGTERM)


def asked(server: LiveServer, method: str, path: str, **options: Any) -> Any:
    response = httpx.request(method, server.url + path, timeout=SECONDS, **{"headers": HEADERS, **options})
    assert response.status_code < 300, response.text
    return response.json() if response.content else None


def lives_and_ends(server: LiveServer) -> None:
    made = asked(server, "POST", "/internal/session/create", json={"auth_user_id": "ann"})
    asked(server, "DELETE", f"/internal/session/{made['data']['session']['id']}")


def hook(server: LiveServer, receiver: Receiver, tenant: str = "acme", **members: Any) -> dict[str, Any]:
    """An endpoint of a tenant, which exists from its first session on."""
    now = int(time.time())
    claims = {"sub": "root", "tenant_id": tenant, "roles": ["admin"], "iat": now - 5, "exp": now + 3600}
    token = jwt.encode(claims, JWT_SECRET, algorithm="HS256")
    of_tenant = HEADERS | {"X-Tenant-ID": tenant}
    asked(server, "POST", "/internal/session/create", json={"auth_user_id": "first"}, headers=of_tenant)
    body = {"url": receiver.url, "events": ["session.ended"], **members}
    made = asked(server, "POST", "/admin/webhooks", json=body, headers={"Authorization": f"Bearer {token}"})
    return dict(made)


def run(server: LiveServer, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sojourn", "webhook", *arguments]
    return subprocess.run(command, env=server.environ, capture_output=True, text=True, timeout=SECONDS, check=False)


def listed(server: LiveServer, *options: str) -> list[dict[str, Any]]:
    said = run(server, "list", "--json", *options)
    assert (said.returncode, said.stderr) == (0, "")
    return list(json.loads(said.stdout))


def test_endpoints_of_every_tenant_are_listed_without_a_secret(server: LiveServer, receiver: Receiver) -> None:
    ours = hook(server, receiver)
    theirs = hook(server, receiver, "globex", enabled=False)

    found = {item["id"]: item for item in listed(server)}
    said = run(server, "list")

    assert (found[ours["id"]]["tenant"], found[ours["id"]]["state"]) == ("acme", "sends")
    assert (found[theirs["id"]]["tenant"], found[theirs["id"]]["state"]) == ("globex", "disabled (administrator)")
    assert theirs["id"] in [item["id"] for item in listed(server, "--tenant", "globex")]
    assert ours["id"] not in [item["id"] for item in listed(server, "--tenant", "globex")]
    (line,) = [line for line in said.stdout.splitlines() if line.startswith(theirs["id"])]
    assert line.split()[1:4] == ["globex", "disabled", "(administrator)"]
    assert line.endswith(receiver.url)
    assert "whsec_" not in said.stdout + json.dumps(list(found.values()))
    assert "sealed" not in json.dumps(list(found.values()))


def test_a_test_is_signed_and_its_exit_status_says_how_it_went(server: LiveServer, receiver: Receiver) -> None:
    made = hook(server, receiver, enabled=False)
    receiver.answers = [status(200), status(500)]

    good, bad = run(server, "test", made["id"]), run(server, "test", made["id"])
    as_json = run(server, "test", made["id"], "--json")

    assert (good.returncode, good.stdout[:10]) == (0, "delivered ")
    assert (bad.returncode, bad.stdout[:26]) == (1, "not delivered: status 500 ")
    assert json.loads(as_json.stdout).items() >= {"delivered": True, "status": 204}.items()
    assert all(one.is_signed_with(made["secret"]) for one in receiver.received)
    assert {one.said["type"] for one in receiver.received} == {"webhook.test"}
    assert "webhook.tested" in good.stderr


def test_events_are_sent_again_by_the_server_under_their_ids(server: LiveServer, receiver: Receiver) -> None:
    made = hook(server, receiver)
    lives_and_ends(server)
    until(lambda: len(receiver.ids) == 1)
    (told,) = receiver.ids

    period = run(server, "replay", made["id"], "--since", "2026-01-01T00:00:00Z", "--until", made["created_at"])
    one = run(server, "replay", made["id"], "--delivery", told, "--json")
    until(lambda: receiver.ids.count(told) == 2)

    assert period.returncode == 0, period.stderr
    assert period.stdout.startswith("events to be sent again: ")
    assert (one.returncode, json.loads(one.stdout)) == (0, {"deliveries": 1})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("test", "whk_0"), "no webhook has the id whk_0; see `sojourn webhook list`"),
        (("replay", "whk_0", "--delivery", "evt_a"), "no webhook has the id whk_0; see `sojourn webhook list`"),
        (("replay", "whk_0"), "say --since, with or without --until, or --delivery"),
        (("replay", "whk_0", "--since", "2026-01-01T00:00:00Z", "--delivery", "evt_a"), "say --since"),
        (("replay", "whk_0", "--until", "2026-01-01T00:00:00Z", "--delivery", "evt_a"), "say --since"),
        (("replay", "whk_0", "--since", "yesterday"), "is not an instant such as 2026-04-15T10:30:00Z"),
    ],
)
def test_what_cannot_be_done_is_one_line(server: LiveServer, arguments: tuple[str, ...], said: str) -> None:
    failed = run(server, *arguments)

    assert failed.returncode in (1, 2)
    assert said in failed.stderr
    assert len(failed.stderr.strip().splitlines()) == 1, failed.stderr


def test_a_delivery_that_there_was_never_is_one_line(server: LiveServer, receiver: Receiver) -> None:
    made = hook(server, receiver)

    failed = run(server, "replay", made["id"], "--delivery", "evt_never")

    assert (failed.returncode, failed.stdout) == (1, "")
    assert "was never sent evt_never" in failed.stderr
