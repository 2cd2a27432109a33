"""`sojourn import`: sessions of another system are taken once, within the limits, and the rest is reported."""

import asyncio
import io
import json
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from sojourn.cli import sojourn
from sojourn.cli.import_lines import LineReader
from sojourn.cli.import_report import Report
from sojourn.cli.imports import Importing
from sojourn.domain.clock import to_text
from sojourn.settings import Settings
from sojourn.storage.database import Database
from sojourn.storage.engines import with_open_database
from tests.conftest import on_sqlite
from tests.live import REFRESH_SECRET

Sql = Callable[[str], list[tuple[Any, ...]]]
NOW = datetime.now(UTC)  # noqa: TID251 - the command reads the clock, too
SESSIONS = "SELECT tenant_id, user_id, created_at, app_id, amr, browser, idp_session_id FROM sessions ORDER BY user_id"


def ago(**span: float) -> str:
    return to_text(NOW - timedelta(**span))


def line(number: int = 1, **members: Any) -> dict[str, Any]:
    """A line that is in order; a member that is None is left out."""
    told = {
        "tenant_id": "acme",
        "user_id": f"usr_{number}",
        "created_at": ago(hours=1),
        "source": "keycloak",
        "source_id": str(number),
    } | members
    return {name: value for name, value in told.items() if value is not None}


class Command:
    """The command on a database of the test's own."""

    def __init__(self, url: str, folder: Path) -> None:
        self._url = url
        self._file = folder / "sessions.jsonl"

    def __call__(self, *words: str, **settings: str) -> Result:
        environ = {
            "SOJOURN_DATABASE_URL": self._url,
            "SOJOURN_REFRESH_SECRET": REFRESH_SECRET,
            "SOJOURN_LOG_FORMAT": "json",
            **settings,
        }
        return CliRunner().invoke(sojourn, words, env=environ)

    def imports(self, *lines: dict[str, Any] | bytes, options: tuple[str, ...] = (), **settings: str) -> Any:
        """Import lines; what `--json` says, with the status."""
        texts = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in lines]
        self._file.write_bytes(b"\n".join(texts) + b"\n")
        done = self("import", str(self._file), "--json", *options, **settings)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        report = json.loads(done.stdout)
        assert done.exit_code == int(bool(report["errors"])), done.stderr
        assert report["refused"] == len(report["errors"])
        return report


@pytest.fixture
def command(database_url: str, tmp_path: Path) -> Command:
    return Command(database_url, tmp_path)


def numbers(report: dict[str, Any]) -> tuple[int, int, int, int]:
    return tuple(report[name] for name in ("imported", "taken_before", "expired", "refused"))  # type: ignore[return-value]


def test_a_session_is_taken_once_whatever_is_run_again(command: Command, sql: Sql) -> None:
    first = command.imports(line(1, app_id="shop", amr=["pwd", "otp"], idp={"issuer": "https://id", "session_id": "s"}))
    half = command.imports(line(1), line(2), line(2), line(3, tenant_id="globex", device_name="Till 4"))
    whole = command.imports(line(1), line(2), line(3, tenant_id="globex"))

    assert [numbers(report) for report in (first, half, whole)] == [(1, 0, 0, 0), (2, 2, 0, 0), (0, 3, 0, 0)]
    found = [(row[0], row[1], *row[3:]) for row in sql(SESSIONS)]
    assert found == [
        ("acme", "usr_1", "shop", "pwd,otp", None, "s"),
        ("acme", "usr_2", None, None, None, None),
        ("globex", "usr_3", None, None, "Till 4", None),
    ]
    told = sql("SELECT tenant_id, user_id FROM events WHERE type = 'session.created' ORDER BY user_id")
    assert told == [row[:2] for row in found]
    assert command("check").exit_code == 0, "the counters are what a recount gives"
    assert sql("SELECT count(*) FROM session_tokens") == sql("SELECT count(*) FROM issued_tokens") == [(0,)]


def test_the_ids_are_one_tenants_own_and_one_sources(command: Command) -> None:
    same = [line(1), line(1, tenant_id="globex"), line(1, source="kratos")]

    assert numbers(command.imports(*same)) == (3, 0, 0, 0)


def test_no_deadline_is_later_than_the_timeouts_allow(command: Command, sql: Sql) -> None:
    limits = {"SOJOURN_IDLE_TIMEOUT": "2h", "SOJOURN_ABSOLUTE_TIMEOUT": "10h"}
    command.imports(
        line(1, expires_at=ago(hours=-500)),
        line(2, expires_at=ago(hours=-3), last_active_at=ago(minutes=1)),
        line(3, last_active_at=ago(minutes=30)),
        **limits,
    )

    found = [[str(value)[:19].replace(" ", "T") for value in row] for row in sql(_DEADLINES)]
    assert found == [
        [at[:19] for at in (ago(hours=-9), ago(hours=-1))],
        [at[:19] for at in (ago(hours=-3), to_text(NOW - timedelta(minutes=1) + timedelta(hours=2)))],
        [at[:19] for at in (ago(hours=-9), to_text(NOW - timedelta(minutes=30) + timedelta(hours=2)))],
    ]


