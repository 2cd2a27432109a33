"""What a policy would do is said before it is set, and is what it does."""

import json
from collections import Counter
from datetime import timedelta
from itertools import count as counting
from typing import Any, cast

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sojourn.cli import sojourn
from sojourn.domain.clock import utc_now
from sojourn.storage.queries import policy_simulations
from tests.http.conftest import START, Client
from tests.http.test_session_policies import ON_SQLITE, POLICY, Start, ids, limit, made, sign_in

SIMULATE = f"{POLICY}/simulations"
OTHER = "usr_other"
USERS, APPS = ("usr_a", "usr_b"), (None, "web")
TENANTS = counting(1)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["begin", "begin", "begin", "end", "wait"]), st.sampled_from(USERS), st.sampled_from(APPS)
    ),
    min_size=4,
    max_size=14,
)


def run_command(client: Client, *arguments: str, rule: tuple[str, ...] = ("--max-sessions", "2")) -> Any:
    """`sojourn policy simulate` beside the service."""
    command = ["policy", "simulate", *rule, *arguments, "--database-url", client.url]
    return CliRunner().invoke(sojourn, command)


@ON_SQLITE
def test_the_command_says_what_the_operation_says(client: Client) -> None:
    client.clock.now = utc_now() - timedelta(minutes=1)  # the command reads the clock
    made(client, 5)

    shown = json.loads(run_command(client, "--tenant", "acme", "--json").stdout)
    told = simulated(client, 2)
    ends = {"sessions": 3, "users": 1, "by_rule": {"idle_timeout": 0, "absolute_timeout": 0, "max_sessions": 3}}
    assert shown["would_end_now"] == told["would_end_now"] == ends
    assert shown["counted"] == told["counted"]
    by_rule = "idle timeout 0, absolute timeout 0, max sessions 3"
    first = f"would end now: 3 sessions of 1 users ({by_rule})"
    assert run_command(client, "--tenant", "acme").stdout.splitlines()[0] == first
    over = json.loads(run_command(client, "--tenant", "acme", "--idle-timeout", "30s", "--json").stdout)
    assert over["would_end_now"]["by_rule"] == {"idle_timeout": 5, "absolute_timeout": 0, "max_sessions": 0}
    assert "there is no tenant nowhere" in run_command(client, "--tenant", "nowhere").output


@ON_SQLITE
def test_a_binding_is_counted_nowhere_by_the_command_as_by_the_operation(client: Client) -> None:
    client.clock.now = utc_now() - timedelta(minutes=1)
    made(client, 5)
    bound = ("--bind-country", "end", "--bind-asn", "report")

    def of_command(*rule: str) -> dict[str, Any]:
        return cast("dict[str, Any]", json.loads(run_command(client, "--tenant", "acme", "--json", rule=rule).stdout))

    alone = client.as_admin("POST", SIMULATE, json={"bind": {"country": "end", "asn": "report"}}).json()
    by_command = of_command(*bound)
    assert by_command["would_end_now"] == alone["would_end_now"]
    assert by_command["would_end_now"]["sessions"] == 0
    assert by_command["counted"] == alone["counted"]
    beside = of_command("--max-sessions", "2", *bound)
    assert beside["would_end_now"] == simulated(client, 2)["would_end_now"]
    assert beside["would_end_now"]["sessions"] == 3
    refused = run_command(client, "--tenant", "acme", rule=())
    assert refused.exit_code == 2
    assert "give a rule" in refused.output


def simulated(client: Client, count: int, tenant: str = "acme", **members: str) -> dict[str, Any]:
    """What a limit would do."""
    answer = client.as_admin("POST", SIMULATE, tenant, json={"max_sessions": {"count": count, **members}})
    assert answer.status_code == 200, answer.text
    return cast("dict[str, Any]", answer.json())


