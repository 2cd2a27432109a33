"""How much one caller may take: what is beyond the limit goes, and exactly that, however many ask at once."""

from collections.abc import Callable
from typing import Any

import httpx
from click.testing import CliRunner

from sojourn.cli.tenants import tenant as tenants_by_hand
from tests.http.conftest import API_KEY, Client

Start = Callable[..., Client]
INTERNAL = {"X-API-Key": API_KEY, "X-Tenant-ID": "acme"}


def active(client: Client, user: str = "usr_abc123", tenant: str = "acme") -> list[str]:
    """The ids of a user's live sessions, newest first."""
    path = f"/internal/session/sessions/{user}?page_size=500"
    return [item["id"] for item in client.internal("GET", path, tenant).json()["items"]]


def fingerprints(client: Client, user: str = "usr_abc123") -> set[str]:
    """The devices that a user trusts."""
    path = f"/internal/session/trusted-devices?user_id={user}&page_size=100"
    return {item["device_fingerprint"] for item in client.internal("GET", path).json()["items"]}


def trust(client: Client, fingerprint: str, user: str = "usr_abc123") -> None:
    """Trust a device as a service does."""
    body = {"user_id": user, "device_fingerprint": fingerprint}
    answer = client.internal("POST", "/internal/session/trusted-devices", json=body)
    assert answer.status_code in (200, 201), answer.text


def test_the_idlest_session_ends_for_one_too_many(start: Start) -> None:
    client = start(SOJOURN_MAX_SESSIONS_PER_USER="3")
    made = []
    for _ in range(3):
        made.append(client.create()["id"])
        client.clock.advance(seconds=2)
    elsewhere, other = client.create(tenant="globex")["id"], client.create("usr_other")["id"]
    touched = client.as_user("POST", f"/sessions/{made[0]}/activity", "usr_abc123")
    assert touched.status_code == 200, touched.text
    client.clock.advance(seconds=2)

    newest = client.create()["id"]

    assert active(client) == [newest, made[2], made[0]]
    assert active(client, tenant="globex") == [elsewhere]
    assert active(client, "usr_other") == [other]
    ended = client.as_admin("GET", f"/sessions/{made[1]}").json()["session"]
    assert (ended["status"], ended["revoke_reason"], ended["revoked_by"]) == ("revoked", "session_limit", "sojourn")


def test_sessions_that_have_ended_take_no_room(start: Start) -> None:
    client = start(SOJOURN_MAX_SESSIONS_PER_USER="2")
    client.create()
    client.clock.advance(hours=5)
    kept = [client.create()["id"], client.create()["id"]]

    assert set(active(client)) == set(kept)


def test_the_limit_is_exact_under_fifty_creates_at_once(start: Start) -> None:
    client = start(SOJOURN_MAX_SESSIONS_PER_USER="7")
    create: tuple[str, str, dict[str, Any]] = (
        "POST",
        "/internal/session/create",
        {"headers": INTERNAL, "json": {"auth_user_id": "usr_abc123"}},
    )

    answers = client.gather(*[create] * 50)

    assert {answer.status_code for answer in answers} == {201}
    assert len(active(client)) == 7
    stats = client.as_admin("GET", "/admin/sessions/stats").json()
    assert (stats["active_sessions"], stats["revoked_sessions"], stats["total_sessions"]) == (7, 43, 50)


def test_a_limit_that_was_lowered_holds_from_the_next_sign_in(start: Start) -> None:
    before = start()
    for _ in range(5):
        before.create()

    client = start(SOJOURN_MAX_SESSIONS_PER_USER="2")
    newest = client.create()["id"]

    found = active(client)
    assert len(found) == 2
    assert newest in found


def test_the_device_unused_longest_is_forgotten(start: Start) -> None:
    client = start(SOJOURN_MAX_TRUSTED_DEVICES="3")
    for name in ("a", "b", "c"):
        trust(client, name)
        client.clock.advance(seconds=1)
    trust(client, "a")
    trust(client, "x", "usr_other")
    client.clock.advance(seconds=1)

    trust(client, "d")

    assert fingerprints(client) == {"a", "c", "d"}
    assert fingerprints(client, "usr_other") == {"x"}


