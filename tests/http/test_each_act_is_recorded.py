"""Each operation that changes something: an administrator's act writes one record of the trail, anything else none.

Which operations there are is read from the contract: one that this file does not know fails.
"""

from collections.abc import Callable
from typing import Any

import httpx

from sojourn.openapi.loader import load_bundle
from tests.http.conftest import API_KEY, Client
from tests.http.test_backchannel_logout import LEFT_OUT, log_out, of_now
from tests.http.test_scopes import stored
from tests.http.test_security_event_tokens import event_of_now, push
from tests.http.tokens import sign_in
from tests.imported import imported

Sql = Callable[[str], list[tuple[Any, ...]]]
USER, OTHER = "usr_abc123", "usr_two"
LIFETIMES = {"access_expiry": "10m", "refresh_expiry": "24h"}
PLAN = {"filter": {"user_id": "usr_nobody"}, "reason": "drill"}
HOOK = {"url": "https://hooks.example.com/sojourn", "events": ["policy.changed"], "enabled": False}
LOGOUT_CLIENT = {"client_id": "shop", "uri": "https://shop.example.com/logout", "enabled": False}
OF_OTHERS = {
    "start_session": "session.started",
    "update_session": "session.named",
    "revoke_session": "session.ended",
    "upgrade_session_mfa": "session.elevated",
    "add_to_blacklist": "token.refused",
}
"""Operations of users that are acts where an administrator does them to somebody else."""
OF_PROVIDERS = {"revoke_provider_sessions": "sessions.ended", "receive_security_events": "sessions.ended"}
"""Operations that are acts although nobody of ours calls them."""
READS = {
    "introspect_token",
    "introspect_oauth_token",
    "export_user_data",
    "check_many_active",
    "simulate_session_policy",
}
"""Their method is POST for the sake of their body: they change nothing."""