_DEADLINES = "SELECT expires_at, idle_expires_at FROM sessions ORDER BY user_id"


@on_sqlite
def test_what_is_over_is_left_out(command: Command, sql: Sql) -> None:
    over = [
        line(1, created_at=ago(days=300)),
        line(2, created_at=ago(hours=9), expires_at=ago(hours=8)),
        line(3, created_at="0001-01-01T00:00:00Z"),
    ]

    assert numbers(command.imports(*over)) == (0, 0, 3, 0)
    assert sql("SELECT count(*) FROM sessions") == [(0,)]


_WRONG: list[tuple[dict[str, Any] | bytes, str, str]] = [
    (line(user_id=None), "user_id", "required"),
    (line(source=None), "source", "required"),
    (line(refresh_token="secret"), "refresh_token", "unknown_property"),
    (line(tenant_id="a b"), "tenant_id", "pattern"),
    (line(created_at="yesterday"), "created_at", "format"),
    (line(created_at=ago(hours=-1)), "created_at", "maximum"),
    (line(auth_time=ago(hours=-1)), "auth_time", "maximum"),
    (line(last_active_at=ago(hours=2)), "last_active_at", "minimum"),
    (line(expires_at=ago(hours=1)), "expires_at", "minimum"),
    (line(amr=[]), "amr", "min_items"),
    (line(ip="1.2.3"), "ip", "any_of"),
    (line(idp={}), "idp.issuer", "required"),
    (line(user_id="a\x00b"), "user_id", "control_character"),
    (b"[]", "line", "type"),
    (b"{", "line", "json_syntax"),
    (b"\xff", "line", "encoding"),
    (b'{"user_id": "a", "user_id": "b"}', "user_id", "repeated_property"),
    (b'"' + b"a" * 70_000 + b'"', "line", "max_length"),
]


@on_sqlite
def test_refused_lines_are_reported_with_all_their_reasons_and_the_others_taken(command: Command, sql: Sql) -> None:
    lines = [wrong for wrong, _, _ in _WRONG]

    report = command.imports(line(1), *lines, b"", line(2))

    assert numbers(report) == (2, 0, 0, len(lines))
    assert [error["line"] for error in report["errors"]] == list(range(2, len(lines) + 2))
    for (_, field, code), found in zip(_WRONG, report["errors"], strict=True):
        assert (field, code) in {(error["field"], error["code"]) for error in found["errors"]}
        assert all("secret" not in error["description"] for error in found["errors"])
    assert sql("SELECT count(*) FROM sessions") == [(2,)]


@on_sqlite
def test_people_are_told_a_line_for_each_reason(command: Command, tmp_path: Path) -> None:
    (tmp_path / "few.jsonl").write_text(json.dumps(line(1)) + "\n" + json.dumps(line(2, user_id=None)) + "\n")

    done = command("import", str(tmp_path / "few.jsonl"))

    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        "line 2: user_id: This value is required.",
        "1 sessions imported, 0 taken before, 0 expired, 1 lines refused",
    ]


@on_sqlite
def test_people_are_told_which_lines_are_over_a_limit(command: Command, tmp_path: Path) -> None:
    command.imports(line(1, user_id="ann"))
    command("policy", "set", "--tenant", "acme", "--max-sessions", "1", "--on-limit", "deny")
    (tmp_path / "few.jsonl").write_text(json.dumps(line(2, user_id="ann")) + "\n")

    done = command("import", str(tmp_path / "few.jsonl"))

    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        "line 1: taken, though the tenant's policy allows the user fewer sessions: it holds from the next sign-in on",
        "1 sessions imported, 0 taken before, 0 expired, 0 lines refused",
    ]


@on_sqlite
def test_a_dry_run_says_the_same_and_writes_nothing(command: Command, sql: Sql) -> None:
    command.imports(line(1))
    lines = [line(1), line(2), line(3, tenant_id="globex"), line(4, user_id=None)]

    would = command.imports(*lines, options=("--dry-run",))
    tables = ("sessions", "tenants", "events", "presented_tokens", "audit_records")
    kept = [sql(f"SELECT count(*) FROM {name}") for name in tables]

    assert kept == [[(1,)]] * len(tables)
    assert would | {"dry_run": False} == command.imports(*lines)


