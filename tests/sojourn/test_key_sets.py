"""Key sets: read from their one source, kept through an outage, dropped when a key is withdrawn."""

import asyncio
import http.server
import json
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from domain.errors import InvalidToken, Unavailable
from sojourn.authentication import BearerTokens
from sojourn.authentication.key_sets import REFRESH_SECONDS, RETRY_SECONDS, KeySet, KeySetError, parse_key_set
from tests.sojourn.tokens import NOW, PRIVATE, key_set, public_jwk, settings, token


class Issuer(http.server.ThreadingHTTPServer):
    """An issuer's key endpoint that counts how often it is asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Endpoint)
        self.status, self.body, self.asked = 200, b"{}", 0
        self.location = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/keys.json"


class _Endpoint(http.server.BaseHTTPRequestHandler):
    server: Issuer

    def do_GET(self) -> None:
        self.server.asked += 1
        self.send_response(self.server.status)
        if self.server.location:
            self.send_header("Location", self.server.location)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """A running issuer."""
    with Issuer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class Clock:
    """Monotonic seconds that the test moves."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def keys_for(issuer: Issuer, clock: Clock, changed: Any = lambda: None) -> KeySet:
    """The issuer's key set."""
    return KeySet(issuer.url, ("ES256", "RS256", "EdDSA"), changed, clock)


@pytest.mark.parametrize("algorithm", PRIVATE)
def test_a_token_is_verified_with_the_issuers_key(issuer: Issuer, algorithm: str) -> None:
    issuer.body = key_set(*(public_jwk(name) for name in PRIVATE))
    tokens = BearerTokens(settings(jwt_secret=None, jwt_jwks=issuer.url))

    caller, _ = asyncio.run(tokens.authenticate(token(PRIVATE[algorithm], algorithm, {"kid": algorithm}), NOW))

    assert caller.id == "usr_1"
    assert issuer.asked == 1


def test_unknown_key_ids_cause_at_most_one_reading_in_an_interval(issuer: Issuer) -> None:
    issuer.body, clock = key_set(public_jwk("ES256")), Clock()
    keys = keys_for(issuer, clock)

    async def ask() -> None:
        for number in range(50):
            assert await keys.candidates(f"unknown-{number}", "ES256") == []
        clock.seconds += RETRY_SECONDS + 1
        await asyncio.gather(*(keys.candidates(f"unknown-{number}", "ES256") for number in range(50)))

    asyncio.run(ask())

    assert issuer.asked == 2


def test_a_new_key_is_found_when_its_id_is_first_seen(issuer: Issuer) -> None:
    issuer.body, clock = key_set(public_jwk("ES256")), Clock()
    keys = keys_for(issuer, clock)

    async def rotate() -> None:
        assert await keys.candidates("new", "ES256") == []
        issuer.body = key_set(public_jwk("ES256"), public_jwk("ES256", kid="new"))
        clock.seconds += RETRY_SECONDS + 1
        assert len(await keys.candidates("new", "ES256")) == 1

    asyncio.run(rotate())


def test_an_outage_keeps_the_keys_that_are_known(issuer: Issuer, caplog: pytest.LogCaptureFixture) -> None:
    issuer.body, clock = key_set(public_jwk("ES256")), Clock()
    keys = keys_for(issuer, clock)

    async def survive() -> None:
        assert await keys.candidates("ES256", "ES256")
        for status, body in ((500, b""), (200, b"<html>"), (200, b'{"keys": 7}')):
            issuer.status, issuer.body = status, body
            clock.seconds += REFRESH_SECONDS + 1
            assert keys.is_stale
            await keys.refresh()
            assert await keys.candidates("ES256", "ES256")

    with caplog.at_level(logging.WARNING):
        asyncio.run(survive())

    assert len(caplog.records) == 3


def test_a_withdrawn_key_stops_working_though_its_tokens_are_remembered(issuer: Issuer) -> None:
    issuer.body, clock = key_set(public_jwk("ES256")), Clock()
    tokens = BearerTokens(settings(jwt_secret=None, jwt_jwks=issuer.url), monotonic=clock)
    text = token(PRIVATE["ES256"], "ES256", {"kid": "ES256"})

    async def withdraw() -> None:
        await tokens.authenticate(text, NOW)
        issuer.body = key_set(public_jwk("EdDSA"))
        clock.seconds += REFRESH_SECONDS + 1
        with pytest.raises(InvalidToken):
            await tokens.authenticate(text, NOW)

    asyncio.run(withdraw())


def test_a_source_that_never_answered_is_503_and_tried_again_later(issuer: Issuer) -> None:
    issuer.status, clock = 503, Clock()
    keys = keys_for(issuer, clock)

    async def wait() -> None:
        for _ in range(5):
            with pytest.raises(Unavailable):
                await keys.candidates("ES256", "ES256")
        issuer.status, issuer.body = 200, key_set(public_jwk("ES256"))
        clock.seconds += RETRY_SECONDS + 1
        assert await keys.candidates("ES256", "ES256")

    asyncio.run(wait())

    assert issuer.asked == 2


def test_a_redirect_is_not_followed(issuer: Issuer) -> None:
    issuer.status, issuer.location = 302, issuer.url

    async def ask() -> None:
        with pytest.raises(Unavailable):
            await keys_for(issuer, Clock()).candidates("ES256", "ES256")

    asyncio.run(ask())

    assert issuer.asked == 1


@pytest.mark.parametrize("content", [None, b"", b"[]", b"[" * 10_000, b'{"keys": null}', b"x" * (1 << 20)])
def test_a_file_that_is_no_key_set_is_503(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "keys.json"
    if content is not None:
        path.write_bytes(content)
    tokens = BearerTokens(settings(jwt_jwks=str(path)))

    with pytest.raises(Unavailable):
        asyncio.run(tokens.authenticate(token(PRIVATE["ES256"], "ES256"), NOW))


def test_tokens_signed_with_the_secret_need_no_key_set(tmp_path: Path) -> None:
    tokens = BearerTokens(settings(jwt_jwks=str(tmp_path / "absent.json")))

    assert asyncio.run(tokens.authenticate(token(), NOW))[0].id == "usr_1"


@pytest.mark.parametrize(
    "changes",
    [
        {"use": "enc"},
        {"alg": "RS512"},
        {"key_ops": ["sign"]},
        {"kty": "EC"},
        {"n": "AQAB"},
        {"n": 7},
        {"e": None},
    ],
    ids=str,
)
def test_a_key_that_does_not_fit_is_left_out(changes: dict[str, Any]) -> None:
    assert parse_key_set(key_set(public_jwk("RS256", **changes), public_jwk("ES256")), ("RS256",)) == []


def test_a_short_rsa_key_is_left_out() -> None:
    short = rsa.generate_private_key(65537, 1024).public_key()
    jwk = json.loads(RSAAlgorithm.to_jwk(short))

    assert parse_key_set(key_set(jwk), ("RS256",)) == []


def test_a_symmetric_key_in_the_set_is_never_used() -> None:
    jwk = {"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA", "kid": "x", "alg": "HS256"}

    assert parse_key_set(key_set(jwk), ("RS256", "ES256", "EdDSA")) == []


def test_members_that_are_no_objects_are_left_out_and_a_set_must_be_one() -> None:
    assert parse_key_set(b'{"keys": [1, null, "x", {}]}', ("RS256",)) == []
    with pytest.raises(KeySetError):
        parse_key_set(b"7", ("RS256",))
