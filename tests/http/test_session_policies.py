"""A tenant's policy of sessions: how it is set, and that its limit is exact."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from click.testing import CliRunner

from sojourn.cli import sojourn
from sojourn.domain.clock import to_text, utc_now
from tests.http.conftest import API_KEY, START, Client
from tests.http.test_suspension import views

Start = Callable[..., Client]
POLICY = "/admin/policies/sessions"
CREATE = "/internal/session/create"
USER = "usr_abc123"
ON_SQLITE = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
"""What no engine has a part in."""


def limit(client: Client, count: int, tenant: str = "acme", **members: str) -> dict[str, Any]:
    """Set a limit; the policy as it is told. The tenant is there afterwards."""
    if client.as_admin("GET", POLICY, tenant).status_code == 404:
        client.create("usr_first", tenant=tenant)
    answer = client.as_admin("PUT", POLICY, tenant, json={"max_sessions": {"count": count, **members}})
    assert answer.status_code == 200, answer.text
    policy: dict[str, Any] = answer.json()
    return policy


def sign_in(client: Client, user: str = USER, *, app: str | None = None, **options: Any) -> Any:
    """What a sign-in of a service is answered."""
    body = {"auth_user_id": user} | ({} if app is None else {"app_id": app})
    return client.internal("POST", CREATE, json=body, **options)


def ids(client: Client, user: str = USER, tenant: str = "acme") -> list[str]:
    """A user's active sessions, newest first."""
    path = f"/internal/session/sessions/{user}?page_size=100"
    return [item["id"] for item in client.internal("GET", path, tenant).json()["items"]]


def made(client: Client, number: int, *, user: str = USER, app: str | None = None) -> list[str]:
    """So many sessions, a second apart, the oldest first."""
    found = []
    for _ in range(number):
        answer = sign_in(client, user, app=app)
        assert answer.status_code == 201, answer.text
        found.append(answer.json()["data"]["session"]["id"])
        client.clock.advance(seconds=1)
    return found


@ON_SQLITE
def test_a_policy_is_set_read_and_cleared(client: Client) -> None:
    client.create()
    empty = client.as_admin("GET", POLICY)
    assert (empty.status_code, empty.json()) == (200, {"version": 0})

    first = limit(client, 3)
    again = limit(client, 3)
    assert first == again == {"version": 1, "max_sessions": {"count": 3, "per": "user", "on_limit": "end_idlest"}}
    assert client.as_admin("GET", POLICY).json() == first

    nothing = client.as_admin("PUT", POLICY, json={})
    assert (nothing.status_code, nothing.json()) == (200, {"version": 2})
    limit(client, 2, per="user_app", on_limit="deny")
    assert [client.as_admin("DELETE", POLICY).status_code for _ in range(2)] == [204, 204]
    assert client.as_admin("GET", POLICY).json() == {"version": 4}


@ON_SQLITE
def test_a_policy_is_changed_only_as_it_was_read(client: Client) -> None:
    limit(client, 3)
    tag = {"If-Match": client.as_admin("GET", POLICY).headers["ETag"]}
    limit(client, 4)

    for method, body in (("PUT", {"json": {}}), ("DELETE", {})):
        late = client.as_admin(method, POLICY, headers=tag, **body)
        assert (late.status_code, late.json()["i18n_key"]) == (412, "error.precondition_failed")
    assert client.as_admin("GET", POLICY).json()["max_sessions"]["count"] == 4
    now = {"If-Match": client.as_admin("GET", POLICY).headers["ETag"]}
    assert client.as_admin("PUT", POLICY, headers=now, json={}).status_code == 200


@ON_SQLITE
def test_each_change_is_told_and_recorded(client: Client) -> None:
    limit(client, 3)
    limit(client, 3)
    client.as_admin("DELETE", POLICY)

    told = client.internal("GET", "/internal/events?types=policy.changed").json()["items"]
    by = {"actor": "root", "initiated_by": "admin", "policy": "sessions"}
    assert [event["data"] for event in told] == [{**by, "version": 1}, {**by, "version": 2}]
    acts = client.as_admin("GET", "/admin/audit").json()["items"]
    found = [(act["action"], act["before"], act["after"]) for act in acts if act["action"].startswith("session_policy")]
    three = {"version": 1, "max_sessions": {"count": 3, "per": "user", "on_limit": "end_idlest"}}
    expected = [
        ("session_policy.set", {"version": 0}, three),
        ("session_policy.set", three, three),
        ("session_policy.cleared", three, {"version": 2}),
    ]
    assert len(found) == 3
    assert all(act in found for act in expected)


