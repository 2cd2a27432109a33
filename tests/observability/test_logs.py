"""Logs: one line a record, parseable, in UTC, without secrets."""

import json
import logging
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from sojourn.domain.values import Caller, Tenant
from sojourn.observability import logs

LOGS = (Path(__file__).parents[2] / "docs" / "logs.md").read_text("utf-8")
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1In0.c2lnbmF0dXJl"
KEY = "sj_0196376f2c007000800098765432abcd_" + "x" * 43 + "00000000"
HOSTILE = "a\r\nb\x1b[31m\u2028c\x00\x85\ud800"


ACME = Tenant("acme")
ANN = Caller("user", "ann")


@dataclass
class Served:
    """An answered request."""

    operation_id: str = "get_session"
    route: str = "/sessions/{session_id}"
    trace_id: str = "0af7651916cd43dd8448eb211c80319c"
    address: str | None = "192.0.2.1"
    problem: str | None = "invalid_token"
    reason: str | None = "aud: got billing, want sessions"
    request_id: str = "req_1"
    tenant: Tenant | None = ACME
    caller: Caller | None = ANN
    method: str = "GET"
    started: float = 0.0


def record(message: str, **extra: object) -> logging.LogRecord:
    """A record as the logging module makes it."""
    made = logging.makeLogRecord({"name": "sojourn.test", "msg": message, "levelname": "INFO", "created": 0.0})
    vars(made).update(extra)
    return made


@pytest.mark.parametrize("formatter", [logs.JsonLines(), logs.TextLines()])
def test_a_record_is_one_line_whatever_a_client_sends(formatter: logging.Formatter) -> None:
    line = formatter.format(record(f"agent {HOSTILE}", agent=HOSTILE))

    assert len(line.splitlines()) == 1
    assert line.isprintable()


@pytest.mark.parametrize("formatter", [logs.JsonLines(), logs.TextLines()])
@pytest.mark.parametrize("secret", [TOKEN, KEY])
def test_what_looks_like_a_secret_is_masked(formatter: logging.Formatter, secret: str) -> None:
    line = formatter.format(record(f"sent {secret} here", header=f"Bearer {secret}"))

    assert secret not in line
    assert secret[-20:] not in line
    assert "sent *** here" in line


def test_a_json_line_parses_and_its_instant_is_utc() -> None:
    line = json.loads(logs.JsonLines().format(record("hello", status=200)))

    assert line == {
        "timestamp": "1970-01-01T00:00:00.000Z",
        "level": "info",
        "logger": "sojourn.test",
        "message": "hello",
        "status": 200,
    }


@pytest.mark.parametrize("formatter", [logs.JsonLines(), logs.TextLines()])
def test_a_traceback_stays_in_its_line(formatter: logging.Formatter) -> None:
    try:
        raise RuntimeError("broken")
    except RuntimeError as error:
        made = record("oh", exc_info=(type(error), error, error.__traceback__))

    line = formatter.format(made)

    assert "RuntimeError: broken" in line
    assert "\n" not in line


def test_the_access_line_tells_what_was_served(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "sojourn.access")

    logs.access(Served(), 200)

    (line,) = caplog.records
    told = vars(line)
    assert (told["operation"], told["status"], told["tenant"], told["caller"], told["request_id"], told["method"]) == (
        "get_session",
        200,
        "acme",
        "ann",
        "req_1",
        "GET",
    )
    assert told["duration_ms"] > 0


def test_every_field_of_the_access_line_is_in_the_page_on_logs_and_no_other(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "sojourn.access")
    section = LOGS.partition("## One line for each request")[2].partition("\n## ")[0]

    logs.access(Served(), 401)

    (line,) = caplog.records
    told = set(vars(line)) - set(vars(logging.makeLogRecord({}))) - {"message", "asctime", "taskName"}
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == told


@pytest.mark.parametrize("library", ["connexion", "connexion.middleware.routing", "alembic", "sqlalchemy.engine"])
def test_libraries_are_silent_at_every_level_until_they_warn(library: str) -> None:
    run = (
        "import logging, logging.config; from sojourn.observability import logs;"
        "logging.config.dictConfig(logs.config('text', 'debug'));"
        f"logging.getLogger({library!r}).info('noise'); logging.getLogger({library!r}).warning('heard');"
        "logging.getLogger('sojourn.x').debug('ours')"
    )
    done = subprocess.run([sys.executable, "-c", run], capture_output=True, text=True, timeout=60, check=True)

    assert "noise" not in done.stderr
    assert "heard" in done.stderr
    assert "ours" in done.stderr


def test_no_access_line_is_made_when_the_level_is_off(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "sojourn.access")

    logs.access(Served(), 200)

    assert caplog.records == []


def test_a_refresh_token_is_masked_wherever_it_stands() -> None:
    secret = "A" * 43
    token = f"rt_01968a3c-5c00-7000-8000-00a1b2c3d4e5.YWNtZQ.7.{secret}.{secret}"

    assert logs.masked(f"before {token} behind") == "before *** behind"


def test_the_server_is_named_in_the_log_and_what_is_not_known_is_left_out_for_people() -> None:
    record = logging.makeLogRecord({"name": "uvicorn.error", "msg": "Started", "levelname": "INFO", "tenant": None})

    assert logs.TextLines().format(record).endswith("INFO    sojourn.server: Started")
    assert json.loads(logs.JsonLines().format(record)) | {"timestamp": ""} == {
        "timestamp": "",
        "level": "info",
        "logger": "sojourn.server",
        "message": "Started",
        "tenant": None,
    }
