"""Acts of administrators stand in the audit trail, and `sojourn audit verify` finds what was done to it."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from sojourn.cli.audit import audit
from tests.http.conftest import Client
from tests.http.tokens import sign_in

Run = Callable[..., Result]
CONFIG = {"access_expiry": "10m", "refresh_expiry": "24h"}


@pytest.fixture
def run(environ: dict[str, str]) -> Run:
    """`sojourn audit` with the settings of the server."""

    def call(*arguments: str) -> Result:
        return CliRunner().invoke(audit, list(arguments), env=environ)

    return call


def lines(run: Run) -> list[dict[str, Any]]:
    """What `sojourn audit export` prints."""
    answer = run("export")
    assert answer.exit_code == 0, answer.output
    return [json.loads(line) for line in answer.stdout.splitlines()]


def records(run: Run) -> list[dict[str, Any]]:
    return [line for line in lines(run) if "head" not in line]


def act(client: Client) -> None:
    """Three acts of acme's administrator."""
    client.create()
    for access in ("10m", "11m", "12m"):
        answer = client.as_admin("PUT", "/admin/tokens/config", json={**CONFIG, "access_expiry": access})
        assert answer.status_code == 200, answer.text


def test_every_act_of_an_administrator_is_a_record_of_its_transaction(client: Client, run: Run) -> None:
    first = sign_in(client)
    others = [client.create("usr_two"), client.create("usr_three"), client.create("usr_three")]
    client.clock.advance(seconds=1)
    acts: list[tuple[str, str, Any, str]] = [
        ("PUT", "/admin/tokens/config", CONFIG, "token_config.set"),
        ("DELETE", "/admin/tokens/config", None, "token_config.reset"),
        ("DELETE", f"/sessions/{others[0]['id']}", None, "session.ended"),
        ("DELETE", "/admin/sessions/bulk", {"session_ids": [others[1]["id"]]}, "sessions.ended"),
        ("DELETE", "/admin/sessions/user/usr_three", None, "sessions.ended"),
        ("DELETE", "/admin/trusted-devices/dev_unknown", None, "trusted_device.removed"),
        (
            "POST",
            "/admin/tokens/exchange",
            {
                "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
                "subject_token": first["tokens"]["access_token"],
            },
            "token.exchanged",
        ),
        ("POST", "/admin/tokens/revoke-all", {"user_id": "usr_abc123"}, "tokens.refused"),
    ]
    for method, path, body, _ in acts:
        answer = client.as_admin(method, path, json=body, headers={"X-Request-ID": f"req-{path}"})
        assert answer.status_code < 300, (path, answer.text)
    client.internal("POST", "/internal/session/erase-user-data", json={"user_id": "usr_two"})

    found = records(run)

    assert [record["action"] for record in found] == [*(action for *_, action in acts), "user.erased"]
    assert {record["actor"]["kind"] for record in found} == {"admin", "service"}
    assert [record["request_id"] for record in found][:-1] == [f"req-{path}" for _, path, *_ in acts]
    assert found[0]["before"] is None
    assert found[0]["after"]["access_expiry"] == found[1]["before"]["access_expiry"] == "10m"
    assert run("verify").exit_code == 0


def test_an_act_that_was_refused_is_no_record(client: Client, run: Run) -> None:
    client.create()
    client.as_admin("PUT", "/admin/tokens/config", json={**CONFIG, "access_expiry": "1ns"})
    client.as_admin("DELETE", "/admin/tokens/blacklist/bl_01968a3c-5c00-7000-8000-00a1b2c3d4e5")
    client.as_user("PUT", "/admin/tokens/config", "usr_abc123", json=CONFIG)

    assert records(run) == []


def test_what_users_and_services_do_to_sessions_is_no_record(client: Client, run: Run) -> None:
    session = client.create()
    client.as_user("DELETE", f"/sessions/{session['id']}", "usr_abc123")
    client.internal("DELETE", "/internal/session/session/user/usr_abc123")

    assert records(run) == []


