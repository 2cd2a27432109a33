"""A PostgreSQL that speaks TLS, and authorities that sign its certificates: right ones and wrong ones."""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sojourn.domain.clock import utc_now
from tests.live import free_port
from tests.postgres import ROLE, Cluster, cluster

NOW = utc_now()
DAY = timedelta(days=1)


class Authority:
    """Whoever signs certificates."""

    def __init__(self, path: Path) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, path.stem)])
        self.path = path
        made = self._begin(self._name, self._key, until=NOW + DAY)
        made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        path.write_bytes(made.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def sign(self, host: str, *, until: datetime = NOW + DAY) -> tuple[bytes, bytes]:
        """A certificate for a host, and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        made = self._begin(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)]), key, until=until)
        made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        certificate = made.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return certificate, private

    def _begin(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, *, until: datetime
    ) -> x509.CertificateBuilder:
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(self._name)
        builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
        return builder.not_valid_before(until - 3 * DAY).not_valid_after(until)


class Secured(Cluster):
    """A server that speaks TLS over TCP, on a port of its own."""

    trusted: Authority
    other: Authority

    def start(self, *settings: str) -> None:
        """Begin with a certificate that is good for `localhost`."""
        self.port = free_port()
        super().start(*settings, "listen_addresses=127.0.0.1", f"port={self.port}")

    def url(self, database: str, role: str = ROLE) -> str:
        """Where a database is found without TLS."""
        return f"{super().url(database, role)}&port={self.port}"

    def verified(self, database: str, host: str = "localhost") -> str:
        """A database, reached as the page about PostgreSQL says."""
        tls = f"sslmode=verify-full&sslrootcert={self.trusted.path}"
        return f"postgresql://{ROLE}@{host}:{self.port}/{database}?{tls}"

    def show(self, certificate: tuple[bytes, bytes]) -> None:
        """From now on the server shows this certificate to whoever connects."""
        for file, text in zip(("server.crt", "server.key"), certificate, strict=True):
            path = self.folder / file
            path.write_bytes(text)
            path.chmod(0o600)
            if os.getuid() == 0:
                shutil.chown(path, "nobody")
        [(before,)] = self.command("SELECT clock_timestamp()")
        self.command("SELECT pg_reload_conf()")
        while self.command("SELECT pg_conf_load_time()") < [(before,)]:
            time.sleep(0.02)


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """A server whose certificate is right."""
    folder = tmp_path_factory.mktemp("authorities")
    with cluster(Secured) as server:
        server.trusted, server.other = Authority(folder / "trusted.pem"), Authority(folder / "other.pem")
        server.show(right(server))
        for setting, file in (("ssl_cert_file", "server.crt"), ("ssl_key_file", "server.key")):
            server.settle(setting, f"{server.folder}/{file}")
        server.settle("ssl", "on")
        yield server


@pytest.fixture
def name(secured: Secured) -> Iterator[str]:
    """A database of its own on that server, whose certificate is right again afterwards."""
    made = secured.create()
    yield made
    secured.show(right(secured))
    secured.drop(made)


def right(server: Secured) -> tuple[bytes, bytes]:
    """A certificate for the server's host by the authority that clients trust."""
    return server.trusted.sign("localhost")


def expired(server: Secured) -> tuple[bytes, bytes]:
    """One that ended yesterday."""
    return server.trusted.sign("localhost", until=NOW - DAY)


def of_another_host(server: Secured) -> tuple[bytes, bytes]:
    """One for another name."""
    return server.trusted.sign("db.example.org")


def of_another_authority(server: Secured) -> tuple[bytes, bytes]:
    """One by an authority that clients do not know."""
    return server.other.sign("localhost")


Certificate = Callable[[Secured], tuple[bytes, bytes]]
WRONG: tuple[tuple[Certificate, str], ...] = (
    (expired, "certificate has expired"),
    (of_another_host, "Hostname mismatch"),
    (of_another_authority, "unable to get local issuer certificate"),
)
"""What makes a wrong certificate, and the words with which a client refuses it."""
