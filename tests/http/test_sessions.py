"""Sessions over HTTP: created, listed, checked, kept alive and ended, with deadlines on a frozen clock."""

import pytest

from tests.http.conftest import Client

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/123.0.0.0 Safari/537.36"
)


def test_a_created_session_has_both_deadlines_and_every_fact_it_was_given(client: Client) -> None:
    session = client.create(
        amr=["password", "totp"], device_id="dev_abc123", ip="192.168.1.1", user_agent=CHROME, username="john.doe"
    )

    assert session == {
        "id": session["id"],
        "tenant_id": "acme",
        "user_id": "usr_abc123",
        "status": "active",
        "created_at": "2026-04-15T08:00:00.000Z",
        "authenticated_at": "2026-04-15T08:00:00.000Z",
        "last_active_at": "2026-04-15T08:00:00.000Z",
        "idle_expires_at": "2026-04-15T12:00:00.000Z",
        "expires_at": "2026-04-16T08:00:00.000Z",
        "amr": "password,totp",
        "device_id": "dev_abc123",
        "device_type": "desktop",
        "browser": "Chrome 123",
        "os": "Windows 10",
        "ip": "192.168.1.1",
        "user_agent": CHROME,
    }


def test_what_the_caller_says_of_the_device_wins_over_the_user_agent(client: Client) -> None:
    assert client.create(user_agent=CHROME, device_type="kiosk")["device_type"] == "kiosk"


def test_a_user_has_the_active_sessions_newest_first_a_page_at_a_time(client: Client) -> None:
    ids = []
    for _ in range(5):
        ids.append(client.create()["id"])
        client.clock.advance(seconds=1)

    answer = client.internal("GET", "/internal/session/sessions/usr_abc123?page=2&page_size=2").json()

    assert [item["id"] for item in answer["items"]] == [ids[2], ids[1]]
    assert answer["code"] == 0
    assert answer["total"] == 5
    assert answer["pagination"] == {
        "page": 2,
        "page_size": 2,
        "total": 5,
        "total_pages": 3,
        "has_next": True,
        "has_prev": True,
    }


def test_a_page_past_the_end_is_empty(client: Client) -> None:
    client.create()

    answer = client.internal("GET", "/internal/session/sessions/usr_abc123?page=2147483647").json()

    assert answer["items"] == []
    assert answer["total"] == 1


@pytest.mark.parametrize("path", ["/internal/session/sessions/nobody", "/internal/session/sessions/nobody/active"])
@pytest.mark.parametrize("tenant", ["acme", "no-such-tenant"])
def test_an_unknown_user_or_tenant_is_an_empty_answer(client: Client, path: str, tenant: str) -> None:
    answer = client.internal("GET", path, tenant)

    assert answer.status_code == 200
    assert answer.json().get("total", answer.json().get("session_count")) == 0


@pytest.mark.parametrize("user", ["usr_abc123", "auth0|65f1/x", "ann@example.org", "Zoë Ångström", "a" * 255])
def test_any_form_of_user_id_passes_through(client: Client, user: str) -> None:
    from urllib.parse import quote

    client.create(user)
    answer = client.internal("GET", f"/internal/session/sessions/{quote(user, safe='')}/active").json()

    assert answer == {"active": True, "session_count": 1}


def test_a_session_ends_at_its_idle_deadline_exactly(client: Client) -> None:
    client.create()

    client.clock.advance(hours=4, milliseconds=-1)
    before = client.internal("GET", "/internal/session/sessions/usr_abc123/active").json()
    client.clock.advance(milliseconds=1)
    after = client.internal("GET", "/internal/session/sessions/usr_abc123/active").json()

    assert (before, after) == ({"active": True, "session_count": 1}, {"active": False, "session_count": 0})


