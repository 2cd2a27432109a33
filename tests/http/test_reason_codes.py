"""Every end of a session has a code of a closed set, and no text of a caller is ever read as one."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner

from sojourn.cli.end_sessions import end_sessions
from sojourn.domain.clock import utc_now
from sojourn.domain.endings import REASON_CODES
from tests.contract.document import resolved
from tests.http.conftest import Client
from tests.http.tokens import refresh, sign_in

USER = "usr_abc123"
Sql = Callable[[str], list[tuple[Any, ...]]]


def code_of(client: Client, session_id: str) -> str | None:
    """The code of a session's end, which must be the same wherever its end is shown."""
    shown = [
        client.internal("GET", f"/internal/session/{session_id}").json()["session"],
        client.as_admin("GET", f"/sessions/{session_id}").json()["session"],
        *(
            item
            for item in client.as_admin("GET", "/admin/sessions", params={"page_size": 100}).json()["items"]
            if item["id"] == session_id
        ),
        *(
            item
            for item in client.internal("POST", "/internal/session/export-user-data", json={"user_id": USER}).json()[
                "sessions"
            ]
            if item["id"] == session_id
        ),
    ]
    assert len(shown) == 4
    (code,) = {item.get("reason_code") for item in shown}
    return code


def by_its_user(client: Client, made: dict[str, Any]) -> None:
    bearer = {"Authorization": f"Bearer {made['tokens']['access_token']}"}
    client.request("DELETE", f"/sessions/{made['session']['id']}", headers=bearer, json={"reason": "absolute_timeout"})


def by_its_user_elsewhere(client: Client, made: dict[str, Any]) -> None:
    client.as_user("DELETE", f"/sessions/{made['session']['id']}", USER, json={"reason": "bulk"})


def by_an_administrator(client: Client, made: dict[str, Any]) -> None:
    client.as_admin("DELETE", f"/sessions/{made['session']['id']}", json={"reason": "refresh_token_reuse"})


def all_by_an_administrator(client: Client, made: dict[str, Any]) -> None:
    client.as_admin("DELETE", f"/admin/sessions/user/{USER}", json={"reason": "restored"})


def in_bulk(client: Client, made: dict[str, Any]) -> None:
    body = {"session_ids": [made["session"]["id"]], "reason": "signed_out"}
    client.as_admin("POST", "/admin/sessions/bulk-revoke", json=body)


def in_bulk_by_delete(client: Client, made: dict[str, Any]) -> None:
    client.as_admin("DELETE", "/admin/sessions/bulk", json={"session_ids": [made["session"]["id"]]})


def by_a_service(client: Client, made: dict[str, Any]) -> None:
    client.internal("DELETE", f"/internal/session/{made['session']['id']}", json={"reason": "idle_timeout"})


def all_by_a_service(client: Client, made: dict[str, Any]) -> None:
    client.internal("DELETE", f"/internal/session/session/user/{USER}")


def with_a_code_of_the_services_own(client: Client, made: dict[str, Any]) -> None:
    body = {"reason_code": "credential_change"}
    client.internal("DELETE", f"/internal/session/{made['session']['id']}", json=body)


def by_reuse(client: Client, made: dict[str, Any]) -> None:
    second = refresh(client, made["tokens"]["refresh_token"]).json()
    refresh(client, second["refresh_token"])
    client.clock.advance(minutes=2)
    assert refresh(client, made["tokens"]["refresh_token"]).status_code == 401


def by_idling(client: Client, made: dict[str, Any]) -> None:
    client.clock.advance(hours=5)


def by_age(client: Client, made: dict[str, Any]) -> None:
    for _ in range(30):
        client.clock.advance(hours=1)
        client.internal("POST", f"/internal/session/{made['session']['id']}/activity")


PATHS = {
    by_its_user: "signed_out",
    by_its_user_elsewhere: "revoked_by_user",
    by_an_administrator: "revoked_by_admin",
    all_by_an_administrator: "revoked_by_admin",
    in_bulk: "bulk",
    in_bulk_by_delete: "bulk",
    by_a_service: "revoked_by_service",
    all_by_a_service: "revoked_by_service",
    with_a_code_of_the_services_own: "credential_change",
    by_reuse: "refresh_token_reuse",
    by_idling: "idle_timeout",
    by_age: "absolute_timeout",
}


@pytest.mark.parametrize(("end", "code"), PATHS.items(), ids=lambda value: getattr(value, "__name__", value))
def test_each_way_for_a_session_to_end_has_its_code(
    client: Client, end: Callable[[Client, dict[str, Any]], None], code: str
) -> None:
    made = sign_in(client)
    assert code_of(client, made["session"]["id"]) is None

    end(client, made)

    assert code_of(client, made["session"]["id"]) == code


def test_a_restored_backup_ends_sessions_by_its_own_code(client: Client, environ: dict[str, str]) -> None:
    client.clock.now = utc_now()  # as the command sees it
    made = sign_in(client)

    done = CliRunner().invoke(end_sessions, ["--reason", "bulk", "--yes"], env=environ)

    assert done.exit_code == 0, done.output
    client.clock.now = utc_now() + timedelta(seconds=2)  # tokens from before the end are refused
    assert code_of(client, made["session"]["id"]) == "restored"


def test_a_session_that_ended_before_there_were_codes_is_told_without_reading_its_text(
    client: Client, sql: Sql
) -> None:
    made = sign_in(client)
    by_an_administrator(client, made)
    sql("UPDATE sessions SET reason_code = NULL WHERE tenant_id = 'acme'")

    assert code_of(client, made["session"]["id"]) == "unspecified"


def test_a_users_text_that_reads_like_a_code_raises_no_risk(client: Client) -> None:
    made = sign_in(client, device_id="dev_x")
    client.as_user("DELETE", f"/sessions/{made['session']['id']}", "sojourn", roles=["admin"],
                   json={"reason": "refresh_token_reuse"})  # fmt: skip

    found = client.internal("GET", f"/internal/session/{made['session']['id']}").json()["session"]
    risk = client.as_admin("GET", "/admin/devices/dev_x/risk").json()

    assert (found["revoked_by"], found["revoke_reason"]) == ("sojourn", "refresh_token_reuse")
    assert found["reason_code"] == "revoked_by_admin"
    assert risk["audit_failure_count"] == 0
    assert "refresh_token_reuse" not in risk["risk_factors"]


def test_the_codes_of_the_program_are_those_of_the_contract() -> None:
    schemas = resolved()["components"]["schemas"]

    assert sorted(schemas["SessionResponse"]["properties"]["reason_code"]["enum"]) == sorted(REASON_CODES)
    assert set(schemas["EndSessionRequest"]["properties"]["reason_code"]["enum"]) < set(REASON_CODES)
