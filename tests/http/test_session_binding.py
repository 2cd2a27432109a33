"""Sessions that a tenant binds to the country or the network they began in."""

import json
import logging
from collections.abc import Callable
from itertools import count as counting
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mmdb_writer import MMDBWriter
from netaddr import IPSet  # type: ignore[import-untyped]

from sojourn.cli import sojourn
from tests.http.conftest import API_KEY, Client
from tests.http.test_session_policies import ON_SQLITE, POLICY

Start = Callable[..., Client]
USER = "usr_abc123"
TURKU, OULU, BERLIN, HERE_NOT_WHOSE, WHOSE_NOT_WHERE, NOWHERE = (f"203.0.{n}.7" for n in range(6))
PLACES: dict[str | None, dict[str, Any]] = {
    TURKU: {"asn": 64500, "country": "FI"},
    OULU: {"asn": 64501, "country": "FI"},
    BERLIN: {"asn": 64502, "country": "DE"},
    HERE_NOT_WHOSE: {"country": "DE"},
    WHOSE_NOT_WHERE: {"asn": 64502},
    NOWHERE: {},
    None: {},
}
ADDRESSES = st.sampled_from(list(PLACES))
RULES = st.sampled_from(["off", "report", "end"])
BINDINGS = st.fixed_dictionaries({}, optional={"asn": RULES, "country": RULES})
STEPS = st.lists(st.one_of(ADDRESSES, ADDRESSES, BINDINGS), min_size=3, max_size=10)
TENANTS = counting(1)


def files_of_places(folder: Path) -> dict[str, str]:
    """Settings with files, made in `folder`, that know where some addresses are."""
    cities, networks = MMDBWriter(database_type="GeoLite2-City"), MMDBWriter(database_type="GeoLite2-ASN")
    for ip, place in PLACES.items():
        network = IPSet([f"{ip}/32"]) if place else None
        if "country" in place:
            cities.insert_network(network, {"city": {"names": {"en": "C"}}, "country": {"iso_code": place["country"]}})
        if "asn" in place:
            networks.insert_network(network, {"autonomous_system_number": place["asn"]})
    paths = {"SOJOURN_GEOIP_DATABASE": folder / "cities.mmdb", "SOJOURN_ASN_DATABASE": folder / "networks.mmdb"}
    for writer, path in zip((cities, networks), paths.values(), strict=True):
        writer.to_db_file(str(path))
    return {name: str(path) for name, path in paths.items()}


@pytest.fixture
def client(start: Start, tmp_path: Path) -> Client:
    """The application with those files."""
    return start(**files_of_places(tmp_path))


@pytest.fixture
def moves(caplog: pytest.LogCaptureFixture) -> Callable[[str], list[tuple[str, str, str]]]:
    """What was recorded of a session: the outcome, what has changed, and the address."""
    caplog.set_level(logging.INFO, logger="sojourn.security")

    def recorded(session: str) -> list[tuple[str, str, str]]:
        found = [vars(record) for record in caplog.records if record.message == "session.moved"]
        return [(one["outcome"], one["changed"], one["ip"]) for one in found if one["session_id"] == session]

    return recorded


def bind(client: Client, tenant: str = "acme", **rules: str) -> Any:
    """Set the binding; the policy as it is shown."""
    answer = client.as_admin("PUT", POLICY, tenant, json={"bind": rules})
    assert answer.status_code == 200, answer.text
    return answer.json()


def use(client: Client, session: str, ip: str | None, tenant: str = "acme") -> Any:
    """What a use of a session is answered, a second after the one before."""
    client.clock.advance(seconds=1)
    body = None if ip is None else {"ip": ip}
    return client.internal("POST", f"/internal/session/{session}/activity", tenant, json=body)


def ends(client: Client, tenant: str = "acme") -> list[tuple[str, str, str]]:
    """The ends that were told: the session, why, and what kind of caller did it."""
    items = client.internal("GET", "/internal/events?types=session.ended&limit=500", tenant).json()["items"]
    return [tuple(one["data"][name] for name in ("session_id", "reason_code", "initiated_by")) for one in items]


@ON_SQLITE
def test_a_binding_is_set_read_and_taken_away(client: Client) -> None:
    client.create()
    for version, rules in enumerate(({"country": "end"}, {"asn": "off"}, {"asn": "report", "country": "off"}), 1):
        shown = bind(client, **rules)
        assert shown == bind(client, **rules) == client.as_admin("GET", POLICY).json()
        assert shown == {"version": version, "bind": rules}
    assert bind(client) == {"version": 4}
    limited = {"max_sessions": {"count": 3, "per": "user", "on_limit": "deny"}, "bind": {"asn": "end"}}
    assert client.as_admin("PUT", POLICY, json=limited).json() == {"version": 5, **limited}
    assert client.as_admin("DELETE", POLICY).status_code == 204
    assert client.as_admin("GET", POLICY).json() == {"version": 6}


@ON_SQLITE
def test_the_command_sets_and_shows_what_the_operation_does(client: Client) -> None:
    client.create()

    def run(*arguments: str) -> Any:
        command = ["policy", *arguments, "--tenant", "acme", "--database-url", client.url]
        return CliRunner().invoke(sojourn, command)

    done = run("set", "--bind-country", "end", "--bind-asn", "report")
    assert done.stdout == "version 1: bind asn report; bind country end\n", done.output
    assert client.as_admin("GET", POLICY).json() == {"version": 1, "bind": {"asn": "report", "country": "end"}}
    assert json.loads(run("show", "--json").stdout) == client.as_admin("GET", POLICY).json()
    limited = run("set", "--max-sessions", "3", "--bind-asn", "off").stdout
    assert limited == "version 2: max sessions 3 per user, on limit end_idlest; bind asn off\n"
    assert "give a rule" in run("set").output
    assert "give a rule" in run("simulate").output
    assert client.as_admin("GET", POLICY).json()["version"] == 2


