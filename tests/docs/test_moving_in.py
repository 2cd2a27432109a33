"""Each way out of another system, as the guide shows it: run on that system's documented tables, then imported."""

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sojourn.cli.import_lines import LineReader, lines_of
from sojourn.domain.errors import ValidationFailed
from sojourn.settings import Settings
from tests import postgres
from tests.docs.snippets import ROOT

GUIDE = (ROOT / "docs" / "guides" / "moving-in.md").read_text("utf-8")
SETTINGS = {
    "SOJOURN_DATABASE_URL": "sqlite:///none.db",
    "SOJOURN_INTERNAL_API_KEYS": "internal-key-for-the-tests-0123456789",
    "SOJOURN_JWT_SECRET": "a-secret-of-at-least-thirty-two-bytes!",
}
USER = "0c7b5a0e-5c44-4d13-8d8b-3f7f1f0f0001"
SESSION = "08a5019c-17e1-4977-8f42-65a12843ea02"
KEYCLOAK = f"""
CREATE TABLE realm (id varchar(36) PRIMARY KEY, name varchar(255), enabled boolean NOT NULL DEFAULT true);
CREATE TABLE offline_user_session (
    user_session_id varchar(36) NOT NULL, user_id varchar(255) NOT NULL, realm_id varchar(36) NOT NULL,
    created_on int NOT NULL, offline_flag varchar(4) NOT NULL, data text, last_session_refresh int NOT NULL DEFAULT 0,
    broker_session_id varchar(1024), version int DEFAULT 0, PRIMARY KEY (user_session_id, offline_flag));
INSERT INTO realm VALUES ('r1', 'shop');
INSERT INTO offline_user_session
SELECT '{SESSION}', '{USER}', 'r1', extract(epoch FROM now())::int - 1200, flag,
    '{{"ipAddress":"192.0.2.7","authMethod":"openid-connect","rememberMe":false,"started":0,"notes":{{}}}}',
    extract(epoch FROM now())::int - 60
FROM unnest(ARRAY['0', '1']) AS flag;
"""
KRATOS = f"""
CREATE TABLE sessions (
    id uuid PRIMARY KEY, issued_at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP, expires_at timestamp NOT NULL,
    authenticated_at timestamp NOT NULL, identity_id uuid NOT NULL, created_at timestamp NOT NULL,
    updated_at timestamp NOT NULL, token varchar(39), active boolean DEFAULT false, nid uuid, logout_token varchar(39),
    aal varchar(4) NOT NULL DEFAULT 'aal1', authentication_methods json NOT NULL);
CREATE TABLE session_devices (
    id uuid PRIMARY KEY, ip_address varchar(50) DEFAULT '', user_agent varchar(512) DEFAULT '',
    location varchar(512) DEFAULT '', nid uuid NOT NULL, session_id uuid NOT NULL, created_at timestamp NOT NULL,
    updated_at timestamp NOT NULL);
INSERT INTO sessions SELECT id::uuid, at, at + interval '1 day', at, '{USER}', at, at, 'secret', active, NULL, 'secret',
    'aal2', '[{{"method":"password","aal":"aal1"}},{{"method":"totp","aal":"aal2"}},{{"method":"totp"}}]'
FROM (VALUES ('{SESSION}', true), ('{SESSION[:-1]}3', false)) AS given (id, active),
    LATERAL (SELECT (now() AT TIME ZONE 'UTC') - interval '20 minutes') AS before (at);
INSERT INTO session_devices SELECT gen_random_uuid(), '192.0.2.7', 'Mozilla/5.0', '', gen_random_uuid(), id, at, at
FROM sessions, LATERAL (SELECT now() AT TIME ZONE 'UTC') AS present (at) WHERE active;
"""
DJANGO = [
    {
        "model": "sessions.session",
        "pk": "bv3dkhzwdp4ykgc27es1y6lao36l6eao",
        "fields": {
            "session_data": (
                ".eJyrVopPLC3JiC8tTi2Kz0xRslIyMVLSQRZMSkzOTs0DyaRkJeal5-sl5-eVFGUm6YGU6EFli_V881NSc5ygalEMy"
                "EgszgDqTkxKVqoFAKgoJ6g:1xWhmH:AG1-LtAED51c_i91c9LObEYtKWk_HebIVh0NZ1T-5_U"
            ),
            "expire_date": "2026-12-10T22:17:17.628Z",
        },
    },
    {
        "model": "sessions.session",
        "pk": "fel9v3qry77159yl5dx33rknc4fm4ynl",
        "fields": {
            "session_data": ("eyJjYXJ0IjpbMV19:1xWhmH:rh3D4MTtSTL3obGs-lp92lMg5hF-gjMNXjQ0IWGe4to"),
            "expire_date": "2026-12-10T22:17:17.736Z",
        },
    },
    {
        "model": "sessions.session",
        "pk": "pd3khof96z6nk3z2oulkisjiza2gi2k8",
        "fields": {
            "session_data": (
                ".eJyrVkpOLCpRsoo21BmFo5DqMFZHKT6xtCQjvrQ4tSg-M0XJSslcqRYAkhB3KQ:1xWhmH:g1S9aSBmjIrCeoJOhzo"
                "95p5ILZ6Lp50sPjQdg1P0UiQ"
            ),
            "expire_date": "2026-12-10T22:17:17.691Z",
        },
    },
]
"""What `dumpdata` of Django 5.2 wrote: two sessions of users, one of them long, and one of nobody."""


