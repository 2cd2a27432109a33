"""One live server with data for every operation to find."""

import json
import secrets
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest

from tests.imported import imported
from tests.live import API_KEY, LiveServer

TENANT = "acme"
USER = "usr_abc123"
DEVICE = "dev_abc123"
TRUSTED_DEVICES = ("untrust_own_device", "remove_trusted_device")


class Prepared:
    """A running server, the credentials it accepts and the ids it knows."""

    def __init__(self, server: LiveServer) -> None:
        self.server = server
        self.credentials = {
            "api_key": API_KEY,
            "token": self.run("token", "--tenant", TENANT, "--user", USER, "--role", "admin"),
            "manage_key": self.run("api-key", "create", "--name", "manager", "--scope", "manage"),
        }
        self.known: dict[str, Any] = {
            "X-Tenant-ID": TENANT,
            "tenant_id": TENANT,
            "user_id": USER,
            "auth_user_id": USER,
            "device_id": DEVICE,
            "slug": "validation-failed",
        }

    def fresh(self, operation_id: str = "") -> dict[str, Any]:
        """Values for every parameter and member that must name something: a new session and what belongs to it."""
        answer = self._ask("POST", "/internal/session/create", {"auth_user_id": USER, "device_id": DEVICE})
        tokens, session_id = answer["data"]["tokens"], answer["data"]["session"]["id"]
        access = tokens["access_token"]
        refused = self._ask("POST", "/internal/session/create", {"auth_user_id": USER})["data"]["tokens"]
        self._ask(
            "POST",
            "/internal/session/blacklist-token",
            {"token": refused["access_token"], "token_type": "access", "user_id": USER},
        )
        values = {
            **self.known,
            "session_id": session_id,
            "session_ids": [session_id],
            "access_token": access,
            "token": access,
            "subject_token": access,
            "refresh_token": tokens["refresh_token"],
            "token_id": self._ask("GET", f"/admin/tokens?user_id={USER}")["items"][0]["id"],
            "entry_id": self._ask("GET", f"/admin/tokens/blacklist?user_id={USER}")["items"][0]["id"],
        }
        status = jwt.decode(access, options={"verify_signature": False}).get("status")
        if status is not None:  # the server has a public URL
            values["list_id"] = status["status_list"]["uri"].rpartition("/")[2]
        if operation_id in ("rotate_api_key", "revoke_api_key"):
            values["key_id"] = self._ask("POST", "/admin/api-keys", {"name": "one of many"}, key="manage_key")["id"]
        if "webhook" in operation_id:
            hook = {"url": "https://hooks.example.com/sojourn", "events": ["policy.changed"], "enabled": False}
            values["webhook_id"] = self._ask("POST", "/admin/webhooks", hook)["id"]
        if "logout_client" in operation_id:
            values["client_id"] = f"shop-{secrets.token_hex(8)}"
            if operation_id != "create_logout_client":
                application = {
                    "client_id": values["client_id"],
                    "uri": "https://shop.example.com/logout",
                    "enabled": False,
                }
                self._ask("POST", "/admin/logout-clients", application)
        if operation_id == "generate_first_tokens":
            at = datetime.now(UTC)  # noqa: TID251 - the server reads the clock, too
            values["session_id"] = imported(self.server.environ["SOJOURN_DATABASE_URL"], at, user=USER, tenant=TENANT)
        if "revocation_plan" in operation_id or operation_id == "get_revocation":
            plan = {"filter": {"app_id": "nobodys"}, "reason": "drill"}
            values["plan_id"] = self._ask("POST", "/admin/revocation-plans", plan)["plan_id"]
        if operation_id == "get_revocation":
            begun = self._ask("POST", f"/admin/revocation-plans/{values['plan_id']}/apply")
            values["revocation_id"] = begun["revocation_id"]
        if operation_id == "create_tenant":
            values["tenant_id"] = f"tenant-{secrets.token_hex(8)}"
        if operation_id in ("revoke_all_tokens", "erase_user_data"):  # not the caller, whose token would be refused
            values["user_id"] = "usr_somebody_else"
            self._ask("POST", "/internal/session/create", {"auth_user_id": values["user_id"], "device_id": DEVICE})
        if operation_id in TRUSTED_DEVICES:
            values["device_id"] = "dev_01968a3c-5c00-7000-8000-00a1b2c3d4e5"
        return values

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None, *, key: str = "api_key") -> Any:
        headers = {"X-Tenant-ID": TENANT, "Authorization": f"Bearer {self.credentials['token']}"}
        headers["X-API-Key"] = self.credentials[key]
        data = None if body is None else json.dumps(body).encode()
        if data is not None:
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(self.server.url + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.load(response)

    def run(self, *arguments: str) -> str:
        """What a command prints, run with the server's own settings."""
        command = [sys.executable, "-m", "sojourn", *arguments]
        return subprocess.run(
            command, env=self.server.environ, capture_output=True, text=True, check=True
        ).stdout.strip()


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prepared]:
    server = LiveServer(tmp_path_factory.mktemp("strictness"), SOJOURN_PUBLIC_URL="{url}")
    yield Prepared(server)
    assert server.stop() in (0, -signal.SIGTERM)