@ON_SQLITE
def test_another_rule_is_refused(client: Client) -> None:
    client.create()
    for bad in ({"country": "deny"}, {"city": "end"}, {"asn": 64500}, {"asn": None}, "end", None):
        for path, method in ((POLICY, "PUT"), (f"{POLICY}/simulations", "POST")):
            refused = client.as_admin(method, path, json={"bind": bad})
            assert refused.status_code == 400, bad
            assert all(one["field"].startswith("bind") for one in refused.json()["errors"])
    assert client.as_admin("GET", POLICY).json() == {"version": 0}


def test_a_use_from_another_country_ends_the_session_and_is_refused_as_one_of_an_ended_session(
    client: Client, moves: Any
) -> None:
    made, other, gone = (client.create(ip=TURKU)["id"] for _ in range(3))
    assert use(client, made, BERLIN).status_code == 200
    client.internal("DELETE", f"/internal/session/{gone}")
    bind(client, country="end")

    assert use(client, made, OULU).status_code == 200
    refused, ended = use(client, made, BERLIN), use(client, gone, BERLIN)

    differing = {"instance", "request_id", "trace_id", "span_id", "timestamp"}
    documents = [{k: v for k, v in one.json().items() if k not in differing} for one in (refused, ended)]
    assert (refused.status_code, documents[0]) == (404, documents[1])
    assert use(client, made, TURKU).status_code == 404
    shown = client.internal("GET", f"/internal/session/{made}").json()["session"]
    assert (shown["status"], shown["reason_code"], shown["last_ip"]) == ("revoked", "binding_violated", OULU)
    assert ends(client)[1:] == [(made, "binding_violated", "policy")]
    assert moves(made) == [("ended", "country", BERLIN)]
    assert use(client, other, None).status_code == 200


@ON_SQLITE
def test_a_move_is_reported_once_for_each_change(client: Client, moves: Any) -> None:
    made = client.create(ip=TURKU)["id"]
    bind(client, country="report", asn="report")

    for ip in (TURKU, BERLIN, BERLIN, None, BERLIN, TURKU, OULU, BERLIN, NOWHERE, OULU):
        assert use(client, made, ip).status_code == 200

    expected = [("asn,country", BERLIN), ("asn", OULU), ("asn,country", BERLIN), ("asn", OULU)]
    assert moves(made) == [("reported", *one) for one in expected]
    assert client.internal("GET", f"/internal/session/{made}").json()["session"]["last_ip"] == OULU
    assert ends(client) == []


def test_two_uses_at_once_from_elsewhere_are_one_end_or_one_report(client: Client, moves: Any) -> None:
    headers = {"X-API-Key": API_KEY, "X-Tenant-ID": "acme"}
    for rule, status, outcome in (("end", 404, "ended"), ("report", 200, "reported")):
        made = client.create(ip=TURKU)["id"]
        bind(client, country=rule)
        body = {"headers": headers, "json": {"ip": BERLIN}}

        answers = client.gather(*[("POST", f"/internal/session/{made}/activity", body)] * 8)

        assert {one.status_code for one in answers} == {status}
        assert moves(made) == [(outcome, "country", BERLIN)]
        assert [one[0] for one in ends(client)].count(made) == (rule == "end")


@ON_SQLITE
def test_a_simulation_takes_a_binding_and_counts_nothing_for_it(client: Client) -> None:
    made = [client.create(ip=TURKU)["id"] for _ in range(3)]
    use(client, made[0], BERLIN)
    limit = {"max_sessions": {"count": 1}}

    plain, bound = (
        client.as_admin("POST", f"{POLICY}/simulations", json={**limit, **more}).json()
        for more in ({}, {"bind": {"country": "end", "asn": "end"}})
    )

    assert bound == plain
    assert plain["would_end_now"]["by_rule"]["max_sessions"] == 2
    assert "bind" not in plain["would_end_now"]["by_rule"]


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=ADDRESSES, steps=STEPS)
def test_whatever_happens_is_what_the_rules_say(
    client: Client, moves: Any, first: str | None, steps: list[str | dict[str, str] | None]
) -> None:
    tenant = f"tnt-{next(TENANTS)}"
    made = client.create(USER, tenant, **({} if first is None else {"ip": first}))["id"]
    rules: dict[str, str] = {}
    expected: list[tuple[str, str, str]] = []
    last, is_active = first, True
    for step in steps:
        if isinstance(step, dict):
            rules = step
            bind(client, tenant, **rules)
            continue
        others = [name for name, value in PLACES[step].items() if PLACES[first].get(name, value) != value]
        ending = [name for name in others if rules.get(name) == "end"]
        told = [n for n in others if rules.get(n) == "report" and PLACES[last].get(n) != PLACES[step][n]]
        if is_active and step is not None and (ending or told):
            outcome = ("ended", ",".join(ending), step) if ending else ("reported", ",".join(told), step)
            expected.append(outcome)
        is_active = is_active and not ending
        last = step or last
        assert use(client, made, step, tenant).status_code == (200 if is_active else 404)
    assert moves(made) == expected
    assert ends(client, tenant) == ([] if is_active else [(made, "binding_violated", "policy")])