class Acts:
    """Does each operation once, with what it needs; its name is the operation's."""

    def __init__(self, client: Client, manager: str) -> None:
        self.client = client
        self.manager = manager
        self.first = sign_in(client)
        client.clock.advance(seconds=1)

    def new(self, user: str = OTHER) -> str:
        session: str = self.client.create(user)["id"]
        return session

    def service(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self.client.internal(method, path, **options)

    def user(self, method: str, path: str, **options: Any) -> httpx.Response:
        bearer = {"Authorization": f"Bearer {self.first['tokens']['access_token']}"}
        return self.client.request(method, path, headers=bearer, **options)

    def admin(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self.client.as_admin(method, path, **options)

    def manage(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self.client.request(method, path, headers={"X-API-Key": self.manager}, **options)

    def form(self, path: str) -> httpx.Response:
        token = sign_in(self.client)["tokens"]["access_token"]
        return self.client.request("POST", path, auth=("acme", API_KEY), data={"token": token})

    def key(self) -> str:
        made: str = self.manage("POST", "/admin/api-keys", json={"name": "login"}).json()["id"]
        return made

    def plan(self) -> str:
        made: str = self.admin("POST", "/admin/revocation-plans", json=PLAN).json()["plan_id"]
        return made

    def hook(self) -> str:
        made: str = self.admin("POST", "/admin/webhooks", json=HOOK).json()["id"]
        return made

    def logout_client(self) -> str:
        self.admin("POST", "/admin/logout-clients", json={**LOGOUT_CLIENT, "client_id": "another"})
        return "another"

    def entry(self) -> str:
        token = {"token": "opaque-" * 5, "token_type": "access", "user_id": OTHER}
        self.service("POST", "/internal/session/blacklist-token", json=token)
        shown: str = self.admin("GET", "/admin/tokens/blacklist").json()["items"][0]["id"]
        return shown


def _own(acts: Acts) -> str:
    found: str = acts.first["session"]["id"]
    return found


def _device(acts: Acts) -> str:
    made = acts.user("POST", "/trusted-devices", json={"device_fingerprint": "fp-of-the-test"})
    assert made.status_code < 300, made.text
    listed = acts.user("GET", "/trusted-devices").json()
    found: str = listed["items"][0]["id"]
    return found


_TOKEN = {"token_type": "access"}
_EXCHANGE = {"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange"}
# What is prepared comes first: only the request itself is counted.
Prepared = Callable[[], httpx.Response]
OPERATIONS: dict[str, Callable[[Acts], Prepared]] = {
    "create_session": lambda a: lambda: a.service("POST", "/internal/session/create", json={"auth_user_id": OTHER}),
    "revoke_user_sessions": lambda a: lambda: a.service("DELETE", f"/internal/session/session/user/{OTHER}"),
    "check_many_active": lambda a: lambda: a.service("POST", "/internal/session/active", json={"user_ids": [OTHER]}),
    "export_user_data": lambda a: (
        lambda: a.service("POST", "/internal/session/export-user-data", json={"user_id": OTHER})
    ),
    "erase_user_data": lambda a: (
        lambda: a.service("POST", "/internal/session/erase-user-data", json={"user_id": "usr_gone"})
    ),
    "revoke_session_as_service": lambda a: _with(a.new(), lambda s: a.service("DELETE", f"/internal/session/{s}")),
    "update_session_as_service": lambda a: (
        lambda: a.service("PATCH", f"/internal/session/{_own(a)}", json={"name": "n"})
    ),
    "update_session": lambda a: lambda: a.admin("PATCH", f"/sessions/{_own(a)}", json={"name": "n"}),
    "touch_session_as_service": lambda a: lambda: a.service("POST", f"/internal/session/{_own(a)}/activity"),
    "record_session_usage": lambda a: lambda: a.service("POST", f"/internal/session/{_own(a)}/usage"),
    "elevate_session": lambda a: _with(
        a.new(), lambda s: a.service("POST", f"/internal/session/{s}/elevate", json={"amr": ["otp"]})
    ),
    "generate_tokens": lambda a: _with(
        a.new(),
        lambda s: a.service(
            "POST",
            "/internal/session/generate-tokens",
            json={"auth_user_id": OTHER, "tenant_id": "acme", "session_id": s},
        ),
    ),
    "generate_first_tokens": lambda a: _with(
        imported(a.client.url, a.client.clock.now), lambda s: a.service("POST", f"/internal/session/{s}/tokens")
    ),
    "validate_access_token": lambda a: (
        lambda: a.service(
            "POST", "/internal/session/validate-token", json={"access_token": a.first["tokens"]["access_token"]}
        )
    ),
    "blacklist_token": lambda a: (
        lambda: a.service(
            "POST", "/internal/session/blacklist-token", json={**_TOKEN, "token": "x" * 40, "user_id": OTHER}
        )
    ),
    "trust_device": lambda a: (
        lambda: a.service(
            "POST", "/internal/session/trusted-devices", json={"user_id": OTHER, "device_fingerprint": "fp"}
        )
    ),
    "untrust_device": lambda a: (
        lambda: a.service("DELETE", "/internal/session/trusted-devices/fp", params={"user_id": OTHER})
    ),
    "start_session": lambda a: lambda: a.admin("POST", "/sessions", json={"auth_user_id": OTHER}),
    "revoke_session": lambda a: _with(a.new(), lambda s: a.admin("DELETE", f"/sessions/{s}")),
    "touch_session": lambda a: lambda: a.user("POST", f"/sessions/{_own(a)}/activity"),
    "upgrade_session_mfa": lambda a: _with(a.new(), lambda s: a.admin("POST", f"/sessions/{s}/upgrade-mfa")),
    "validate_session": lambda a: lambda: a.user("POST", f"/sessions/{_own(a)}/validate"),
    "refresh_tokens": lambda a: (
        lambda: a.client.request(
            "POST", "/sessions/refresh", json={"refresh_token": a.first["tokens"]["refresh_token"]}
        )
    ),
    "rotate_access_token": lambda a: _with(
        sign_in(a.client)["tokens"]["refresh_token"],
        lambda token: a.client.request("POST", "/sessions/rotate-access", json={"refresh_token": token}),
    ),
    "add_to_blacklist": lambda a: (
        lambda: a.admin("POST", "/tokens/blacklist", json={**_TOKEN, "token": "y" * 40, "user_id": OTHER})
    ),
    "check_blacklisted_token": lambda a: lambda: a.user("POST", "/tokens/blacklist/check", json={"token": "z" * 40}),
    "trust_own_device": lambda a: lambda: a.user("POST", "/trusted-devices", json={"device_fingerprint": "fp-of-mine"}),
    "untrust_own_device": lambda a: _with(_device(a), lambda d: a.user("DELETE", f"/trusted-devices/{d}")),
    "remove_trusted_device": lambda a: _with(_device(a), lambda d: a.admin("DELETE", f"/admin/trusted-devices/{d}")),
    "revoke_sessions": lambda a: _with(
        a.new(), lambda s: a.admin("DELETE", "/admin/sessions/bulk", json={"session_ids": [s]})
    ),
    "revoke_sessions_in_bulk": lambda a: _with(
        a.new(), lambda s: a.admin("POST", "/admin/sessions/bulk-revoke", json={"session_ids": [s]})
    ),
    "revoke_sessions_of_user": lambda a: lambda: a.admin("DELETE", f"/admin/sessions/user/{OTHER}"),
    "suspend_session": lambda a: _with(a.new(), lambda s: a.admin("POST", f"/admin/sessions/{s}/suspend")),
    "reactivate_session": lambda a: _with(_suspended(a), lambda s: a.admin("POST", f"/admin/sessions/{s}/reactivate")),
    "purge_expired_sessions": lambda a: lambda: a.admin("DELETE", "/admin/sessions/expired"),
    "remove_blacklist_entry": lambda a: _with(a.entry(), lambda e: a.admin("DELETE", f"/admin/tokens/blacklist/{e}")),
    "set_token_config": lambda a: lambda: a.admin("PUT", "/admin/tokens/config", json=LIFETIMES),
    "reset_token_config": lambda a: lambda: a.admin("DELETE", "/admin/tokens/config"),
    "set_session_policy": lambda a: (
        lambda: a.admin("PUT", "/admin/policies/sessions", json={"max_sessions": {"count": 50}})
    ),
    "simulate_session_policy": lambda a: (
        lambda: a.admin("POST", "/admin/policies/sessions/simulations", json={"max_sessions": {"count": 50}})
    ),
    "reset_session_policy": lambda a: lambda: a.admin("DELETE", "/admin/policies/sessions"),
    "exchange_token": lambda a: _with(
        sign_in(a.client)["tokens"]["access_token"],
        lambda token: a.admin("POST", "/admin/tokens/exchange", json={**_EXCHANGE, "subject_token": token}),
    ),
    "introspect_token": lambda a: lambda: a.admin("POST", "/admin/tokens/introspect", json={"token": "w" * 40}),
    "revoke_all_tokens": lambda a: lambda: a.admin("POST", "/admin/tokens/revoke-all", json={"user_id": OTHER}),
    "create_api_key": lambda a: lambda: a.manage("POST", "/admin/api-keys", json={"name": "login"}),
    "rotate_api_key": lambda a: _with(a.key(), lambda k: a.manage("POST", f"/admin/api-keys/{k}/rotate")),
    "revoke_api_key": lambda a: _with(a.key(), lambda k: a.manage("DELETE", f"/admin/api-keys/{k}")),
    "create_tenant": lambda a: lambda: a.manage("POST", "/admin/tenants", json={"tenant_id": "fresh"}),
    "create_revocation_plan": lambda a: lambda: a.admin("POST", "/admin/revocation-plans", json=PLAN),
    "apply_revocation_plan": lambda a: _with(a.plan(), lambda p: a.admin("POST", f"/admin/revocation-plans/{p}/apply")),
    "create_webhook": lambda a: lambda: a.admin("POST", "/admin/webhooks", json=HOOK),
    "update_webhook": lambda a: _with(
        a.hook(), lambda h: a.admin("PATCH", f"/admin/webhooks/{h}", json={"description": "other"})
    ),
    "create_logout_client": lambda a: lambda: a.admin("POST", "/admin/logout-clients", json=LOGOUT_CLIENT),
    "update_logout_client": lambda a: _with(
        a.logout_client(), lambda c: a.admin("PATCH", f"/admin/logout-clients/{c}", json={"apps": ["other"]})
    ),
    "remove_logout_client": lambda a: _with(
        a.logout_client(), lambda c: a.admin("DELETE", f"/admin/logout-clients/{c}")
    ),
    "remove_webhook": lambda a: _with(a.hook(), lambda h: a.admin("DELETE", f"/admin/webhooks/{h}")),
    "rotate_webhook_secret": lambda a: _with(a.hook(), lambda h: a.admin("POST", f"/admin/webhooks/{h}/rotate-secret")),
    "test_webhook": lambda a: _with(a.hook(), lambda h: a.admin("POST", f"/admin/webhooks/{h}/test")),
    "replay_webhook_deliveries": lambda a: _with(
        a.hook(), lambda h: a.admin("POST", f"/admin/webhooks/{h}/replay", json={"since": "2026-04-15T08:00:00Z"})
    ),
    "generate_oauth_tokens": lambda a: _with(
        sign_in(a.client)["tokens"]["refresh_token"],
        lambda token: a.client.request(
            "POST",
            "/oauth/token",
            auth=("acme", API_KEY),
            data={"grant_type": "refresh_token", "refresh_token": token},
        ),
    ),
    "introspect_oauth_token": lambda a: lambda: a.form("/oauth/introspect"),
    "revoke_oauth_token": lambda a: lambda: a.form("/oauth/revoke"),
    "revoke_provider_sessions": lambda a: _with(
        a.new(), lambda _: log_out(a.client, of_now(a.client, sub=OTHER, sid=LEFT_OUT, tenant_id="acme"))
    ),
    "receive_security_events": lambda a: _with(a.new(), lambda _: push(a.client, event_of_now(a.client, OTHER))),
    "revoke_other_sessions": lambda a: lambda: a.user("DELETE", "/sessions", params={"except": "current"}),
}


def _with(prepared: str, ask: Callable[[str], httpx.Response]) -> Prepared:
    return lambda: ask(prepared)


def _suspended(acts: "Acts") -> str:
    session = acts.new()
    acts.admin("POST", f"/admin/sessions/{session}/suspend")
    return session


def changing() -> dict[str, dict[str, Any]]:
    """The operations of the contract that are not read by GET."""
    return {
        operation["operationId"]: operation
        for path in load_bundle()["paths"].values()
        for method, operation in path.items()
        if method in ("post", "put", "patch", "delete")
    }


def is_act(operation: dict[str, Any]) -> bool:
    name = operation["operationId"]
    administrative = "x-roles" in operation or operation.get("x-scope") in ("manage", "erase")
    return name not in READS and (administrative or name in OF_OTHERS or name in OF_PROVIDERS)


def test_each_administrative_operation_writes_one_record_and_nothing_else_does(
    client: Client, database_url: str, sql: Sql
) -> None:
    operations = changing()
    assert operations.keys() == OPERATIONS.keys()
    acts = Acts(client, stored(database_url, scopes=["manage"]).text)
    wrong = []
    for name, prepare in OPERATIONS.items():
        ask = prepare(acts)
        client.clock.advance(seconds=1)
        before = sql("SELECT count(*) FROM audit_records")[0][0]

        answer = ask()

        written = sql("SELECT count(*) FROM audit_records")[0][0] - before
        if answer.status_code >= 300 or written != int(is_act(operations[name])):
            wrong.append((name, answer.status_code, written, answer.text))
    assert wrong == []
    for name, action in OF_OTHERS.items():
        assert sql(f"SELECT count(*) FROM audit_records WHERE action = '{action}'")[0][0] >= 1, name


def test_what_administrators_do_to_their_own_sessions_is_no_record(client: Client, sql: Sql) -> None:
    started = client.as_admin("POST", "/sessions", json={"auth_user_id": "root"})
    assert started.status_code == 201
    session = started.json()["session"]["id"]
    assert client.as_admin("POST", f"/sessions/{session}/upgrade-mfa").status_code == 200
    assert client.as_admin("DELETE", f"/sessions/{session}").status_code == 204

    assert sql("SELECT count(*) FROM audit_records") == [(0,)]
