"""Where settings come from: each source has its rank, each mistake its place, and a file may hold every setting."""

import json
import os
import re
import subprocess
import sys
import urllib.request
from dataclasses import fields
from pathlib import Path

import pytest

from sojourn.settings import Settings
from sojourn.settings.settings import variable
from sojourn.settings.sources import SECRETS, gather
from tests.live import API_KEY, LiveServer

SECRET = "q7Vd2mXw9LkTz4RbYc8NfHs3JgPu6EaW1oIi5xQt"


def config(folder: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """`sojourn … config …` in a folder, in an environment with nothing else of ours."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("SOJOURN_")}
    command = [sys.executable, "-m", "sojourn", *words]
    return subprocess.run(
        command, cwd=folder, env={**plain, **environ}, capture_output=True, text=True, timeout=60, check=False
    )


def private(path: Path, text: str) -> Path:
    path.touch(0o600)
    path.write_text(text, "utf-8")
    return path


def test_a_variable_wins_over_a_credential_and_that_over_the_file(tmp_path: Path) -> None:
    file = private(tmp_path / "s.toml", f'port = 1\nrefresh_secret = "{SECRET}1"\njwt_secret = "{SECRET}1"\n')
    private(tmp_path / "sojourn_refresh_secret", SECRET + "2\n")
    private(tmp_path / "sojourn_jwt_secret", SECRET + "2\n")
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path), "SOJOURN_JWT_SECRET": SECRET + "3"}

    found = gather(environ, file=file)

    assert found.problems == []
    assert {name: given.text[-1] for name, given in found.given.items()} == {
        "port": "1",
        "refresh_secret": "2",
        "jwt_secret": "3",
    }


def test_the_example_names_every_setting_and_is_read_as_the_defaults(tmp_path: Path) -> None:
    text = config(tmp_path, "config", "example").stdout
    named = re.findall(r"^# (\w+) = ", text, re.MULTILINE)
    assert [name for name in named if not name.endswith("_file")] == [item.name for item in fields(Settings)]
    secrets = "|".join(SECRETS)
    given = re.sub(rf"^# ((?!{secrets})\w+ = )", r"\1", text, flags=re.MULTILINE)
    given = re.sub(r"^(\w+ = \{).*\}$", r"\1}", given, flags=re.MULTILINE)

    found = gather({}, file=private(tmp_path / "s.toml", given))

    assert found.problems == []
    assert Settings.from_env(found.environ()) == Settings()


@pytest.mark.parametrize("name", SECRETS)
def test_every_secret_may_stand_in_a_file_of_its_own(name: str, tmp_path: Path) -> None:
    private(tmp_path / "secret", "first\nsecond\n" if name == "internal_api_keys" else "the text\n")
    wanted = "first,second" if name == "internal_api_keys" else "the text"

    by_variable = gather({f"{variable(name)}_FILE": str(tmp_path / "secret")})
    by_file = gather({}, file=private(tmp_path / "s.toml", f'{name}_file = "secret"\n'))

    assert [found.problems for found in (by_variable, by_file)] == [[], []]
    assert [found.given[name].text for found in (by_variable, by_file)] == [wanted, wanted]


def test_every_mistake_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "open.toml").write_text(
        '# settings\nprot = 1\nidle_timeout = "5 hours"\nport = 99999\nhost = 1.5\n'
        f'internal_api_keys = ["a,b"]\njwt_secret = "{SECRET}"\nrefresh_secret_file = "none"\n',
        "utf-8",
    )
    (tmp_path / "open.toml").chmod(0o644)

    done = config(tmp_path, "--config", "open.toml", "config", "check")

    assert done.returncode == 2
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert sorted(line.split(":")[1] for line in lines) == ["2", "3", "4", "5", "6", "7", "8"], done.stderr
    assert {line.split(":")[0] for line in lines} == {"open.toml"}
    assert "did you mean port?" in done.stderr
    assert SECRET not in done.stderr


@pytest.mark.parametrize(
    ("text", "said"), [("x = [", "open.toml: "), ("port = 1\nport = 2\n", "open.toml: ")], ids=["broken", "twice"]
)
def test_a_file_that_is_no_toml_is_one_line(text: str, said: str, tmp_path: Path) -> None:
    private(tmp_path / "open.toml", text)

    done = config(tmp_path, "config", "check", SOJOURN_CONFIG="open.toml")

    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert done.stderr.startswith(said)


def test_a_variable_and_its_file_at_once_are_refused(tmp_path: Path) -> None:
    private(tmp_path / "secret", SECRET)
    environ = {"SOJOURN_JWT_SECRET": SECRET, "SOJOURN_JWT_SECRET_FILE": str(tmp_path / "secret")}

    assert gather(environ).problems == ["SOJOURN_JWT_SECRET_FILE: SOJOURN_JWT_SECRET is set too; set one of them"]


def test_show_says_where_each_value_was_found_and_prints_no_secret(tmp_path: Path) -> None:
    private(tmp_path / "sojourn.toml", f'port = 8123\nrefresh_secret = "{SECRET}"\n')

    done = config(tmp_path, "config", "show", "--json", SOJOURN_IDLE_TIMEOUT="1h")

    rows = {row["id"]: row for row in json.loads(done.stdout)}
    assert rows["SOJOURN_PORT"] == {"id": "SOJOURN_PORT", "value": "8123", "source": "sojourn.toml:1"}
    assert rows["SOJOURN_REFRESH_SECRET"]["value"] == "********"
    assert rows["SOJOURN_IDLE_TIMEOUT"] == {
        "id": "SOJOURN_IDLE_TIMEOUT",
        "value": "1h",
        "source": "SOJOURN_IDLE_TIMEOUT",
    }
    assert rows["SOJOURN_WORKERS"]["source"] == "default"
    assert SECRET not in done.stdout


@pytest.mark.parametrize("name", ["SOJOURN_INTERNAL_API_KEYS", "SOJOURN_JWT_SECRET", "SOJOURN_REFRESH_SECRET"])
def test_a_secret_that_looks_like_a_url_is_not_shown_either(tmp_path: Path, name: str) -> None:
    done = config(tmp_path, "config", "show", "--json", **{name: f"key://{SECRET}"})

    assert {row["id"]: row["value"] for row in json.loads(done.stdout)}[name] == "********"
    assert SECRET not in done.stdout


def test_a_server_and_its_workers_take_the_file_and_the_secret_beside_it(tmp_path: Path) -> None:
    private(tmp_path / "keys", API_KEY + "\n")
    file = private(tmp_path / "s.toml", 'internal_api_keys_file = "keys"\nbase_path = "/sessions"\nworkers = 2\n')

    server = LiveServer(
        tmp_path, awaits="/sessions/health/ready", SOJOURN_CONFIG=str(file), SOJOURN_INTERNAL_API_KEYS=""
    )
    try:
        request = urllib.request.Request(
            f"{server.url}/sessions/internal/session/sessions/ann",
            headers={"X-API-Key": API_KEY, "X-Tenant-ID": "acme"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert answer.status == 200
    finally:
        server.stop()
    assert "is not a setting" not in server.log.read_text("utf-8")
