"""Files of the database and of keys are their owner's; HTTPS is served with a key that nobody else can read."""

import os
import ssl
import stat
import subprocess
import sys
import urllib.request
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sojourn.domain.clock import utc_now
from tests.live import API_KEY, LiveServer


def mode(path: Path) -> int:
    """The permissions of a file."""
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for localhost and its private key, as files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = utc_now()
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    chain, private = tmp_path / "chain.pem", tmp_path / "key.pem"
    chain.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.touch(0o600)
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return chain, private


def refused(folder: Path, *arguments: str, **settings: str) -> str:
    """What `sojourn serve` says when it does not start."""
    environ = {
        "SOJOURN_DATABASE_URL": f"sqlite:///{folder}/sojourn.db",
        "SOJOURN_INTERNAL_API_KEYS": API_KEY,
        **settings,
    }
    command = [sys.executable, "-m", "sojourn", "serve", *arguments]
    run = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=30, check=False)
    assert run.returncode in (1, 2, 3), run.stderr
    return run.stderr


def test_files_of_the_database_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        server = LiveServer(tmp_path)
        headers = {"X-API-Key": API_KEY, "X-Tenant-ID": "acme", "Content-Type": "application/json"}
        body = b'{"auth_user_id": "usr_abc123"}'
        urllib.request.urlopen(
            urllib.request.Request(f"{server.url}/internal/session/create", body, headers), timeout=5
        )
        modes = {file.name: mode(file) for file in tmp_path.glob("sojourn.db*")}
        server.stop()
    finally:
        os.umask(before)

    assert modes == dict.fromkeys(("sojourn.db", "sojourn.db-wal", "sojourn.db-shm", "sojourn.db.key"), 0o600)


def test_a_key_file_that_others_may_read_is_refused_with_the_command_to_run(tmp_path: Path) -> None:
    key = tmp_path / "sojourn.db.key"
    key.write_text("a-secret-of-at-least-thirty-two-bytes!\n")
    key.chmod(0o640)

    said = refused(tmp_path)

    assert f"chmod 600 {key}" in said
    assert said.count("\n") == 1


def test_https_is_served_and_its_key_must_be_private(tmp_path: Path, certificate: tuple[Path, Path]) -> None:
    chain, key = certificate
    files = {"SOJOURN_TLS_CERTIFICATE": str(chain), "SOJOURN_TLS_KEY": str(key)}

    server = LiveServer(tmp_path, tls_authority=chain, **files, SOJOURN_HOST="localhost")
    trust = ssl.create_default_context(cafile=str(chain))
    with urllib.request.urlopen(f"{server.url}/health/ready", context=trust, timeout=30) as answer:
        assert answer.status == 200
    server.stop()
    key.chmod(0o604)

    assert f"chmod 600 {key}" in refused(tmp_path, **files)


def test_a_key_that_does_not_fit_is_told_in_one_line(tmp_path: Path, certificate: tuple[Path, Path]) -> None:
    chain, _ = certificate

    said = refused(tmp_path, SOJOURN_TLS_CERTIFICATE=str(chain), SOJOURN_TLS_KEY=str(tmp_path / "none.pem"))

    assert said.startswith("sojourn: cannot serve HTTPS")
    assert said.count("\n") == 1


def test_beyond_this_machine_nothing_is_served_in_clear_unless_a_proxy_is_named(tmp_path: Path) -> None:
    said = refused(tmp_path, "--host", "0.0.0.0")

    assert "SOJOURN_BEHIND_PROXY" in said
    server = LiveServer(tmp_path, "--host", "0.0.0.0", "--behind-proxy")
    server.stop()