def test_a_policy_holds_in_its_tenant_only(client: Client) -> None:
    client.create(tenant="globex")
    limit(client, 1, on_limit="deny")

    assert client.as_admin("GET", POLICY, "globex").json() == {"version": 0}
    assert client.as_admin("GET", POLICY, "nowhere").json()["i18n_key"] == "error.tenant_not_found"
    assert [client.create(tenant="globex")["status"] for _ in range(3)] == ["active"] * 3
    made(client, 1)
    assert sign_in(client).status_code == 409


def test_a_denied_sign_in_leaves_nothing_behind(client: Client) -> None:
    limit(client, 2, on_limit="deny")
    kept = made(client, 2)
    stats, after = _stats(client), _newest(client)

    denied = sign_in(client, headers={"Idempotency-Key": "once"})

    problem = denied.json()
    assert (denied.status_code, problem["type"], problem["i18n_args"]) == (
        409,
        "/problems/session-limit-reached",
        {"limit": 2},
    )
    assert ids(client) == kept[::-1]
    assert _stats(client) == stats
    assert client.internal("GET", f"/internal/events?after={after}").json()["items"] == []
    gone = client.internal("DELETE", f"/internal/session/{kept[0]}")
    assert gone.status_code == 204
    assert sign_in(client, headers={"Idempotency-Key": "once"}).status_code == 201


@ON_SQLITE
def test_a_denied_sign_in_does_not_spend_the_providers_token(client: Client) -> None:
    limit(client, 1, on_limit="deny")
    kept = made(client, 1)
    token = {"Authorization": f"Bearer {client.token(USER, amr=['pwd'], jti='once')}"}
    start = ("POST", "/sessions")
    assert client.request(*start, headers=token, json={"auth_user_id": USER}).status_code == 409

    client.internal("DELETE", f"/internal/session/{kept[0]}")

    assert client.request(*start, headers=token, json={"auth_user_id": USER}).status_code == 201
    assert client.request(*start, headers=token, json={"auth_user_id": USER}).status_code in (403, 409)


@ON_SQLITE
@pytest.mark.parametrize(("on_limit", "gone"), [("end_oldest", 0), ("end_idlest", 1)])
def test_the_session_that_the_policy_names_ends(client: Client, on_limit: str, gone: int) -> None:
    limit(client, 3, on_limit=on_limit)
    sessions = made(client, 3)
    touched = client.as_user("POST", f"/sessions/{sessions[0]}/activity", USER)
    assert touched.status_code == 200, touched.text
    client.clock.advance(seconds=1)

    newest = made(client, 1)[0]

    left = [one for one in sessions if one != sessions[gone]]
    assert ids(client) == [newest, *left[::-1]]
    told = client.internal("GET", "/internal/events?types=session.ended").json()["items"]
    assert [(event["data"]["session_id"], event["data"]["reason_code"]) for event in told] == [
        (sessions[gone], "session_limit")
    ]


def test_a_session_ends_only_for_one_of_the_same_application(client: Client) -> None:
    limit(client, 1, per="user_app", on_limit="end_oldest")
    none, web, phone = (made(client, 1, app=app)[0] for app in (None, "web", "phone"))

    second = made(client, 1, app="web")[0]
    assert ids(client) == [second, phone, none]
    third = made(client, 1)[0]
    assert ids(client) == [third, second, phone]
    assert web not in ids(client)


def test_suspended_sessions_count(client: Client) -> None:
    limit(client, 2, on_limit="deny")
    kept = made(client, 2)
    assert client.as_admin("POST", f"/admin/sessions/{kept[0]}/suspend", json={}).status_code == 200

    assert sign_in(client).status_code == 409
    assert client.as_admin("POST", f"/admin/sessions/{kept[0]}/reactivate").status_code == 200
    assert ids(client) == kept[::-1]


