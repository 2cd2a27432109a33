"""A user who is erased is in no column of any table; what was refused stays refused; nobody else is touched."""

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx

from tests.http.conftest import API_KEY, Client
from tests.http.test_restoring import command
from tests.http.tokens import refresh, sign_in, validate

Sql = Callable[[str], list[tuple[Any, ...]]]

USER = "usr_forgetme"
NAMELESS = {"events": 17, "not_before": 2, "blacklist": 1, "presented_tokens": 1}
"""What stays of the history, by table: nameless events, cut-offs under a hash, hashes of the provider's tokens."""
ALIKE = ("USR_FORGETME", "usr_forgetme2", "usr_forget_e", "usr_forget__", "usr_forgetme.")
GRANT = {"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "audience": "billing"}
OF_USER = {"auth_user_id": USER, "tenant_id": "acme"}
FACTS = {
    "username": "Name Forgetme",
    "role": "role-forgetme",
    "app_id": "app-forgetme",
    "device_id": "dev-forgetme",
    "device_fingerprint": "fp-forgetme",
    "device_type": "mobile",
    "browser": "browser-forgetme",
    "os": "os-forgetme",
    "ip": "192.0.2.77",
    "user_agent": "agent-forgetme",
    "amr": ["pwd"],
}


def erase(client: Client, user: str = USER, tenant: str = "acme") -> dict[str, int]:
    """Erase a user; the receipt."""
    response = client.internal("POST", "/internal/session/erase-user-data", tenant, json={"user_id": user})
    assert response.status_code == 200, response.text
    receipt: dict[str, int] = response.json()
    return receipt


def ok(response: httpx.Response) -> Any:
    """The body of an answer that is no refusal."""
    assert response.status_code < 300, response.text
    return response.json() if response.content else None


def live_much(client: Client, user: str = USER, tenant: str = "acme") -> dict[str, Any]:
    """A history with everything that is kept of a user; the tokens that remain from it."""
    lived = sign_in(client, user, tenant, **FACTS)
    session, pair = lived["session"]["id"], lived["tokens"]
    pair = ok(refresh(client, pair["refresh_token"]))
    grant = {**GRANT, "subject_token": pair["access_token"]}
    exchanged = ok(client.as_admin("POST", "/admin/tokens/exchange", tenant, json=grant))["access_token"]
    ok(client.internal("POST", f"/internal/session/{session}/elevate", tenant, json={"amr": ["otp"]}))
    ok(client.internal("POST", f"/internal/session/{session}/usage", tenant))
    device = {"user_id": user, "device_name": "phone-forgetme", "ip": "192.0.2.77", "browser": "browser-forgetme"}
    for number in range(2):
        body = {**device, "device_fingerprint": f"fp-forgetme-{number}"}
        ok(client.internal("POST", "/internal/session/trusted-devices", tenant, json=body))
    spare = sign_in(client, user, tenant, **FACTS)["tokens"]
    provider = client.token(user, tenant, jti="jti-forgetme")
    for token, kind in ((spare["access_token"], "access"), (spare["refresh_token"], "refresh"), (provider, "access")):
        body = {"token": token, "token_type": kind, "user_id": user, "reason": "lost by forgetme"}
        ok(client.internal("POST", "/internal/session/blacklist-token", tenant, json=body))
    started = client.token(user, tenant, jti=f"jti-start-{user}", amr=["pwd"])
    asked = {"auth_user_id": user}
    ok(client.request("POST", "/sessions", headers={"Authorization": f"Bearer {started}"}, json=asked))
    ended = client.create(user, tenant, **FACTS)["id"]
    ok(client.as_user("DELETE", f"/sessions/{ended}", user, tenant, json={"reason": "ended by forgetme"}))
    ok(client.internal("POST", "/internal/session/export-user-data", tenant, json={"user_id": user}))
    cut_off = {"user_id": user, "reason": "cut off forgetme"}
    ok(client.as_admin("POST", "/admin/tokens/revoke-all", tenant, json=cut_off))
    ok(client.internal("DELETE", f"/internal/session/session/user/{user}", tenant))
    client.clock.advance(seconds=2)
    latest = sign_in(client, user, tenant, **FACTS)["tokens"]
    return {
        "own": [pair["access_token"], exchanged, spare["access_token"], latest["access_token"]],
        "refresh": [pair["refresh_token"], spare["refresh_token"], latest["refresh_token"]],
        "provider": [provider, started, client.token(user, tenant, jti="jti-later")],
    }


def tables(sql: Sql, database_url: str) -> list[str]:
    """Every table of the database, the engine's own statistics on SQLite too."""
    if database_url.startswith("sqlite:"):
        return [name for (name,) in sql("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return [name for (name,) in sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]


def everything(sql: Sql, database_url: str) -> dict[str, list[str]]:
    """Every row of every table, as text."""
    return {table: sorted(map(repr, sql(f"SELECT * FROM {table}"))) for table in tables(sql, database_url)}


def hashes(sql: Sql, user: str) -> set[str]:
    """The hashes of tokens with this subject, and the keys of the sessions."""
    found = {
        str(text)
        for row in sql(f"SELECT id, token_hash, session_id FROM issued_tokens WHERE user_id = '{user}'")
        for text in row
    }
    for session, *rest in sql("SELECT session_id, token_hash, previous_hash, nonce FROM session_tokens"):
        if str(session) in found:
            found.update(text for text in rest if text)
    return found


def test_no_column_of_any_table_knows_an_erased_user(client: Client, sql: Sql, database_url: str) -> None:
    other = client.create("usr_other")["id"]
    live_much(client)
    ok(client.as_user("DELETE", f"/sessions/{other}", USER, roles=["admin"], json={"reason": "stolen"}))
    hashed = hashes(sql, USER)  # events go on naming sessions and tokens, which name nobody: verifiers need them
    marks = {"forgetme", "192.0.2.77", *hashed}
    before = "\n".join(row for rows in everything(sql, database_url).values() for row in rows)
    assert {mark for mark in marks if mark.casefold() not in before.casefold()} == set()

    erase(client)

    for table, rows in everything(sql, database_url).items():
        for row in rows:
            unknown = marks - hashed if table == "events" else marks
            shown = row.replace("jti-forgetme", "") if table == "events" else row
            assert {mark for mark in unknown if mark.casefold() in shown.casefold()} == set(), f"{table}: {row}"
    shown = client.as_admin("GET", f"/sessions/{other}").json()["session"]
    assert (shown["status"], shown["revoked_by"], shown["revoke_reason"]) == ("revoked", "erased", "stolen")


def test_no_operation_tells_of_an_erased_user(client: Client) -> None:
    live_much(client)

    erase(client)

    def told(path: str) -> Any:
        return ok(client.as_admin("GET", path))

    exported = client.internal("POST", "/internal/session/export-user-data", json={"user_id": USER})
    assert ok(exported)["total"] == 0
    assert told(f"/admin/tokens?user_id={USER}")["items"] == []
    assert told(f"/admin/tokens/blacklist?user_id={USER}")["items"] == []
    assert "forgetme" not in str(
        [told(path) for path in ("/admin/sessions", "/admin/tokens", "/admin/tokens/blacklist")]
    )
    assert ok(client.internal("GET", f"/internal/session/trusted-devices?user_id={USER}"))["items"] == []


def test_an_export_holds_what_an_erasure_counts_and_nothing_of_others(client: Client) -> None:
    client.create("usr_other")
    for other in (ALIKE[0], USER):
        live_much(client, other, "globex" if other == USER else "acme")
    live_much(client)

    exported = ok(client.internal("POST", "/internal/session/export-user-data", json={"user_id": USER}))

    receipt = erase(client)
    assert {name: len(exported[name]) for name in ("sessions", "tokens", "devices")} | {
        "events": receipt["events"]
    } == receipt
    assert exported["total"] == receipt["sessions"]
    sessions = {session["id"] for session in exported["sessions"]}
    assert {used["session_id"] for used in exported["usage"]} <= sessions
    assert [(used["day"], used["count"]) for used in exported["usage"]] == [("2026-04-15", 1)]
    assert {device["device_name"] for device in exported["devices"]} == {"phone-forgetme"}
    assert {token["user_id"] for token in exported["tokens"]} == {USER}
    assert {token["status"] for token in exported["tokens"]} == {"active", "revoked"}


def test_tokens_of_an_erased_user_stay_refused(client: Client) -> None:
    tokens = live_much(client)

    erase(client)

    client.clock.advance(seconds=2)
    for token in tokens["own"]:
        assert validate(client, token)["valid"] is False
    for token in tokens["refresh"]:
        assert refresh(client, token).status_code in (401, 404)
    for token in tokens["provider"]:
        assert validate(client, token)["valid"] is False
        headers = {"Authorization": f"Bearer {token}"}
        assert client.request("GET", "/trusted-devices", headers=headers).status_code == 401
    housekept = ok(client.as_admin("DELETE", "/admin/sessions/expired"))
    assert housekept is not None
    assert validate(client, tokens["provider"][-1])["valid"] is False


def test_an_erased_user_who_comes_back_is_a_new_one(client: Client) -> None:
    live_much(client)
    erase(client)
    client.clock.advance(seconds=2)

    pair = sign_in(client, USER)["tokens"]

    assert validate(client, pair["access_token"])["valid"] is True
    pair = ok(refresh(client, pair["refresh_token"]))
    assert validate(client, pair["access_token"])["valid"] is True
    assert validate(client, client.token(USER, jti="jti-new"))["valid"] is True
    ok(client.as_admin("POST", "/admin/tokens/revoke-all", json={"user_id": USER}))
    assert validate(client, pair["access_token"])["valid"] is False
    assert ok(client.as_admin("GET", f"/admin/sessions?user_id={USER}"))["pagination"]["total"] == 1


def test_the_receipt_counts_what_was_there_and_nothing_the_second_time(client: Client, sql: Sql) -> None:
    live_much(client)
    ((sessions,),) = sql(f"SELECT count(*) FROM sessions WHERE user_id = '{USER}'")
    ((tokens,),) = sql(f"SELECT count(*) FROM issued_tokens WHERE user_id = '{USER}'")
    ((told,),) = sql(f"SELECT count(*) FROM events WHERE user_id = '{USER}'")
    assert int(told) == 16
    assert int(sessions) == 5
    assert int(tokens) > 10

    assert erase(client) == {"sessions": int(sessions), "tokens": int(tokens), "devices": 2, "events": int(told) + 1}
    nothing = {"sessions": 0, "tokens": 0, "devices": 0, "events": 0}
    assert erase(client) == nothing
    assert erase(client, "usr_nobody") == nothing
    assert erase(client, tenant="nowhere") == nothing
    assert sql("SELECT id FROM tenants WHERE id = 'nowhere'") == []


def wait_for_numbers(client: Client, sql: Sql) -> None:
    """Until every event has its number, which PostgreSQL gives a moment after the commit."""
    deadline = time.monotonic() + 30
    while int(sql("SELECT count(*) FROM events WHERE number IS NULL")[0][0]):
        assert time.monotonic() < deadline
        ok(client.request("GET", "/health/live"))


def test_everything_else_is_byte_for_byte_the_same(client: Client, sql: Sql, database_url: str) -> None:
    for user in (*ALIKE, "usr_other"):
        live_much(client, user)
    live_much(client, tenant="globex")

    wait_for_numbers(client, sql)
    before = everything(sql, database_url)
    live_much(client)
    erase(client)
    after = everything(sql, database_url)

    del before["leases"]  # which process settles what expires: nothing about anybody
    assert not Counter(before.pop("audit_records")) - Counter(after["audit_records"])  # the trail only grows
    del before["audit_heads"]
    for numbers in ("session_counters", "rollups", "rollup_positions"):
        del before[numbers]
    gone = {name: Counter(before[name]) - Counter(after[name]) for name in before}
    added = {name: Counter(after[name]) - Counter(before[name]) for name in before}
    assert {name: rows for name, rows in gone.items() if rows} == {}
    assert {name: rows.total() for name, rows in added.items() if rows} == NAMELESS
    checked = command(database_url, "check")
    assert checked.returncode == 0, checked.stdout


def test_an_erasure_beside_everything_else_leaves_no_row_of_a_session_that_is_gone(client: Client, sql: Sql) -> None:
    for _ in range(4):
        lived = [sign_in(client, USER) for _ in range(6)]
        pairs, sessions = [one["tokens"] for one in lived], [one["session"]["id"] for one in lived]
        key = {"X-API-Key": API_KEY, "X-Tenant-ID": "acme"}
        admin = {"Authorization": f"Bearer {client.token('root', roles=['admin'])}"}
        spent = [("POST", "/sessions/refresh", {"json": {"refresh_token": pair["refresh_token"]}}) for pair in pairs]
        rotated = [("POST", "/sessions/rotate-access", {"json": one[2]["json"]}) for one in spent]
        exchanges = [
            (
                "POST",
                "/admin/tokens/exchange",
                {"headers": admin, "json": {**GRANT, "subject_token": pair["access_token"]}},
            )
            for pair in pairs
        ]
        begun = [
            ("POST", "/internal/session/generate-tokens", {"headers": key, "json": {**OF_USER, "session_id": session}})
            for session in sessions
        ]
        body = {"json": {"user_id": USER}, "headers": key}
        erasure: tuple[str, str, dict[str, Any]] = ("POST", "/internal/session/erase-user-data", body)
        requests = [one for four in zip(spent, rotated, exchanges, begun, strict=True) for one in four]

        answers = client.gather(*requests[:10], erasure, *requests[10:])

        assert answers[10].status_code == 200
        assert {answer.status_code for answer in answers} <= {200, 400, 401, 404}
        for table in ("issued_tokens", "session_tokens"):
            orphans = f"SELECT * FROM {table} WHERE tenant_id = 'acme' AND session_id NOT IN (SELECT id FROM sessions)"
            assert sql(orphans) == []
        client.clock.advance(seconds=2)
