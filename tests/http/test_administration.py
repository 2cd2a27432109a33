"""What administrators see over HTTP: lists, numbers and `list_all_sessions`, from the same rows."""

from uuid import UUID

from tests.http.conftest import Client


def test_the_numbers_are_right_at_every_moment(client: Client) -> None:
    client.create(device_type="desktop")
    ended = client.create(device_type="mobile")
    client.create("usr_b")
    client.as_admin("DELETE", f"/sessions/{ended['id']}")

    stats = client.as_admin("GET", "/admin/sessions/stats").json()
    assert stats == {
        "user_id": "root",
        "total_sessions": 3,
        "active_sessions": 2,
        "expired_sessions": 0,
        "revoked_sessions": 1,
        "suspended_sessions": 0,
        "device_breakdown": {"desktop": 1, "mobile": 1, "unknown": 1},
        "updated_at": "2026-04-15T08:00:00.000Z",
    }

    client.clock.advance(hours=4)
    client.create("usr_c")
    stats = client.as_admin("GET", "/admin/sessions/stats").json()
    assert (stats["active_sessions"], stats["expired_sessions"], stats["revoked_sessions"]) == (1, 2, 1)


def test_sessions_of_any_status_are_found_by_user_and_status(client: Client) -> None:
    active, revoked = client.create(), client.create()
    client.create("usr_b")
    client.as_admin("DELETE", f"/sessions/{revoked['id']}")

    def ids(query: str) -> list[str]:
        return [item["id"] for item in client.as_admin("GET", f"/admin/sessions{query}").json()["items"]]

    assert len(ids("")) == 3
    assert set(ids("?user_id=usr_abc123")) == {active["id"], revoked["id"]}
    assert ids("?user_id=usr_abc123&status=revoked") == [revoked["id"]]
    assert ids("?user_id=usr_abc123&status=active") == [active["id"]]
    client.clock.advance(hours=4)
    assert ids("?user_id=usr_abc123&status=expired") == [active["id"]]


def test_the_second_products_shape_serves_the_same_rows(client: Client) -> None:
    first = client.create(username="john.doe", amr=["password"], ip="192.168.1.1", user_agent="curl/8")
    client.clock.advance(seconds=1)
    second = client.create("usr_b")

    answer = client.as_admin("GET", "/api/sessions/all").json()

    assert answer["total"] == 2
    assert [f"sess_{row['session_id']}" for row in answer["sessions"]] == [second["id"], first["id"]]
    row = answer["sessions"][1]
    assert isinstance(row["user_id"], int)
    assert UUID(row["session_id"]).version == 7
    assert {key: row[key] for key in row if key not in ("session_id", "user_id")} == {
        "username": "john.doe",
        "created_at": first["created_at"],
        "expires_at": first["expires_at"],
        "last_activity": first["last_active_at"],
        "ip_address": "192.168.1.1",
        "user_agent": "curl/8",
        "auth_method": "password",
        "is_active": True,
    }


def test_all_sessions_are_walked_with_limit_and_cursor_and_the_total_tells_the_whole_truth(client: Client) -> None:
    for _ in range(5):
        client.create()
        client.clock.advance(seconds=1)
    seen: list[str] = []
    query = "?limit=2"
    while True:
        answer = client.as_admin("GET", f"/api/sessions/all{query}").json()
        assert answer["total"] == 5
        if not answer["sessions"]:
            break
        seen += [row["session_id"] for row in answer["sessions"]]
        query = f"?limit=2&cursor={seen[-1]}"

    assert len(seen) == len(set(seen)) == 5
    assert seen == sorted(seen, reverse=True)


def test_the_numbers_of_an_unknown_tenant_are_404(client: Client) -> None:
    assert client.as_admin("GET", "/admin/sessions/stats", "nowhere").status_code == 404
    assert client.as_admin("GET", "/admin/sessions", "nowhere").status_code == 404
    assert client.as_admin("GET", "/api/sessions/all", "nowhere").json() == {"sessions": [], "total": 0}


def test_administration_asks_for_an_administrators_role(client: Client) -> None:
    for path in ("/admin/sessions/stats", "/admin/sessions", "/api/sessions/all"):
        assert client.as_user("GET", path, "usr_abc123").status_code == 403
        assert client.as_user("GET", path, "usr_abc123", roles=["security_admin"]).status_code in (200, 404)