@ON_SQLITE
def test_the_callers_own_session_never_ends_for_another(client: Client) -> None:
    limit(client, 2, on_limit="end_oldest")
    mine, other = made(client, 2)
    as_admin = {"Authorization": f"Bearer {client.token(USER, roles=['admin'], sid=mine)}"}

    begun = client.request("POST", "/sessions", headers=as_admin, json={"auth_user_id": USER})
    assert begun.status_code == 201, begun.text
    assert ids(client) == [begun.json()["session"]["id"], mine]
    assert other not in ids(client)

    limit(client, 1, on_limit="end_oldest")
    refused = client.request("POST", "/sessions", headers=as_admin, json={"auth_user_id": USER})
    assert refused.json()["i18n_key"] == "error.session_limit_reached"
    assert len(ids(client)) == 2


@ON_SQLITE
def test_a_lower_limit_holds_from_the_next_sign_in(client: Client) -> None:
    limit(client, 5)
    sessions = made(client, 5)

    limit(client, 2)
    assert ids(client) == sessions[::-1]
    newest = made(client, 1)[0]
    assert ids(client) == [newest, sessions[-1]]


@ON_SQLITE
@pytest.mark.parametrize(("server", "own", "status", "left"), [(2, 3, 201, 2), (3, 2, 409, 2), (2, 2, 409, 2)], ids=str)
def test_the_limit_that_is_reached_first_decides(start: Start, server: int, own: int, status: int, left: int) -> None:
    client = start(SOJOURN_MAX_SESSIONS_PER_USER=str(server))
    limit(client, own, on_limit="deny")
    made(client, 2)

    assert sign_in(client).status_code == status
    assert len(ids(client)) == left