def test_a_user_cannot_trust_more_devices_by_asking_often(start: Start) -> None:
    client = start(SOJOURN_MAX_TRUSTED_DEVICES="4")
    headers = {"Authorization": f"Bearer {client.token('usr_abc123')}"}

    answers = client.gather(
        *[
            ("POST", "/trusted-devices", {"headers": headers, "json": {"device_fingerprint": f"f{number}"}})
            for number in range(50)
        ]
    )

    assert {answer.status_code for answer in answers} <= {200, 201}
    assert len(fingerprints(client)) == 4


def refuse(client: Client, token: str, user: str = "usr_abc123", **options: Any) -> httpx.Response:
    """What a user is answered who blacklists a token."""
    body = {"token": token, "token_type": "access", "user_id": user}
    return client.as_user("POST", "/tokens/blacklist", user, json=body, **options)


def test_a_user_blacklists_at_most_so_many_tokens_and_is_told_when_to_come_back(start: Start) -> None:
    client = start(SOJOURN_MAX_BLACKLIST_ENTRIES="3")
    client.create()
    now = int(client.clock.now.timestamp())
    tokens = [client.token("usr_abc123", jti=f"t{n}", exp=now + 600 + 60 * n) for n in range(5)]

    statuses = [refuse(client, token).status_code for token in tokens]
    refused = refuse(client, tokens[4])

    assert statuses == [200, 200, 200, 429, 429]
    assert refused.json()["i18n_key"] == "error.rate_limited"
    wait = int(refused.headers["retry-after"])
    assert 600 <= wait <= 720  # the first entry's end, with the leeway of clocks
    assert client.internal("GET", "/internal/session/sessions/usr_abc123").status_code == 200
    listed = client.as_admin("GET", "/admin/tokens/blacklist?user_id=usr_abc123").json()
    assert listed["total"] == 3
    client.clock.advance(seconds=wait - 1)
    assert refuse(client, tokens[4]).status_code == 429
    client.clock.advance(seconds=1)
    assert [refuse(client, token).status_code for token in tokens[3:]] == [200, 429]


def test_blacklisting_a_token_again_is_never_refused_and_each_user_has_a_limit_of_ones_own(start: Start) -> None:
    client = start(SOJOURN_MAX_BLACKLIST_ENTRIES="1")
    for tenant in ("acme", "globex"):
        client.create(tenant=tenant)
    first, second = (client.token("usr_abc123", jti=name) for name in ("first", "second"))
    assert refuse(client, first).status_code == 200

    assert refuse(client, first).status_code == 200
    assert refuse(client, second).status_code == 429
    assert refuse(client, client.token("usr_other"), "usr_other").status_code == 200
    assert refuse(client, client.token("usr_abc123", "globex"), tenant="globex").status_code == 200


def test_what_services_and_administrators_blacklist_is_neither_limited_nor_counted(start: Start) -> None:
    client = start(SOJOURN_MAX_BLACKLIST_ENTRIES="1")
    client.create()
    tokens = [client.token("usr_abc123", jti=f"t{number}") for number in range(6)]
    body = {"token_type": "access", "user_id": "usr_abc123"}

    answers = [
        *(client.internal("POST", "/internal/session/blacklist-token", json=body | {"token": t}) for t in tokens[:2]),
        *(client.as_admin("POST", "/tokens/blacklist", json=body | {"token": token}) for token in tokens[2:4]),
    ]

    assert {answer.status_code for answer in answers} == {200}
    assert [refuse(client, token).status_code for token in tokens[4:]] == [200, 429]


def test_an_entry_that_an_administrator_removed_counts_no_longer(start: Start) -> None:
    client = start(SOJOURN_MAX_BLACKLIST_ENTRIES="1")
    client.create()
    assert refuse(client, client.token("usr_abc123", jti="first")).status_code == 200
    (entry,) = client.as_admin("GET", "/admin/tokens/blacklist?user_id=usr_abc123").json()["items"]

    assert client.as_admin("DELETE", f"/admin/tokens/blacklist/{entry['id']}").status_code == 200

    assert refuse(client, client.token("usr_abc123", jti="second")).status_code == 200


def test_the_limit_of_entries_is_exact_under_fifty_at_once(start: Start) -> None:
    client = start(SOJOURN_MAX_BLACKLIST_ENTRIES="7")
    client.create()
    headers = {"Authorization": f"Bearer {client.token('usr_abc123')}"}
    body = {"token_type": "access", "user_id": "usr_abc123"}

    answers = client.gather(
        *[
            (
                "POST",
                "/tokens/blacklist",
                {"headers": headers, "json": body | {"token": client.token("usr_abc123", jti=f"t{number}")}},
            )
            for number in range(50)
        ]
    )

    statuses = [answer.status_code for answer in answers]
    assert (statuses.count(200), statuses.count(429)) == (7, 43)