def snippets_of(heading: str) -> list[str]:
    """The snippets below a heading of the guide."""
    section = re.split(r"^## ", GUIDE, flags=re.MULTILINE)
    (text,) = [part for part in section if part.startswith(heading)]
    return re.findall(r"^```bash\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def converted(heading: str, folder: Path, **environ: str) -> list[dict[str, Any]]:
    """The lines that the last snippet below a heading writes; each fits the contract."""
    shell = {**os.environ, **environ, "PATH": f"{folder}:{os.environ['PATH']}"}
    (folder / "python3").symlink_to(sys.executable)
    done = subprocess.run(
        ["bash", "-ec", snippets_of(heading)[-1]], cwd=folder, env=shell, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (file,) = folder.glob("*.jsonl")
    reader, later = LineReader(Settings.from_env(SETTINGS)), datetime(2100, 1, 1, tzinfo=UTC)
    with file.open("rb") as lines:
        for _, text in lines_of(lines):
            try:
                reader.read(text, later)
            except ValidationFailed as error:
                pytest.fail(f"{text!r}: {error.violations}")
    found = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    assert "secret" not in file.read_text("utf-8")
    return found


def from_tables(heading: str, tables: str, *, cluster: postgres.Cluster, folder: Path) -> dict[str, Any]:
    """The one line that the query below a heading finds in tables of PostgreSQL."""
    name = cluster.create(empty=True)
    cluster.script(tables, name)
    programs = postgres.binaries()
    assert programs is not None
    (folder / "psql").symlink_to(programs / "psql")
    url = f"postgresql:///{name}?host={cluster.folder}&user=postgres"
    (found,) = converted(heading, folder, KEYCLOAK_DATABASE=url, KRATOS_DATABASE=url)
    cluster.drop(name)
    return found


def test_sessions_leave_keycloak_with_their_ids_there(cluster: postgres.Cluster, tmp_path: Path) -> None:
    found = from_tables("Out of Keycloak", KEYCLOAK, cluster=cluster, folder=tmp_path)

    assert (found["tenant_id"], found["user_id"], found["ip"]) == ("shop", USER, "192.0.2.7")
    assert found["idp"] == {"issuer": "https://id.example.com/realms/shop", "session_id": SESSION}
    assert between(found["created_at"], found["last_active_at"]) == timedelta(seconds=1140)


def test_sessions_leave_kratos_with_methods_and_device(cluster: postgres.Cluster, tmp_path: Path) -> None:
    found = from_tables("Out of Kratos", KRATOS, cluster=cluster, folder=tmp_path)

    assert (found["user_id"], found["acr"], found["source_id"]) == (USER, "aal2", SESSION)
    assert (sorted(found["amr"]), found["ip"], found["user_agent"]) == (
        ["password", "totp"],
        "192.0.2.7",
        "Mozilla/5.0",
    )
    assert between(found["created_at"], found["expires_at"]) == timedelta(days=1)


def test_sessions_leave_a_redis_store_without_the_ids_that_are_cookies(tmp_path: Path) -> None:
    end = datetime.now(UTC) + timedelta(hours=23)  # noqa: TID251 - the cookie ends after the present
    cookie = {"originalMaxAge": 86_400_000, "expires": end.isoformat(), "httpOnly": True, "path": "/"}
    stored = [
        ("sess:secret-1", {"cookie": cookie, "passport": {"user": 42}}),
        ("sess:secret-2", {"cookie": cookie}),
        ("sess:secret-3", {"cookie": {"originalMaxAge": None, "expires": None}, "passport": {"user": 42}}),
    ]
    (tmp_path / "redis.tsv").write_text("".join(f"{key}\t{json.dumps(data)}\n" for key, data in stored))

    (found,) = converted("Out of a Redis store", tmp_path)

    assert found["user_id"] == "42"
    assert between(found["created_at"], found["expires_at"]) == timedelta(days=1)


def test_sessions_leave_django_without_the_keys_that_are_cookies(tmp_path: Path) -> None:
    (tmp_path / "django.json").write_text(json.dumps(DJANGO))

    found = converted("Out of Django", tmp_path)

    assert [line["user_id"] for line in found] == ["42", "7"]
    assert {line["created_at"] for line in found} == {"2026-11-26T22:17:17+00:00"}
    assert not [row["pk"] for row in DJANGO if str(row["pk"]) in json.dumps(found)]


def between(one: str, other: str) -> timedelta:
    return datetime.fromisoformat(other) - datetime.fromisoformat(one)
