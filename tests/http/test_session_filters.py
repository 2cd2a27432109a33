"""The filters, the walk and the members of a tenant's list of sessions, over HTTP."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from pathlib import Path

from mmdb_writer import MMDBWriter
from netaddr import IPSet  # type: ignore[import-untyped]

from tests.http.conftest import Client

LIST = "/admin/sessions"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:138.0) Gecko/20100101 Firefox/138.0"


def ids(client: Client, query: str) -> list[str]:
    answer = client.as_admin("GET", f"{LIST}?{query}")
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]


def broken(client: Client, query: str, tenant: str = "acme") -> list[tuple[str, str]]:
    answer = client.as_admin("GET", f"{LIST}?{query}", tenant)
    assert answer.status_code == 400, answer.text
    return [(error["field"], error["code"]) for error in answer.json()["errors"]]


def test_each_filter_is_heeded_and_all_of_them_together(client: Client) -> None:
    facts = {
        "app_id": "shop", "device_id": "d1", "device_type": "mobile", "device_fingerprint": "sha256:f", "amr": ["totp"],
        "ip": "192.0.2.7", "user_agent": FIREFOX,
    }  # fmt: skip
    wanted = client.create("usr_a", **facts)
    client.clock.advance(minutes=1)
    client.create("usr_b", app_id="web", ip="198.51.100.1", amr=["password"], user_agent="curl/8")
    queries = [
        "user_id=usr_a", "app_id=shop", "device_id=d1", "device_type=mobile", "device_fingerprint=sha256:f", "amr=totp",
        "ip=192.0.2.7", "ip=192.0.2.0/24", "user_agent_contains=firefox", "created_before=2026-04-15T08:01:00Z",
        "active_before=2026-04-15T08:00:30Z", "auth_time_before=2026-04-15T10:00:30%2B02:00",
    ]  # fmt: skip

    for query in queries:
        assert ids(client, query) == [wanted["id"]], query
        assert ids(client, f"{query}&limit=5") == [wanted["id"]], query
    assert ids(client, "&".join(query for query in queries if query != "ip=192.0.2.7")) == [wanted["id"]]
    assert ids(client, "app_id=shop&user_id=usr_b") == []
    assert len(ids(client, "created_after=2026-04-15T08:00:00Z&active_after=2026-04-15T08:00:00Z")) == 2


def test_sessions_are_found_by_the_country_that_they_show(start: Callable[..., Client], tmp_path: Path) -> None:
    writer = MMDBWriter(database_type="GeoLite2-City")
    for network, city, country in (("203.0.113.0/24", "Beijing", "CN"), ("198.51.100.0/24", "Turku", "FI")):
        writer.insert_network(IPSet([network]), {"city": {"names": {"en": city}}, "country": {"iso_code": country}})
    writer.to_db_file(str(tmp_path / "cities.mmdb"))
    client = start(SOJOURN_GEOIP_DATABASE=str(tmp_path / "cities.mmdb"))
    there = client.create(ip="203.0.113.7")
    here = client.create(ip="198.51.100.7")
    nowhere = client.create(ip="192.0.2.7")

    assert (there["country"], here["country"], "country" in nowhere) == ("CN", "FI", False)
    assert ids(client, "country=FI") == [here["id"]]
    assert ids(client, "country=CN&limit=1") == [there["id"]]
    assert ids(client, "country=SE") == []
    assert broken(client, "country=fi") == [("country", "pattern")]


def test_a_walk_goes_through_all_that_fit_and_its_last_step_has_no_cursor(client: Client) -> None:
    made = []
    for number in range(5):
        made.append(client.create(app_id="web" if number != 2 else "shop")["id"])
        client.clock.advance(seconds=1)
    wanted = [key for key in made if key != made[2]]

    for sort, expected in (("-created_at", wanted[::-1]), ("created_at", wanted), ("-last_active_at", wanted[::-1])):
        seen, cursor, shown = [], "", []
        while True:
            answer = client.as_admin("GET", f"{LIST}?app_id=web&sort={sort}&limit=3&count=none{cursor}").json()
            seen += [item["id"] for item in answer["items"]]
            shown.append(answer["total"])
            assert (answer["pagination"]["page"], answer["pagination"]["page_size"]) == (1, 3)
            assert answer["pagination"]["has_next"] == ("next_cursor" in answer["pagination"])
            if "next_cursor" not in answer["pagination"]:
                break
            cursor = f"&cursor={answer['pagination']['next_cursor']}"
        assert seen == expected, sort
        assert shown == [3, 4]


def test_a_cursor_without_a_limit_takes_twenty(client: Client) -> None:
    for _ in range(22):
        client.create()
    first = client.as_admin("GET", f"{LIST}?limit=1").json()["pagination"]["next_cursor"]

    answer = client.as_admin("GET", f"{LIST}?cursor={first}").json()

    assert (len(answer["items"]), answer["total"], answer["pagination"]["page_size"]) == (20, 22, 20)


def test_a_cursor_of_another_tenant_filter_or_order_is_refused(client: Client) -> None:
    for tenant in ("acme", "globex"):
        for _ in range(3):
            client.create(tenant=tenant, app_id="web")
    cursor = client.as_admin("GET", f"{LIST}?app_id=web&limit=1").json()["pagination"]["next_cursor"]

    assert len(ids(client, f"app_id=web&limit=5&cursor={cursor}")) == 2
    assert len(ids(client, f"app_id=web&fields=id&count=none&cursor={cursor}")) == 2
    for query in ("app_id=shop", "limit=1", "app_id=web&status=active", "app_id=web&sort=created_at"):
        assert broken(client, f"{query}&cursor={cursor}") == [("cursor", "foreign_cursor")], query
    assert broken(client, f"app_id=web&cursor={cursor}", "globex") == [("cursor", "foreign_cursor")]


def test_a_text_that_was_never_a_cursor_is_refused(client: Client) -> None:
    client.create()
    texts = ["null" * 4, [[[[[[[[[]]]]]]]]], 123456789012, ["1234567890123456", None, None], {"a": "b" * 9}]
    texts += [["x", *["y"] * count] for count in range(1, 7)]
    cursors = [urlsafe_b64encode(json.dumps(text).encode()).rstrip(b"=").decode() for text in texts]

    for cursor in ("a" * 16, "a" * 17, "W10" + "a" * 13, "_" * 512, *(text for text in cursors if len(text) >= 16)):
        assert broken(client, f"cursor={cursor}") == [("cursor", "foreign_cursor")], cursor


def test_a_cursor_that_says_it_looks_at_more_sessions_than_any_step_may_is_refused(client: Client) -> None:
    for _ in range(3):
        client.create()
    walk = "sort=-last_active_at&limit=1"
    cursor = client.as_admin("GET", f"{LIST}?{walk}").json()["pagination"]["next_cursor"]
    said = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    assert isinstance(said[-1], int)

    for window in (0, -1, 5_001, 10**18, True, "1000", 1e3):
        forged = urlsafe_b64encode(json.dumps([*said[:-1], window]).encode()).rstrip(b"=").decode()
        assert broken(client, f"{walk}&cursor={forged}") == [("cursor", "foreign_cursor")], window
    assert len(ids(client, f"{walk}&cursor={cursor}")) == 1


def test_a_page_and_a_walk_are_not_asked_for_together(client: Client) -> None:
    client.create()

    for one in ("limit=5", "cursor=" + "a" * 16):
        for other in ("page=1", "page_size=20"):
            assert (one.partition("=")[0], "not_together") in broken(client, f"{one}&{other}")


def test_what_is_no_filter_is_refused(client: Client) -> None:
    client.create()
    queries = [
        "ip=192.0.2.0/33", "ip=192.0.2", "ip=::/129", "ip=192.0.2.0/024", "ip=1.2.3.4/", "sort=user_id", "count=all",
        "fields=secret", "fields=id,", "created_after=yesterday", "limit=0", "limit=101", "amr=a,b", "cursor=x",
    ]  # fmt: skip

    for query in queries:
        assert {field for field, _ in broken(client, query)} == {query.partition("=")[0]}, query


def test_only_the_fields_asked_for_come_and_those_that_always_do(client: Client) -> None:
    client.create(ip="192.0.2.7", amr=["totp"], device_id="d1")
    always = {"id", "tenant_id", "user_id", "status", "created_at", "authenticated_at", "last_active_at", "expires_at",
              "idle_expires_at"}  # fmt: skip

    for fields, more in (("id", set[str]()), ("ip,amr", {"ip", "amr"}), ("revoked_at,device_id", {"device_id"})):
        (item,) = client.as_admin("GET", f"{LIST}?fields={fields}").json()["items"]
        assert set(item) == always | more


def test_pages_without_a_count_say_whether_more_are_there(client: Client) -> None:
    for _ in range(3):
        client.create()

    first = client.as_admin("GET", f"{LIST}?page_size=2&count=none").json()
    last = client.as_admin("GET", f"{LIST}?page_size=2&page=2&count=none").json()

    assert (first["total"], first["pagination"]["has_next"], first["pagination"]["has_prev"]) == (2, True, False)
    assert (last["total"], last["pagination"]["has_next"], last["pagination"]["has_prev"]) == (3, False, True)