def test_what_would_end_is_what_ends_at_the_next_sign_in(client: Client) -> None:
    made(client, 5)
    made(client, 2, user=OTHER)
    made(client, 4, user=OTHER, app="web")

    found = {count: simulated(client, count, per="user_app")["would_end_now"] for count in (1, 3, 5)}
    assert [(one["sessions"], one["users"]) for one in found.values()] == [(4 + 1 + 3, 2), (2 + 1, 2), (0, 0)]
    assert all(one["by_rule"]["max_sessions"] == one["sessions"] for one in found.values())
    assert simulated(client, 1, on_limit="deny")["would_end_now"]["sessions"] == 0
    assert (len(ids(client)), len(ids(client, OTHER))) == (5, 6)
    assert client.as_admin("GET", POLICY).json() == {"version": 0}

    limit(client, 3, per="user_app")
    for user, app, ended in (("usr_abc123", None, 2), (OTHER, "web", 1)):
        before = set(ids(client, user))
        assert sign_in(client, user, app=app).status_code == 201
        assert len(before - set(ids(client, user))) == ended + 1, "so many, and one for the new session"


def test_sign_ins_that_would_have_been_denied_are_counted(client: Client) -> None:
    first = made(client, 2)
    client.internal("DELETE", f"/internal/session/{first[0]}")
    client.clock.advance(seconds=1)
    made(client, 2)
    client.create(OTHER)

    denied = simulated(client, 2, on_limit="deny")["would_deny"]
    assert (denied["sign_ins"], denied["users"], denied["ended_for_others"]) == (1, 1, 0)
    ending = simulated(client, 2, on_limit="end_oldest")["would_deny"]
    assert (ending["sign_ins"], ending["users"], ending["ended_for_others"]) == (0, 0, 1)
    assert (denied["basis"], denied["since"]) == ("sessions_kept", "2026-03-16T08:00:05.000Z")
    nothing = client.as_admin("POST", SIMULATE, json={}).json()
    assert (nothing["would_end_now"]["sessions"], nothing["would_deny"]["sign_ins"]) == (0, 0)


@ON_SQLITE
def test_a_simulation_goes_back_as_far_as_sessions_are_kept(start: Start) -> None:
    client = start(SOJOURN_SESSION_RETENTION="24h")
    made(client, 3)
    client.clock.advance(hours=23, minutes=59)
    assert simulated(client, 1, on_limit="deny")["would_deny"]["sign_ins"] == 2
    client.clock.advance(hours=1)
    found = simulated(client, 1, on_limit="deny")
    assert found["would_deny"]["sign_ins"] == 0
    assert found["would_deny"]["since"] > (START + timedelta(minutes=59)).isoformat()


@ON_SQLITE
def test_a_simulation_is_of_its_tenant(client: Client) -> None:
    made(client, 2)
    client.create(tenant="globex")

    assert simulated(client, 1, "globex")["would_end_now"]["sessions"] == 0
    assert simulated(client, 1, "globex")["counted"] == {"sessions": 1, "users": 1, "complete": True}
    assert client.as_admin("POST", SIMULATE, "nowhere", json={}).json()["i18n_key"] == "error.tenant_not_found"
    assert client.as_user("POST", SIMULATE, "usr_abc123", json={}).status_code == 403