def test_the_limit_is_exact_under_fifty_sign_ins_at_once(client: Client) -> None:
    headers = {"X-API-Key": API_KEY, "X-Tenant-ID": "acme"}
    for number, (per, on_limit) in enumerate(product(("user", "user_app"), ("deny", "end_idlest"))):
        limit(client, 3, per=per, on_limit=on_limit)
        user, apps = f"usr_{number}", ["web", "phone"] if per == "user_app" else ["web"]
        create = [("POST", CREATE, {"headers": headers, "json": {"auth_user_id": user, "app_id": app}}) for app in apps]

        answers = client.gather(*create * (50 // len(create)))

        items = client.internal("GET", f"/internal/session/sessions/{user}?page_size=100").json()["items"]
        assert Counter(item["app_id"] for item in items) == dict.fromkeys(apps, 3)
        begun = 3 * len(apps) if on_limit == "deny" else 50
        statuses = Counter(answer.status_code for answer in answers)
        assert statuses == Counter({201: begun} | ({409: 50 - begun} if on_limit == "deny" else {}))
        events = client.internal("GET", "/internal/events?types=session.ended&limit=500").json()["items"]
        told = Counter(one["data"]["session_id"] for one in events if one["data"]["user_id"] == user)
        assert len(told) == begun - 3 * len(apps)
        assert set(told.values()) <= {1}


def _stats(client: Client) -> dict[str, Any]:
    stats: dict[str, Any] = client.as_admin("GET", "/admin/sessions/stats").json()
    return stats


def _newest(client: Client) -> str:
    cursor: str = client.internal("GET", "/internal/events?limit=500").json()["next_cursor"]
    return cursor


def test_shorter_timeouts_hold_for_live_sessions_at_once(client: Client) -> None:
    old = client.internal("POST", CREATE, json={"auth_user_id": USER}).json()["data"]
    assert set(views(client, old).values()) == {True}
    client.clock.advance(hours=2)

    policy = client.as_admin("PUT", POLICY, json={"idle_timeout": "1h", "absolute_timeout": "90m"})

    assert policy.json() == {"version": 1, "idle_timeout": "1h", "absolute_timeout": "1h30m"}
    assert client.as_admin("GET", POLICY).json() == policy.json()
    assert set(views(client, old).values()) == {False}
    expired = client.as_admin("GET", f"/admin/sessions?user_id={USER}&status=expired").json()["items"]
    end = (old["session"]["id"], "absolute_timeout")
    assert [(item["id"], item["reason_code"]) for item in expired] == [end]
    told = client.internal("GET", "/internal/events?types=session.ended").json()["items"]
    assert [(event["data"]["session_id"], event["data"]["reason_code"]) for event in told] == [end]


def test_shorter_timeouts_leave_the_young_and_shorten_what_is_left_of_them(client: Client) -> None:
    young = client.create(USER)
    client.clock.advance(minutes=5)
    client.as_admin("PUT", POLICY, json={"absolute_timeout": "90m"})

    assert ids(client) == [young["id"]]
    shown = client.internal("GET", f"/internal/session/{young['id']}").json()["session"]
    assert (shown["status"], shown["expires_at"]) == ("active", to_text(START + timedelta(minutes=90)))


@ON_SQLITE
def test_own_timeouts_hold_for_new_sessions_and_each_activity(client: Client) -> None:
    client.create()
    client.as_admin("PUT", POLICY, json={"idle_timeout": "10m", "absolute_timeout": "500h"})
    begun = client.create("usr_new")
    assert begun["idle_expires_at"] == to_text(START + timedelta(minutes=10))
    assert begun["expires_at"] == to_text(START + timedelta(hours=24))  # the server's own is shorter

    client.clock.advance(minutes=5)
    assert client.internal("POST", f"/internal/session/{begun['id']}/activity").status_code == 200
    path = f"/internal/session/{begun['id']}"
    assert client.internal("GET", path).json()["session"]["idle_expires_at"] == to_text(START + timedelta(minutes=15))
    assert client.as_admin("DELETE", POLICY).status_code == 204
    assert client.internal("GET", path).json()["session"]["idle_expires_at"] == to_text(START + timedelta(minutes=15))
    client.clock.advance(minutes=1)
    client.internal("POST", f"/internal/session/{begun['id']}/activity")
    later = client.internal("GET", path).json()["session"]["idle_expires_at"]
    assert later == to_text(START + timedelta(minutes=6, hours=4))


@ON_SQLITE
@pytest.mark.parametrize(
    ("member", "text", "code"),
    [
        ("idle_timeout", "1s", "minimum"),
        ("absolute_timeout", "87601h", "maximum"),
        ("idle_timeout", "soon", "pattern"),
    ],
)
def test_a_timeout_out_of_bounds_is_refused(client: Client, member: str, text: str, code: str) -> None:
    client.create()
    refused = client.as_admin("PUT", POLICY, json={member: text})
    assert refused.status_code == 400
    assert [(one["field"], one["code"]) for one in refused.json()["errors"]] == [(member, code)]
    assert client.as_admin("GET", POLICY).json() == {"version": 0}


@ON_SQLITE
def test_the_command_sets_timeouts_that_hold_at_once(client: Client) -> None:
    client.clock.now = utc_now() - timedelta(minutes=90)  # the command reads the clock
    old = client.create(USER)
    client.clock.now = utc_now()

    said = run_command(client, "set", "--idle-timeout", "1h", "--absolute-timeout", "8h")

    assert said.stdout == "version 1: idle timeout 1h; absolute timeout 8h\n"
    assert client.as_admin("GET", POLICY).json() == {"version": 1, "idle_timeout": "1h", "absolute_timeout": "8h"}
    client.clock.now = utc_now()
    ended = client.internal("GET", f"/internal/session/{old['id']}").json()["session"]
    assert (ended["status"], ended["reason_code"]) == ("expired", "idle_timeout")
    assert run_command(client, "show").stdout == said.stdout
    assert run_command(client, "clear").stdout == "version 2: no rules\n"
    assert "is not in the range 2s to 87600h" in run_command(client, "set", "--idle-timeout", "1s").output
    assert "give a rule" in run_command(client, "set").output


def run_command(client: Client, verb: str, *arguments: str) -> Any:
    """`sojourn policy` beside the service."""
    command = ["policy", verb, "--tenant", "acme", *arguments, "--database-url", client.url]
    return CliRunner().invoke(sojourn, command)
