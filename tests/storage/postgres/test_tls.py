"""With `sslmode=verify-full` only the right server is spoken to; every other is refused in words, or with 503 later."""

import asyncio
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
from sojourn.domain.errors import Unavailable
from sojourn.storage.database import Database
from sojourn.storage.engines import Unreachable, with_open_database
from sojourn.storage.queries import sessions
from tests.live import free_port
from tests.postgres import ROLE, Cluster, cluster
from tests.storage.conftest import T0, Store, new_session

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

    def start(self, *_: str) -> None:
        """Begin with a certificate that is good for `localhost`."""
        self.port = free_port()
        super().start("fsync=off", "listen_addresses=127.0.0.1", f"port={self.port}")

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
    folder = tmp_path_factory.mktemp("authorities")
    with cluster(Secured) as server:
        server.trusted, server.other = Authority(folder / "trusted.pem"), Authority(folder / "other.pem")
        server.show(server.trusted.sign("localhost"))
        for setting, file in (("ssl_cert_file", "server.crt"), ("ssl_key_file", "server.key")):
            server.settle(setting, f"{server.folder}/{file}")
        server.settle("ssl", "on")
        yield server


@pytest.fixture
def name(secured: Secured) -> Iterator[str]:
    made = secured.create()
    yield made
    secured.show(secured.trusted.sign("localhost"))
    secured.drop(made)


def expired(secured: Secured) -> tuple[bytes, bytes]:
    return secured.trusted.sign("localhost", until=NOW - DAY)


def of_another_host(secured: Secured) -> tuple[bytes, bytes]:
    return secured.trusted.sign("db.example.org")


def of_another_authority(secured: Secured) -> tuple[bytes, bytes]:
    return secured.other.sign("localhost")


WRONG = pytest.mark.parametrize(
    ("certificate", "words"),
    [
        (expired, "certificate has expired"),
        (of_another_host, "Hostname mismatch"),
        (of_another_authority, "unable to get local issuer certificate"),
    ],
)
Certificate = Callable[[Secured], tuple[bytes, bytes]]


async def look(database: Database) -> bool:
    return await database.is_reachable()


def test_the_right_certificate_is_accepted(secured: Secured, name: str) -> None:
    assert asyncio.run(with_open_database(secured.verified(name), look))
    [(encrypted,)] = secured.command("SELECT count(*) FROM pg_stat_ssl WHERE ssl")
    assert encrypted == 0, "all of them are closed"


@WRONG
def test_a_server_with_a_wrong_certificate_is_refused_at_the_start_and_the_words_say_why(
    secured: Secured, name: str, certificate: Certificate, words: str
) -> None:
    secured.show(certificate(secured))

    with pytest.raises(Unreachable, match=words):
        asyncio.run(with_open_database(secured.verified(name), look))


@WRONG
def test_a_certificate_that_is_wrong_later_is_unavailable_until_it_is_right(
    secured: Secured, name: str, certificate: Certificate, words: str
) -> None:
    store = Store(secured.verified(name))
    store.add(new_session())
    secured.show(certificate(secured))
    secured.command(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
    for _ in range(2):
        with pytest.raises(Unavailable):
            store.add(new_session())
        with pytest.raises(Unavailable):
            store.read(lambda unit: sessions.count_active_of_user(unit, "ann", now=T0))

    secured.show(secured.trusted.sign("localhost"))
    store.add(new_session())
    store.close()
