"""What an operator is told about tokens: `sojourn token inspect`, and a key set that is not usable at start."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.authentication.tokens import PRIVATE, public_jwk, token
from tests.live import LiveServer, free_port

NOW_AND_LATER: dict[str, Any] = {"iat": 1, "exp": 4102444800}


def run(folder: Path, *arguments: str, given: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
    """The command line in a folder of its own, with these settings and no others."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "sojourn", *arguments],
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), **environ},
        cwd=folder,
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def key_file(folder: Path, *keys: dict[str, Any]) -> str:
    """A key set file."""
    path = folder / "keys.json"
    path.write_text(json.dumps({"keys": keys}))
    return str(path)


def provider_token(**changes: Any) -> str:
    """A provider's token that does not expire soon."""
    return token(PRIVATE["ES256"], "ES256", {"kid": "ES256"}, **NOW_AND_LATER | changes)


def test_inspect_says_what_a_good_token_means(tmp_path: Path) -> None:
    jwks = key_file(tmp_path, public_jwk("ES256"))
    (tmp_path / "token.jwt").write_text(f"Bearer {provider_token(aud='sessions')}\n")

    done = run(tmp_path, "token", "inspect", "token.jwt", SOJOURN_JWT_JWKS=jwks, SOJOURN_JWT_AUDIENCE="sessions")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["accepted", "user", "usr_1", "tenant", "acme", "roles", "admin"]
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".db"] == [], "it asks no database"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"aud": "billing"}, "aud: got billing, want sessions"),
        ({"aud": "sessions", "tenant_id": None}, "tenant: the claim tenant_id is missing"),
        ({"aud": "sessions", "exp": 1000}, "exp: passed "),
        ({"aud": "sessions", "iss": "x", "typ": "ID"}, "typ: a token of another kind"),
    ],
    ids=str,
)
def test_inspect_says_why_a_token_is_refused(tmp_path: Path, changes: dict[str, Any], reason: str) -> None:
    jwks, text = key_file(tmp_path, public_jwk("ES256")), provider_token(**changes)

    done = run(tmp_path, "token", "inspect", given=text, SOJOURN_JWT_JWKS=jwks, SOJOURN_JWT_AUDIENCE="sessions")

    assert done.returncode == 1
    assert done.stdout.startswith(f"refused: {reason}")
    assert done.stdout.count("\n") == 1
    assert text not in done.stdout + done.stderr


def test_inspect_of_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    done = run(tmp_path, "token", "inspect", "absent.jwt")

    assert done.returncode == 2
    assert done.stderr.startswith("sojourn: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "content",
    [
        None,
        "",
        "{}",
        "[]",
        '{"keys": 7}',
        '{"keys": []}',
        json.dumps({"keys": [{**public_jwk("RS256"), "use": "enc"}]}),
    ],
)
def test_a_key_set_file_without_a_usable_key_is_fatal_at_start(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "keys.json"
    if content is not None:
        path.write_text(content)

    done = run(
        tmp_path, "serve", "--port", str(free_port()), SOJOURN_JWT_JWKS=str(path), SOJOURN_JWT_AUDIENCE="sessions"
    )

    assert done.returncode == 1
    assert done.stderr.startswith("sojourn: cannot use the key set of SOJOURN_JWT_JWKS: ")
    assert str(path) in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_key_set_url_that_does_not_answer_is_warned_of_and_the_service_is_not_ready(tmp_path: Path) -> None:
    dead = f"http://127.0.0.1:{free_port()}/keys"
    server = LiveServer(tmp_path, awaits="/health/live", SOJOURN_JWT_JWKS=dead)
    try:
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(f"{server.url}/health/ready", timeout=30)
    finally:
        server.stop()

    with caught.value as refusal:
        assert refusal.code == 503
    assert f"the key set was not read: {dead}" in server.log.read_text()
    assert "SOJOURN_JWT_AUDIENCE is not set" in server.log.read_text()


def test_conformance_runs_nothing_of_the_current_folder(tmp_path: Path) -> None:
    for name in ("sojourn", "conformance"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("print('of the current folder')\n")
        (tmp_path / name / "__main__.py").write_text("print('of the current folder')\n")

    done = run(tmp_path, "conformance", "--help")

    assert "of the current folder" not in done.stdout
    assert "URL" in done.stdout