def test_a_user_who_was_ended_is_not_brought_back(command: Command, sql: Sql) -> None:
    command.imports(line(1), line(2, tenant_id="globex"))
    command("end-sessions", "--tenant", "acme", "--yes")

    report = command.imports(line(1), line(3), line(2, tenant_id="globex"))

    assert numbers(report) == (0, 2, 0, 1)
    assert report["errors"][0]["errors"][0]["code"] == "sign_in_superseded"
    assert sql("SELECT count(*) FROM sessions WHERE tenant_id = 'acme' AND revoked_at IS NULL") == [(0,)]


def test_a_user_keeps_the_sessions_used_last(command: Command, sql: Sql) -> None:
    lines = [line(n, user_id="ann", last_active_at=ago(minutes=n)) for n in range(1, 6)]

    report = command.imports(*lines, SOJOURN_MAX_SESSIONS_PER_USER="3")

    assert numbers(report) == (5, 0, 0, 0)
    ended = sql("SELECT reason_code, count(*) FROM sessions GROUP BY reason_code ORDER BY 2")
    assert sorted(ended, key=str) == [("session_limit", 2), (None, 3)]
    latest = sql("SELECT min(last_active_at) FROM sessions WHERE revoked_at IS NULL")
    assert str(latest[0][0])[:19].replace(" ", "T") == ago(minutes=3)[:19]
    assert command("check").exit_code == 0


@pytest.mark.parametrize("on_limit", ["deny", "end_oldest"])
def test_a_limit_of_the_tenant_refuses_and_ends_no_session_and_its_lines_are_named(
    command: Command, sql: Sql, on_limit: str
) -> None:
    command.imports(line(1, user_id="ann", app_id="shop"))
    limit = ("--max-sessions", "2", "--on-limit", on_limit, "--per", "user_app")
    assert command("policy", "set", "--tenant", "acme", *limit).exit_code == 0
    lines = [line(n, user_id="ann", app_id="shop") for n in range(1, 5)]
    lines += [line(5, user_id="ann", app_id="till"), line(6, tenant_id="globex", user_id="ann")]

    would = command.imports(*lines, options=("--dry-run",))
    report = command.imports(*lines)

    assert numbers(report) == (5, 1, 0, 0)
    assert report["over_limit"] == [3, 4]
    assert would == report | {"dry_run": True}
    assert sql("SELECT count(*) FROM sessions WHERE revoked_at IS NULL") == [(6,)]
    assert command.imports(*lines)["over_limit"] == []


@on_sqlite
def test_a_database_that_is_busy_for_a_moment_is_waited_for(database_url: str, sql: Sql) -> None:
    settings = Settings.from_env({"SOJOURN_DATABASE_URL": database_url, "SOJOURN_REFRESH_SECRET": REFRESH_SECRET})
    file, report = io.BytesIO(json.dumps(line(1)).encode()), Report(as_json=False, dry_run=False)

    async def run(database: Database) -> None:
        other = sqlite3.connect(database_url.removeprefix("sqlite:///"))
        other.execute("BEGIN IMMEDIATE")
        asyncio.get_running_loop().call_later(1, other.close)
        await Importing(settings, database, dry_run=False).run(file, LineReader(settings), report=report)

    asyncio.run(with_open_database(database_url, run, busy_timeout=timedelta(milliseconds=50)))

    assert report.counts == {"imported": 1}
    assert sql("SELECT count(*) FROM sessions") == [(1,)]


@on_sqlite
def test_tenants_are_made_within_the_limit_or_by_hand_alone(command: Command) -> None:
    lines = [line(1, tenant_id="acme"), line(2, tenant_id="globex")]

    by_hand = command.imports(*lines, SOJOURN_TENANTS_PROVISIONED="true")
    few = command.imports(*lines, SOJOURN_MAX_TENANTS="1")

    assert [error["errors"][0]["code"] for error in by_hand["errors"]] == ["tenant_not_found"] * 2
    assert [error["errors"][0]["code"] for error in few["errors"]] == ["tenant_limit_reached"]


@on_sqlite
def test_what_was_imported_is_a_session_like_any_other(command: Command) -> None:
    agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/123.0"
    command.imports(line(1, user_agent=agent, device_id="d1"))

    (shown,) = json.loads(command("session", "list", "--tenant", "acme", "--json").stdout)

    assert {name: shown[name] for name in ("user_id", "status", "browser", "os", "device_type", "device_id")} == {
        "user_id": "usr_1",
        "status": "active",
        "browser": "Chrome 123",
        "os": "Windows 10",
        "device_type": "desktop",
        "device_id": "d1",
    }
    assert shown["created_at"] == ago(hours=1)