def test_users_stand_in_the_trail_under_a_pseudonym_that_erasing_makes_unresolvable(client: Client, run: Run) -> None:
    client.create("usr_forgotten")
    client.as_admin("DELETE", "/admin/sessions/user/usr_forgotten", json={"reason": "usr_forgotten asked for it"})
    called = records(run)[0]["target"]

    assert run("who", called, "--tenant", "acme").stdout == "usr_forgotten\n"
    client.internal("POST", "/internal/session/erase-user-data", json={"user_id": "usr_forgotten"})

    assert run("who", called, "--tenant", "acme").exit_code == 1
    told = [(record["action"], record["target"]) for record in records(run)]
    assert told == [("sessions.ended", called), ("user.named", called), ("user.erased", called)]
    assert "usr_forgotten" not in run("export").stdout
    assert run("verify").exit_code == 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_records SET action = 'nothing' WHERE position = 2",
        "UPDATE audit_records SET after = NULL WHERE position = 3",
        "UPDATE audit_records SET after = 'no json' WHERE position = 1",
        "DELETE FROM audit_records WHERE position = 1",
        "DELETE FROM audit_records WHERE position = 2",
        "DELETE FROM audit_records WHERE position = 3",
        "UPDATE audit_records SET position = CASE position WHEN 1 THEN 12 ELSE 11 END WHERE position < 3;"
        " UPDATE audit_records SET position = position - 10 WHERE position > 10",
        "INSERT INTO audit_records (tenant_id, position, id, at, actor_kind, action, hash)"
        " SELECT tenant_id, 4, 'aud_x', at, actor_kind, action, hash FROM audit_records WHERE position = 3",
        "DELETE FROM audit_heads",
        "UPDATE audit_heads SET signature = signature || 'A'",
    ],
)
def test_a_record_that_was_changed_removed_swapped_or_appended_is_found(
    client: Client, run: Run, sql: Callable[[str], object], statement: str
) -> None:
    act(client)
    assert run("verify").stdout.startswith("3 records verified")

    for one in statement.split(";"):
        sql(one)
    answer = run("verify")

    assert answer.exit_code == 1
    assert "acme: " in answer.stdout


def test_a_chain_that_was_cut_with_its_signed_end_is_found_against_an_earlier_export(
    client: Client, run: Run, sql: Callable[[str], object], tmp_path: Path
) -> None:
    act(client)
    (tmp_path / "kept").write_text(run("export").stdout)
    for table in ("audit_records", "audit_heads"):
        sql(f"DELETE FROM {table}")

    assert run("verify").exit_code == 0
    assert run("verify", "--earlier", str(tmp_path / "kept")).exit_code == 1


def test_an_export_is_verified_with_the_public_key_alone(client: Client, run: Run, tmp_path: Path) -> None:
    act(client)
    export, key = tmp_path / "export", tmp_path / "key"
    export.write_text(run("export").stdout)
    key.write_text(run("key").stdout)

    assert run("verify", str(export), "--key", str(key)).exit_code == 0
    export.write_text(export.read_text().replace("11m", "99m"))
    assert run("verify", str(export), "--key", str(key)).exit_code == 1


def test_an_auditor_verifies_an_export_with_the_lines_of_the_documentation(
    client: Client, run: Run, tmp_path: Path
) -> None:
    act(client)
    export, key, script = tmp_path / "export", tmp_path / "key", tmp_path / "verify.py"
    page = (Path(__file__).parents[2] / "docs" / "guides" / "audit.md").read_text("utf-8")
    script.write_text(page.partition("<<'END'\n")[2].partition("END\n")[0])
    export.write_text(run("export").stdout)
    key.write_text(run("key").stdout)

    def verified() -> bool:
        command = [sys.executable, str(script), str(export), str(key)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    assert verified()
    whole = export.read_text()
    for changed in (
        whole.replace("11m", "99m"),
        "".join(whole.splitlines(keepends=True)[1:]),
        whole.rpartition("{")[0],
    ):
        export.write_text(changed)
        assert not verified()


@pytest.mark.parametrize("text", ["no json", "[]", "{}", '{"tenant_id": "acme", "head": 1}', '{"tenant_id": "acme"}'])
def test_a_file_that_is_no_export_is_one_line(run: Run, client: Client, tmp_path: Path, text: str) -> None:
    (tmp_path / "file").write_text(text)
    answer = run("verify", str(tmp_path / "file"))

    assert answer.exit_code == 1
    assert len(answer.output.splitlines()) == 1