@ON_SQLITE
def test_a_simulation_that_stopped_says_so(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    made(client, 3, user="usr_a")
    made(client, 3, user="usr_b")
    monkeypatch.setattr(policy_simulations.simulate, "__kwdefaults__", {"most": 5})

    found = simulated(client, 1)
    assert found["counted"] == {"sessions": 3, "users": 1, "complete": False}
    assert found["would_end_now"]["sessions"] == 2


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    steps=STEPS,
    most=st.integers(1, 3),
    per=st.sampled_from(["user", "user_app"]),
    on_limit=st.sampled_from(["deny", "end_oldest", "end_idlest"]),
    timeouts=st.fixed_dictionaries(
        {}, optional={name: st.sampled_from(["10m", "30m", "50m"]) for name in ("idle_timeout", "absolute_timeout")}
    ),
)
def test_what_is_foretold_is_what_happens(
    client: Client,
    steps: list[tuple[str, str, str | None]],
    most: int,
    per: str,
    on_limit: str,
    timeouts: dict[str, str],
) -> None:
    """One history in two tenants: one is asked afterwards, the other had the policy from the beginning."""
    without, within = (f"tenant_{next(TENANTS)}" for _ in range(2))
    policy = {"max_sessions": {"count": most, "per": per, "on_limit": on_limit}, **timeouts}
    for tenant in (without, within):
        client.create("usr_first", tenant=tenant)
    assert client.as_admin("PUT", POLICY, within, json=policy).status_code == 200
    denied, ended, lost = _happened(client, steps, without=without, within=within)

    told = client.as_admin("POST", SIMULATE, without, json=policy).json()
    assert (told["would_deny"]["sign_ins"], told["would_deny"]["users"]) == (len(denied), len(set(denied)))
    assert told["would_deny"]["ended_for_others"] == ended
    assert lost == 0

    was_open, ended_first = _in_scopes(client, without, per), _timed_out(client, without)
    assert client.as_admin("PUT", POLICY, without, json=policy).status_code == 200
    before = _in_scopes(client, without, per)
    over = {user: _open(was_open, user) - _open(before, user) for user in USERS}
    paths = [f"/internal/session/{key}" for key in set().union(*over.values())]
    codes = Counter(client.internal("GET", path, without).json()["session"]["reason_code"] for path in paths)
    rules = dict(told["would_end_now"]["by_rule"])
    above = rules.pop("max_sessions")
    first = _timed_out(client, without) - ended_first
    assert rules == {rule: codes[rule] + first[rule] for rule in rules}, "time-outs end these at once, a limit none"
    for user, app in before:
        sign_in(client, user, app=app, tenant=without)
    after = _in_scopes(client, without, per)
    gone = {scope: len(before[scope] - after[scope]) for scope in before}
    full = [scope for scope in before if len(before[scope]) >= most and on_limit != "deny"]
    assert sum(gone.values()) == above + len(full), "and one for each new session"
    concerned = {user for user, app in full if len(before[user, app]) > most} | {user for user in USERS if over[user]}
    assert told["would_end_now"]["users"] == len(concerned) + bool(first.total())
    assert told["would_end_now"]["sessions"] == above + sum(rules.values())


def _open(scopes: dict[tuple[str, str | None], set[str]], user: str) -> set[str]:
    return set().union(*(found for (other, _), found in scopes.items() if other == user))


def _timed_out(client: Client, tenant: str) -> Counter[str]:
    """By which time-out the session ended that made the tenant."""
    path = "/admin/sessions?user_id=usr_first&status=expired"
    return Counter(item["reason_code"] for item in client.as_admin("GET", path, tenant).json()["items"])


def _happened(
    client: Client, steps: list[tuple[str, str, str | None]], *, without: str, within: str
) -> tuple[list[str], int, int]:
    """Whose sign-ins were denied, how many sessions ended for others, and how many sign-ins failed without a policy."""
    made_by: dict[str, list[tuple[str, str | None]]] = {user: [] for user in USERS}
    denied, lost = [], 0
    for what, user, app in steps:
        if what == "wait":
            client.clock.advance(minutes=20)
        elif what == "begin":
            answers = [sign_in(client, user, app=app, tenant=tenant) for tenant in (without, within)]
            lost += answers[0].status_code != 201
            found = [one.json()["data"]["session"]["id"] if one.status_code == 201 else None for one in answers]
            denied += [user] if answers[1].status_code == 409 else []
            made_by[user].append((found[0], found[1]))
        elif made_by[user]:
            for tenant, session in zip((without, within), made_by[user].pop(0), strict=True):
                if session is not None:
                    client.internal("DELETE", f"/internal/session/{session}", tenant)
        client.clock.advance(seconds=1)
    told = client.internal("GET", "/internal/events?types=session.ended&limit=500", within).json()["items"]
    return denied, sum(event["data"]["reason_code"] == "session_limit" for event in told), lost


def _in_scopes(client: Client, tenant: str, per: str) -> dict[tuple[str, str | None], set[str]]:
    """The open sessions that are counted together."""
    found: dict[tuple[str, str | None], set[str]] = {}
    for user in USERS:
        path = f"/internal/session/sessions/{user}?page_size=100"
        for item in client.internal("GET", path, tenant).json()["items"]:
            app = item.get("app_id") if per == "user_app" else None
            found.setdefault((user, app), set()).add(item["id"])
    return found