def guess(client: Client, key: str = "no-such-key") -> httpx.Response:
    """What a service with this key is answered."""
    headers = {"X-API-Key": key, "X-Tenant-ID": "acme"}
    return client.request("GET", "/internal/session/sessions/usr_abc123/active", headers=headers)


def test_wrong_keys_beyond_the_limit_are_told_when_to_come_back_and_a_right_key_is_never_refused(start: Start) -> None:
    client = start(SOJOURN_API_KEY_GUESSES="3")
    client.clock.now = client.clock.now.replace(second=18)

    statuses = [guess(client).status_code for _ in range(5)]
    refused = guess(client, "sj_0123456789abcdef")

    assert statuses == [401, 401, 401, 429, 429]
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "42")
    assert refused.json()["i18n_key"] == "error.rate_limited"
    assert guess(client, API_KEY).status_code == 200
    assert client.request("GET", "/internal/session/sessions/usr_abc123/active").status_code == 401
    client.clock.advance(seconds=42)
    assert guess(client).status_code == 401


def test_without_a_limit_every_wrong_key_is_told_that_it_is_wrong(start: Start) -> None:
    client = start(SOJOURN_API_KEY_GUESSES="0")

    assert {guess(client).status_code for _ in range(400)} == {401}


def first_writes(client: Client, tenant: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Every request that makes a tenant by naming it."""
    internal = {"X-API-Key": API_KEY, "X-Tenant-ID": tenant}
    bearer = {"Authorization": f"Bearer {client.token('usr_abc123', tenant)}"}
    device = {"user_id": "usr_abc123", "device_fingerprint": "f"}
    refused = {"token": "text", "token_type": "access", "user_id": "usr_abc123"}
    return [
        ("POST", "/internal/session/create", {"headers": internal, "json": {"auth_user_id": "usr_abc123"}}),
        ("POST", "/internal/session/trusted-devices", {"headers": internal, "json": device}),
        ("POST", "/internal/session/blacklist-token", {"headers": internal, "json": refused}),
        ("POST", "/sessions", {"headers": bearer, "json": {"auth_user_id": "usr_abc123"}}),
        ("POST", "/trusted-devices", {"headers": bearer, "json": {"device_fingerprint": "f"}}),
    ]


def test_no_first_write_makes_a_tenant_too_many_and_those_that_are_there_go_on(start: Start) -> None:
    client = start(SOJOURN_MAX_TENANTS="2")
    client.create(tenant="acme")
    client.create(tenant="globex")

    for method, path, options in first_writes(client, "one-too-many"):
        refused = client.request(method, path, **options)
        assert (refused.status_code, refused.json()["i18n_key"]) == (409, "error.tenant_limit_reached"), path
        assert "sojourn tenant create one-too-many" in refused.json()["detail"]
        assert refused.json()["i18n_args"] == {"limit": 2, "tenant": "one-too-many"}
    for method, path, options in first_writes(client, "acme"):
        assert client.request(method, path, **options).status_code in (200, 201), path
    assert client.internal("GET", "/internal/session/sessions/usr_abc123", "one-too-many").json()["total"] == 0


def test_the_limit_of_tenants_is_exact_under_many_first_writes_at_once(start: Start) -> None:
    client = start(SOJOURN_MAX_TENANTS="5")
    writes = [write for number in range(4) for write in first_writes(client, f"t{number}")]
    others = [write for number in range(4, 12) for write in first_writes(client, f"t{number}")]

    statuses = [answer.status_code for answer in client.gather(*writes, *others)]

    made = 0
    for number in range(12):
        method, path, options = first_writes(client, f"t{number}")[0]
        made += client.request(method, path, **options).status_code == 201
    assert made == 5
    assert set(statuses) <= {200, 201, 409}


def test_a_tenant_made_by_command_is_served_beyond_the_limit(start: Start, environ: dict[str, str]) -> None:
    client = start(SOJOURN_MAX_TENANTS="1")
    client.create(tenant="acme")

    done = CliRunner().invoke(tenants_by_hand, ["create", "globex"], env={**environ, "SOJOURN_MAX_TENANTS": "1"})

    assert done.exit_code == 0, done.output
    assert client.create(tenant="globex")["tenant_id"] == "globex"
