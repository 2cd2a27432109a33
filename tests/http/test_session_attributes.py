"""What is said of a session when it begins is shown wherever the session is: factors, name, metadata, network."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from mmdb_writer import MMDBWriter
from netaddr import IPSet  # type: ignore[import-untyped]

from tests.conftest import on_sqlite
from tests.http.conftest import API_KEY, Client
from tests.http.test_refresh import claims
from tests.http.test_session_filters import ids
from tests.http.tokens import sign_in

SAID = {
    "amr": ["pwd"],
    "factors": [
        {"method": "pwd", "verified_at": "2026-04-15T07:30:00Z"},
        {"method": "otp"},
        {"method": "pwd", "verified_at": "2026-04-15T07:10:00Z"},
    ],
    "authenticated_at": "2026-04-15T09:45:00+02:00",
    "name": "Work laptop",
    "metadata": {"office": "berlin-3", "ünïcode": "\u0007 \u2028", "": ""},
    "impersonator": "usr_support",
}
SHOWN = {
    "amr": "pwd,otp",
    "factors": [
        {"method": "pwd", "verified_at": "2026-04-15T07:30:00.000Z"},
        {"method": "otp", "verified_at": "2026-04-15T07:45:00.000Z"},
    ],
    "authenticated_at": "2026-04-15T07:45:00.000Z",
    "name": "Work laptop",
    "metadata": SAID["metadata"],
    "impersonator": "usr_support",
}
USER = "usr_abc123"


def of(session: dict[str, Any]) -> dict[str, Any]:
    return {name: session.get(name) for name in SHOWN}


def test_what_was_said_of_a_session_is_read_in_every_view(client: Client) -> None:
    made = client.create(device_id="d1", **SAID)
    path = f"/sessions/{made['id']}"
    export = client.internal("POST", "/internal/session/export-user-data", json={"user_id": USER}).json()
    views = [
        made,
        client.internal("GET", f"/internal/session/{made['id']}").json()["session"],
        client.as_user("GET", path, USER).json()["session"],
        client.as_admin("GET", path).json()["session"],
        client.internal("GET", f"/internal/session/sessions/{USER}").json()["items"][0],
        client.as_user("GET", f"/sessions?auth_user_id={USER}", USER).json()["items"][0],
        client.as_user("GET", "/sessions/devices", USER).json()["items"][0]["newest"],
        client.as_admin("GET", "/admin/sessions").json()["items"][0],
        client.as_admin("GET", "/admin/sessions?limit=1").json()["items"][0],
        export["sessions"][0],
    ]

    assert [of(view) for view in views] == [SHOWN] * len(views)
    listed = client.as_admin("GET", "/admin/sessions?fields=name,metadata,factors").json()["items"][0]
    assert {name for name in SHOWN if name in listed} == {"name", "metadata", "factors", "authenticated_at"}


@on_sqlite
def test_the_first_tokens_say_what_was_said_of_the_sign_in(client: Client) -> None:
    said = claims(sign_in(client, **SAID)["tokens"]["access_token"])

    assert (said["auth_time"], said["amr"], said["act"]) == (1776239100, ["pwd", "otp"], {"sub": "usr_support"})


@on_sqlite
def test_a_session_may_end_sooner_and_never_later_than_the_service_allows(client: Client) -> None:
    day, idle = "2026-04-16T08:00:00.000Z", "2026-04-15T12:00:00.000Z"
    ends = {"1s": ("2026-04-15T08:00:01.000Z",) * 2, "5h": ("2026-04-15T13:00:00.000Z", idle), "24h": (day, idle)}
    for said, end in ends.items() | {("999999999999h", (day, idle))}:
        made = client.create(expires_in=said)

        assert (made["expires_at"], made["idle_expires_at"]) == end, said
    client.create("usr_short", expires_in="10m")
    client.clock.advance(minutes=10)
    assert client.internal("GET", "/internal/session/sessions/usr_short/active").json()["active"] is False


@on_sqlite
def test_activity_moves_no_session_past_the_end_that_was_asked_for(client: Client) -> None:
    made = client.create(expires_in="5h")
    client.clock.advance(hours=2)
    assert client.internal("POST", f"/internal/session/{made['id']}/activity").status_code == 200

    assert client.as_admin("GET", f"/sessions/{made['id']}").json()["session"]["idle_expires_at"] == made["expires_at"]


REFUSED: tuple[tuple[dict[str, Any], str, str], ...] = (
    ({"authenticated_at": "2026-04-15T08:00:06Z"}, "authenticated_at", "maximum"),
    ({"authenticated_at": "0001-01-01T00:00:00+14:00"}, "authenticated_at", "minimum"),
    ({"factors": [{"method": "otp", "verified_at": "2026-04-15T08:00:06Z"}]}, "factors[0].verified_at", "maximum"),
    ({"factors": []}, "factors", "min_items"),
    ({"factors": [{"verified_at": "2026-04-15T08:00:00Z"}]}, "factors[0].method", "required"),
    ({"factors": [{"method": f"m{number}"} for number in range(16)], "amr": ["pwd"]}, "amr", "max_items"),
    ({"expires_in": "999ms"}, "expires_in", "minimum"),
    ({"expires_in": "a day"}, "expires_in", "pattern"),
    ({"metadata": {f"m{number}": "" for number in range(17)}}, "metadata", "max_properties"),
    ({"metadata": {"m": "x" * 257}}, "metadata.m", "max_length"),
    ({"metadata": {"m": 1}}, "metadata.m", "type"),
    ({"name": " "}, "name", "pattern"),
    ({"impersonator": ""}, "impersonator", "min_length"),
)


@on_sqlite
def test_what_cannot_be_of_a_session_is_refused(client: Client) -> None:
    for said, field, code in REFUSED:
        response = client.internal("POST", "/internal/session/create", json={"auth_user_id": USER, **said})

        assert response.status_code == 400
        assert (field, code) in {(one["field"], one["code"]) for one in response.json()["errors"]}
    assert client.as_admin("GET", "/admin/sessions").status_code == 404  # nothing was made, the tenant neither


@on_sqlite
def test_a_sign_in_from_before_the_users_end_begins_nothing(client: Client) -> None:
    client.create()
    client.internal("DELETE", f"/internal/session/session/user/{USER}")
    client.clock.advance(minutes=1)

    late = client.internal(
        "POST", "/internal/session/create", json={"auth_user_id": USER, "authenticated_at": "2026-04-15T07:59:59Z"}
    )
    assert (late.status_code, late.json()["i18n_key"]) == (409, "error.sign_in_superseded")
    client.create(authenticated_at="2026-04-15T08:00:30Z")


@on_sqlite
def test_only_a_service_says_when_and_by_whom_and_a_user_says_no_more_than_a_name(client: Client) -> None:
    for name in ("authenticated_at", "impersonator"):
        body = {"auth_user_id": USER, name: SAID[name]}
        response = client.as_admin("POST", "/sessions", json=body)
        assert (response.status_code, response.json()["i18n_args"]["members"]) == (403, name)
    begun = client.as_admin("POST", "/sessions", json={"auth_user_id": USER, "metadata": {"a": "b"}})
    assert begun.json()["session"]["metadata"] == {"a": "b"}

    for name in ("authenticated_at", "impersonator", "factors", "metadata"):
        body = {"auth_user_id": USER, name: SAID[name]}
        response = client.as_user("POST", "/sessions", USER, json=body)
        assert (response.status_code, response.json()["i18n_args"]["members"]) == (403, name)
    own = client.as_user("POST", "/sessions", USER, json={"auth_user_id": USER, "name": "Phone", "expires_in": "1h"})
    assert own.status_code == 201, own.text
    assert own.json()["session"]["name"] == "Phone"


def test_a_session_that_is_raised_says_when_each_method_was_verified(client: Client) -> None:
    made = client.create(amr=["pwd"])
    client.clock.advance(minutes=1)
    path = f"/internal/session/{made['id']}"
    client.internal("POST", f"{path}/elevate", json={"amr": ["otp"], "verified_at": "2026-04-15T08:00:30Z"})
    client.as_admin("POST", f"/sessions/{made['id']}/upgrade-mfa")

    assert client.internal("GET", path).json()["session"]["factors"] == [
        {"method": "pwd", "verified_at": "2026-04-15T08:00:00.000Z"},
        {"method": "otp", "verified_at": "2026-04-15T08:00:30.000Z"},
        {"method": "mfa", "verified_at": "2026-04-15T08:01:00.000Z"},
    ]


def test_sessions_show_their_network_and_are_found_by_it(start: Callable[..., Client], tmp_path: Path) -> None:
    writer = MMDBWriter(database_type="GeoLite2-ASN")
    last, name = 2**32 - 1, "autonomous_system_organization"
    writer.insert_network(IPSet(["203.0.113.0/24"]), {"autonomous_system_number": 64500, name: "Example Networks"})
    writer.insert_network(IPSet(["198.51.100.0/24"]), {"autonomous_system_number": last})
    writer.to_db_file(str(tmp_path / "networks.mmdb"))
    client = start(SOJOURN_ASN_DATABASE=str(tmp_path / "networks.mmdb"))
    there, here, nowhere = (client.create(ip=ip) for ip in ("203.0.113.7", "198.51.100.7", "192.0.2.7"))

    assert [(one.get("asn"), one.get("as_org")) for one in (there, here, nowhere)] == [
        (64500, "Example Networks"),
        (last, None),
        (None, None),
    ]
    assert ids(client, "asn=64500") == [there["id"]]
    assert ids(client, f"asn={last}&limit=1") == [here["id"]]
    assert ids(client, "asn=0") == []
    assert client.as_admin("GET", "/admin/sessions?asn=-1").status_code == 400


def path_of(session: dict[str, Any]) -> str:
    return f"/internal/session/{session['id']}"


def test_a_user_names_a_session_and_nobody_elses(client: Client) -> None:
    made = client.create(metadata={"office": "berlin-3"})
    path = f"/sessions/{made['id']}"

    named = client.as_user("PATCH", path, USER, json={"name": "Phone"})
    assert (named.status_code, named.json()["session"]) == (200, made | {"name": "Phone"})
    assert client.as_admin("PATCH", path, json={"name": "Laptop"}).json()["session"]["name"] == "Laptop"
    assert client.as_user("PATCH", path, "usr_other", json={"name": "Mine"}).status_code == 403
    assert client.as_admin("PATCH", path, "noise", json={"name": "Ours"}).status_code == 404
    for body in ({}, {"name": ""}, {"metadata": {}}, {"name": "a", "metadata": {}}):
        assert client.as_user("PATCH", path, USER, json=body).status_code == 400
    assert client.as_user("GET", path, USER).json()["session"] == made | {"name": "Laptop"}


def test_a_service_changes_only_what_it_has_read(client: Client) -> None:
    made = client.create(name="Phone")
    path = path_of(made)
    read = client.internal("GET", path)
    tag = {"If-Match": read.headers["etag"]}

    described = client.internal("PATCH", path, headers=tag, json={"metadata": {"a": "b"}})
    assert (described.status_code, described.json()["session"]["name"]) == (200, "Phone")
    late = client.internal("PATCH", path, headers=tag, json={"name": "late"})
    assert (late.status_code, late.json()["i18n_key"]) == (412, "error.precondition_failed")
    weak = {"If-Match": f"W/{client.internal('GET', path).headers['etag']}"}
    assert client.internal("PATCH", path, headers=weak, json={"name": "weak"}).status_code == 412
    listed = {"If-Match": f'"other", {client.internal("GET", path).headers["etag"]}'}
    for condition in (listed, {"If-Match": "*"}, {}):
        done = client.internal("PATCH", path, headers=condition, json={"name": "Tablet", "metadata": {}})
        assert done.status_code == 200, condition
    shown = client.internal("GET", path).json()["session"]
    assert (shown["name"], "metadata" in shown) == ("Tablet", False)
    assert client.internal("PATCH", path, "noise", json={"name": "theirs"}).status_code == 404
    assert client.internal("PATCH", path, json={}).status_code == 400


def test_of_changes_to_what_was_read_at_once_one_is_made(client: Client) -> None:
    path = path_of(client.create())
    headers = {"X-API-Key": API_KEY, "X-Tenant-ID": "acme", "If-Match": client.internal("GET", path).headers["etag"]}
    asked = [("PATCH", path, {"headers": headers, "json": {"name": f"n{number}"}}) for number in range(9)]

    assert sorted(answer.status_code for answer in client.gather(*asked)) == [200] + [412] * 8


def test_who_has_read_a_session_is_sent_nothing_while_it_is_the_same(client: Client) -> None:
    path = path_of(client.create())
    had = {"If-None-Match": client.internal("GET", path).headers["etag"]}

    again = client.internal("GET", path, headers=had)
    assert (again.status_code, again.content) == (304, b"")
    client.internal("PATCH", path, json={"name": "Phone"})
    assert client.internal("GET", path, headers=had).status_code == 200
