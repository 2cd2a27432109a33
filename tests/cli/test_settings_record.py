"""The settings of a start stand in the service's own trail, once, and only where they differ from those before."""

import json
import signal
import sqlite3
import threading
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from sojourn.cli import sojourn
from sojourn.cli.settings_record import ACTION, record_settings
from sojourn.settings import Settings
from sojourn.settings.settings import variable
from tests.conftest import on_sqlite
from tests.live import API_KEY, JWT_SECRET, REFRESH_SECRET, LiveServer

SECRETS = {"SOJOURN_JWT_SECRET": JWT_SECRET, "SOJOURN_REFRESH_SECRET": REFRESH_SECRET}
STARTS = 6


def trail(database_url: str) -> list[dict[str, Any]]:
    """Every record of the database, whose chains hold."""

    def printed(command: str) -> str:
        environ = {**SECRETS, "SOJOURN_DATABASE_URL": database_url}
        done = CliRunner().invoke(sojourn, ["audit", command], env=environ)
        assert done.exit_code == 0, done.output
        return done.stdout

    printed("verify")
    text = printed("export")
    assert not any(secret in text for secret in (API_KEY, *SECRETS.values()))
    return [line for line in map(json.loads, text.splitlines()) if "head" not in line]


def settings_of(database_url: str, **more: Any) -> Settings:
    return Settings(database_url=database_url, jwt_secret=JWT_SECRET, refresh_secret=REFRESH_SECRET, **more)


def test_a_start_with_several_workers_writes_one_record_and_the_next_only_what_is_new(
    database_url: str, tmp_path: Path
) -> None:
    server = LiveServer(tmp_path, **SECRETS, SOJOURN_DATABASE_URL=database_url, SOJOURN_WORKERS="2")
    try:
        assert server.stop() in (0, -signal.SIGTERM)
        server.environ["SOJOURN_IDLE_TIMEOUT"] = "1h"
        server.restart()
    finally:
        server.stop()

    first, second = trail(database_url)
    assert (first["action"], first["tenant_id"], first["target"]) == (ACTION, "<service>", None)
    assert first["actor"]["kind"] == "operator"
    assert (first["before"], second["before"]) == (None, {"SOJOURN_IDLE_TIMEOUT": "4h"})
    assert first["after"].keys() == {variable(item.name) for item in fields(Settings)}
    assert (first["after"]["SOJOURN_WORKERS"], first["after"]["SOJOURN_JWT_SECRET"]) == ("2", "********")
    assert second["after"] == {**first["after"], "SOJOURN_IDLE_TIMEOUT": "1h"}


def test_servers_that_start_at_the_same_time_with_the_same_settings_write_one_record(database_url: str) -> None:
    settings = settings_of(database_url, busy_timeout=Settings().busy_timeout * 12)
    together = threading.Barrier(STARTS)

    def start() -> None:
        together.wait()
        record_settings(settings)

    starts = [threading.Thread(target=start) for _ in range(STARTS)]
    for one in starts:
        one.start()
    for one in starts:
        one.join()

    assert [record["action"] for record in trail(database_url)] == [ACTION]


def test_settings_that_come_back_are_a_record_too(database_url: str) -> None:
    for tenants in (1, 2, 1, 1):
        record_settings(settings_of(database_url, max_tenants=tenants))

    told = [(record["before"], record["after"]["SOJOURN_MAX_TENANTS"]) for record in trail(database_url)]
    name = "SOJOURN_MAX_TENANTS"
    assert told == [(None, "1"), ({name: "1"}, "2"), ({name: "2"}, "1")]


@on_sqlite
def test_a_start_that_cannot_write_the_record_goes_on_and_says_so(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    held = sqlite3.connect(database_url.removeprefix("sqlite:///"))
    held.execute("BEGIN IMMEDIATE")
    record_settings(settings_of(database_url, busy_timeout=Settings().busy_timeout / 50))
    held.rollback()
    held.close()

    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "not in the audit trail" in caplog.text
    record_settings(settings_of(database_url))
    assert len(trail(database_url)) == 1
