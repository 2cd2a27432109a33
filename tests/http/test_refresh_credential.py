"""A refresh token is a credential: it names the tenant and the session, and is read before anything is written."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jwt
import pytest
from click.testing import CliRunner
from sqlalchemy.dialects import sqlite

from sojourn.cli.keys import keys
from sojourn.domain.clock import utc_now
from sojourn.storage.postgres.calls import Calls
from sojourn.storage.postgres.runner import PostgresRunner
from sojourn.storage.postgres.writer import PostgresWriter
from sojourn.storage.sqlite.reader import SqliteReader
from sojourn.storage.sqlite.runner import SqliteRunner
from tests.http.conftest import API_KEY, Client
from tests.http.tokens import generate, refresh, sign_in, status_of, validate


def written(clause: Any) -> str:
    """How a statement begins."""
    return str(clause.compile(dialect=sqlite.dialect()))[:60]


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The statements that the engine runs meanwhile."""
    seen: list[str] = []

    def watch(kind: Any, name: str) -> None:
        run = getattr(kind, name)

        def watched(self: Any, statement: Any, parameters: dict[str, Any]) -> Any:
            seen.append(written(statement.clause))
            return run(self, statement, parameters)

        patch.setattr(kind, name, watched)

    call = Calls.ask

    def called(self: Any, function: Any, *arguments: Any, **options: Any) -> Any:
        seen.extend(written(step.statement.clause) for step in function.procedure.steps)
        return call(self, function, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Calls, "ask", called)
        for kind in (PostgresRunner, PostgresWriter, SqliteReader, SqliteRunner):
            for name in {"all", "one", "run"} & vars(kind).keys():
                watch(kind, name)
        yield seen