def test_activity_moves_the_idle_deadline_and_never_the_absolute_one(client: Client) -> None:
    session = client.create()
    for _ in range(7):
        client.clock.advance(hours=3, minutes=20)
        assert client.as_user("POST", f"/sessions/{session['id']}/activity", "usr_abc123").status_code == 200
    moved = client.as_user("GET", f"/sessions/{session['id']}", "usr_abc123").json()["session"]

    assert moved["expires_at"] == session["expires_at"] == moved["idle_expires_at"]
    assert moved["last_active_at"] == "2026-04-16T07:20:00.000Z"

    client.clock.advance(minutes=40)
    assert client.as_user("POST", f"/sessions/{session['id']}/activity", "usr_abc123").status_code == 404
    assert client.as_user("GET", f"/sessions/{session['id']}", "usr_abc123").json()["session"]["status"] == "expired"


def test_a_revoked_session_is_revoked_everywhere_at_once_and_for_good(client: Client) -> None:
    session = client.create()

    answer = client.as_user("DELETE", f"/sessions/{session['id']}", "usr_abc123", json={"reason": "signed out"})

    assert (answer.status_code, answer.content) == (204, b"")
    assert client.as_user("DELETE", f"/sessions/{session['id']}", "usr_abc123").status_code == 204
    assert client.as_user("POST", f"/sessions/{session['id']}/activity", "usr_abc123").status_code == 404
    shown = client.as_user("GET", f"/sessions/{session['id']}", "usr_abc123").json()["session"]
    assert shown["status"] == "revoked"
    assert client.internal("GET", "/internal/session/sessions/usr_abc123").json()["total"] == 0
    assert client.internal("GET", "/internal/session/sessions/usr_abc123/active").json()["active"] is False


def test_all_sessions_of_a_user_end_together_and_nobody_elses(client: Client) -> None:
    client.create()
    client.create()
    client.create("usr_other")

    answer = client.internal("DELETE", "/internal/session/session/user/usr_abc123")

    assert answer.json()["code"] == 0
    assert client.internal("GET", "/internal/session/sessions/usr_abc123/active").json()["session_count"] == 0
    assert client.internal("GET", "/internal/session/sessions/usr_other/active").json()["session_count"] == 1
    assert client.internal("GET", "/internal/session/sessions/usr_abc123/active", "noise").json()["active"] is True


def test_another_users_session_is_403_and_another_tenants_is_404(client: Client) -> None:
    session = client.create()
    path = f"/sessions/{session['id']}"

    for method, target in (("GET", path), ("DELETE", path), ("POST", f"{path}/activity")):
        assert client.as_user(method, target, "usr_other").status_code == 403
        assert client.as_user(method, target, "usr_abc123", "noise").status_code == 404
        assert client.as_admin(method, target, "noise").status_code == 404
    assert client.as_admin("GET", path).status_code == 200


@pytest.mark.parametrize("session_id", ["sess_abc123", "sess_01890a5d-ac96-774b-bcce-b302099a8057"])
def test_an_unknown_session_is_404(client: Client, session_id: str) -> None:
    assert client.as_user("GET", f"/sessions/{session_id}", "usr_abc123").status_code == 404


def test_a_tenant_is_made_on_first_use_unless_tenants_are_provisioned(start) -> None:  # type: ignore[no-untyped-def]
    client = start(SOJOURN_TENANTS_PROVISIONED="true")

    answer = client.internal("POST", "/internal/session/create", json={"auth_user_id": "u"})
    device = client.internal(
        "POST", "/internal/session/trusted-devices", json={"user_id": "u", "device_fingerprint": "f"}
    )

    assert (answer.status_code, device.status_code) == (404, 404)
    assert answer.json()["i18n_key"] == "error.tenant_not_found"


def test_a_hundred_creates_at_once_are_a_hundred_sessions(client: Client) -> None:
    headers = {"X-API-Key": "internal-key-for-the-tests-0123456789", "X-Tenant-ID": "acme"}
    create = ("POST", "/internal/session/create", {"headers": headers, "json": {"auth_user_id": "usr_many"}})

    answers = client.gather(*[create] * 100)

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["data"]["session"]["id"] for answer in answers}) == 100
    assert client.internal("GET", "/internal/session/sessions/usr_many/active").json()["session_count"] == 100