def test_a_good_refresh_runs_at_most_ten_statements(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    token = sign_in(client)["tokens"]["refresh_token"]
    token = refresh(client, token).json()["refresh_token"]

    with counted(monkeypatch) as statements:
        assert refresh(client, token).status_code == 200

    assert 3 <= len(statements) <= 10, statements


@pytest.mark.parametrize("path", ["/sessions/refresh", "/sessions/rotate-access"])
def test_the_access_log_names_the_tenant_and_the_session_of_a_refresh(
    client: Client, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    signed_in = sign_in(client)
    caplog.set_level(logging.INFO, "sojourn.access")
    caplog.clear()

    client.request("POST", path, json={"refresh_token": signed_in["tokens"]["refresh_token"]})

    (line,) = (vars(record) for record in caplog.records if record.name == "sojourn.access")
    assert (line["tenant"], line["caller"]) == ("acme", signed_in["session"]["id"])


def test_a_bearer_without_a_session_that_comes_along_is_fine_when_it_is_of_the_same_user_and_tenant(
    client: Client,
) -> None:
    pair = sign_in(client)["tokens"]

    def shown(**claims: Any) -> int:
        bearer = {"Authorization": f"Bearer {client.token(**claims)}"}
        return refresh(client, pair["refresh_token"], headers=bearer).status_code

    assert shown(user="usr_abc123") == 200
    assert shown(user="usr_abc123", sid="a-session-of-the-issuer") == 200
    assert shown(user="usr_other") == 403
    assert shown(user="usr_abc123", tenant="noise") == 403
    assert shown(user="usr_abc123", sid="sess_00000000-0000-7000-8000-000000000000") == 403


def test_blacklisting_the_successor_refuses_the_parent_too_and_everybody_says_so(client: Client) -> None:
    parent = sign_in(client)["tokens"]["refresh_token"]
    successor = refresh(client, parent).json()["refresh_token"]
    body = {"token": successor, "token_type": "refresh", "user_id": "usr_abc123"}
    client.internal("POST", "/internal/session/blacklist-token", json=body)

    for token in (parent, successor):
        introspected = client.as_admin("POST", "/admin/tokens/introspect", json={"token": token})
        assert introspected.json() == {"active": False}
        assert refresh(client, token).json()["code"] == 30101005
    listed = client.as_admin("GET", "/admin/tokens", params={"type": "refresh"}).json()["items"]
    assert {item["status"] for item in listed} == {"revoked"}


def test_tokens_generated_side_by_side_end_no_session_when_a_loser_is_shown(client: Client) -> None:
    session = client.create()
    body = {"session_id": session["id"], "tenant_id": "acme", "auth_user_id": session["user_id"]}
    headers = {"X-API-Key": API_KEY, "X-Tenant-ID": "acme"}
    asked = ("POST", "/internal/session/generate-tokens", {"json": body, "headers": headers})

    for _ in range(5):
        answers = client.gather(*[asked] * 4)
        assert {answer.status_code for answer in answers} == {200}
        tokens = [answer.json()["refresh_token"] for answer in answers]
        assert len({token.split(".")[2] for token in tokens}) == 4
        by_generation = sorted(tokens, key=lambda token: int(token.split(".")[2]))
        second = refresh(client, by_generation[-1]).json()["refresh_token"]
        assert refresh(client, second).status_code == 200
        for loser in by_generation[:-1]:
            assert refresh(client, loser).json()["code"] == 30101005
        assert status_of(client, session["id"]) == "active"


@pytest.mark.parametrize("ahead", [-3, 3])
def test_revoking_all_tokens_does_not_depend_on_the_clocks_of_hosts(client: Client, ahead: int) -> None:
    session = sign_in(client)["session"]
    client.clock.advance(seconds=10)
    client.clock.advance(seconds=ahead)
    issued = generate(client, session)  # by a host whose clock is off
    client.clock.advance(seconds=-ahead)
    assert client.as_admin("POST", "/admin/tokens/revoke-all", json={"user_id": "usr_abc123"}).is_success
    client.clock.advance(seconds=ahead)
    later = generate(client, session)
    client.clock.advance(seconds=10)

    assert validate(client, issued["access_token"])["error"] == "issued_before_cutoff"
    assert refresh(client, issued["refresh_token"]).status_code == 401
    assert validate(client, later["access_token"])["valid"] is True
    assert refresh(client, later["refresh_token"]).status_code == 200


def test_only_the_service_itself_says_that_a_refresh_token_was_reused(client: Client) -> None:
    ended, judged = client.create(), client.create()
    for user in ("root", "usr_abc123"):
        client.as_user(
            "DELETE", f"/sessions/{ended['id']}", user, roles=["admin"], json={"reason": "refresh_token_reuse"}
        )

    risk = client.as_admin("GET", "/admin/sessions/risk-score", params={"session_id": judged["id"]}).json()

    assert "refresh_token_reuse" not in {factor["type"] for factor in risk["factors"]}


def test_a_rotated_key_signs_when_the_applications_clock_says_so(client: Client, environ: dict[str, str]) -> None:
    client.clock.now = utc_now()  # as the command sees it
    first = jwt.get_unverified_header(sign_in(client)["tokens"]["access_token"])["kid"]
    result = CliRunner().invoke(keys, ["rotate"], env=environ)
    assert result.exit_code == 0, result.output
    second = result.stdout.split()[0]

    for minutes, expected in ((9, first), (2, second)):
        client.clock.advance(minutes=minutes)
        assert jwt.get_unverified_header(sign_in(client)["tokens"]["access_token"])["kid"] == expected


def test_tokens_of_a_release_that_counted_no_cut_offs_are_told_by_their_instants(
    client: Client, sql: Callable[[str], Any]
) -> None:
    signed_in = sign_in(client)
    sql("UPDATE issued_tokens SET cut_offs = NULL, key_id = NULL")
    first = signed_in["tokens"]
    assert validate(client, first["access_token"])["valid"] is True
    second = refresh(client, first["refresh_token"]).json()
    sql("UPDATE issued_tokens SET cut_offs = NULL, key_id = NULL")

    assert client.as_admin("POST", "/admin/tokens/revoke-all", json={"user_id": "usr_abc123"}).is_success

    for pair in (first, second):
        assert validate(client, pair["access_token"])["error"] == "issued_before_cutoff"
        assert refresh(client, pair["refresh_token"]).json()["code"] == 30101005
    client.clock.advance(seconds=1)
    later = generate(client, signed_in["session"])
    sql("UPDATE issued_tokens SET cut_offs = NULL, key_id = NULL")
    assert validate(client, later["access_token"])["valid"] is True
    assert refresh(client, later["refresh_token"]).status_code == 200
    listed = client.as_admin("GET", "/admin/tokens").json()["items"]
    assert sorted(item["status"] for item in listed) == ["active"] * 4 + ["revoked"] * 6
