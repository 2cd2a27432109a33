"""Key sets: read from their one source, kept through an outage, dropped when a key is withdrawn."""

import asyncio
import concurrent.futures
import http.server
import json
import logging
import os
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st
from jwt.algorithms import RSAAlgorithm

from sojourn.authentication import BearerTokens, key_sets
from sojourn.authentication.key_sets import REFRESH_SECONDS, RETRY_SECONDS, KeySet, parse_key_set
from sojourn.authentication.key_source import KeySetError, KeySource
from sojourn.domain.errors import InvalidToken, Unavailable
from tests.authentication.tokens import NOW, PRIVATE, key_set, public_jwk, settings, token
from tests.background import serving
from tests.live import LiveServer


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
    with serving(Issuer()) as server:
        yield server


class Clock:
    """Monotonic seconds that the test moves."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def keys_for(issuer: Issuer, clock: Clock, changed: Any = lambda: None) -> KeySet:
    """The issuer's key set."""
    return KeySet(
        issuer.url, ("ES256", "RS256", "EdDSA"), changed=changed, stale_limit_seconds=STALE_SECONDS, monotonic=clock
    )


STALE_SECONDS = 3600.0


async def read_again(keys: KeySet) -> None:
    """Let the reading that is due take place."""
    keys.revalidate()
    if keys._reading is not None:
        await keys._reading


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
            await read_again(keys)
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
        assert (await tokens.authenticate(text, NOW))[0].id == "usr_1", "it waits for nothing"
        assert tokens.issuers.configured is not None
        await read_again(tokens.issuers.configured)
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
        {"e": "AQ"},
        {"d": "AQAB"},
        {"kid": 7},
        {"alg": ["RS256"]},
        {"use": ["sig"]},
        {"key_ops": "verify"},
        {"key_ops": {"verify": 1}},
        {"n": "_" * 4096},
        {"n": "\ud800"},
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


@pytest.mark.parametrize("name", ["alg", "use", "key_ops", "kid"])
def test_null_is_the_same_as_absent(name: str) -> None:
    [(kid, _, _)] = parse_key_set(key_set(public_jwk("RS256", **{name: None})), ("RS256",))

    assert kid == (None if name == "kid" else "RS256")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
members = json_values | st.builds(
    lambda jwk, changes: jwk | changes,
    st.sampled_from([public_jwk(name, kid="odd") for name in PRIVATE]),
    st.dictionaries(
        st.sampled_from(["kty", "crv", "x", "y", "n", "e", "d", "k", "alg", "use", "key_ops", "kid", "x5c"]),
        json_values,
    ),
)


@settings_of_hypothesis(max_examples=300)
@given(st.lists(members, max_size=3), st.integers(0, 3))
def test_no_member_of_a_set_spoils_the_others(odd: list[Any], place: int) -> None:
    good = [public_jwk(name) for name in PRIVATE]
    mixed = good[:place] + odd + good[place:]
    served = parse_key_set(json.dumps({"keys": mixed}).encode(), tuple(PRIVATE))

    assert [(kid, name) for kid, name, _ in served if kid == name and kid in PRIVATE] == [(n, n) for n in PRIVATE]
    for kid, name, key in served:
        if kid == name:
            jwt.decode(token(PRIVATE[name], name), key, algorithms=[name], options=ONLY_THE_SIGNATURE)


ONLY_THE_SIGNATURE: Any = {"verify_signature": True, "verify_exp": False, "verify_aud": False}


@pytest.mark.parametrize(
    "member", ["9" * 5000, "NaN", '{"kty":"RSA","e":' + "1" * 5000 + "}", '"\\ud800"', '{"a":1,"a":2}']
)
def test_a_member_that_python_cannot_count_spoils_nothing(member: str) -> None:
    text = f'{{"keys": [{member}, {json.dumps(public_jwk("ES256"))}]}}'

    assert [kid for kid, _, _ in parse_key_set(text.encode(), ("ES256",))] == ["ES256"]


class Slow:
    """A server on a socket that says what it is told and no more, for as long as the test lasts."""

    def __init__(self, first: bytes, drip: bytes) -> None:
        self._first, self._drip = first, drip
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ended = threading.Event()
        self.asked = 0
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        self._listener.settimeout(0.05)
        while not self._ended.is_set():
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                continue
            self.asked += 1
            with connection:
                self._hold(connection)

    def _hold(self, connection: socket.socket) -> None:
        """Until the client has enough."""
        connection.settimeout(0.05)
        connection.sendall(self._first)
        while not self._ended.is_set():
            try:
                if not connection.recv(4096):
                    return
            except TimeoutError:
                connection.sendall(self._drip)
            except OSError:
                return

    def close(self) -> None:
        """End it."""
        self._ended.set()
        self._thread.join()
        self._listener.close()


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
SLOW = {
    "accepts and says nothing": (b"", b""),
    "drips its head": (b"HTTP/1.1 200 OK\r\nX: ", b"x"),
    "sends head lines without end": (b"HTTP/1.1 200 OK\r\n", b"X: 1\r\n"),
    "drips its body": (HEAD, b" "),
    "drips chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
}


@pytest.fixture(params=SLOW)
def slow(request: pytest.FixtureRequest) -> Iterator[Slow]:
    """An issuer that never finishes."""
    server = Slow(*SLOW[request.param])
    yield server
    server.close()


def test_a_source_that_never_finishes_is_given_up_at_the_deadline_and_can_be_read_again(slow: Slow) -> None:
    source = KeySource(slow.url, 0.4)

    async def read_twice() -> None:
        for _ in range(2):
            began = time.monotonic()
            with pytest.raises(KeySetError, match=r"0\.4 s"):
                await source.read()
            assert time.monotonic() - began < BUSY
            await asyncio.to_thread(wait_for_the_end_of, source)

    asyncio.run(read_twice())

    assert slow.asked == 2


async def eventually(holds: Callable[[], bool]) -> None:
    """Waits until something holds; half a minute is enough for any machine."""
    async with asyncio.timeout(30):
        while not holds():
            await asyncio.sleep(0.02)


def wait_for_the_end_of(source: KeySource) -> None:
    """The thread of a reading that was given up ends by itself."""
    assert source._last is not None
    assert source._last.has_ended.wait(30)


def test_a_pipe_that_nobody_writes_to_is_no_key_set_and_hangs_nothing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "keys.json")

    with pytest.raises(Unavailable):
        asyncio.run(keys_from(str(tmp_path / "keys.json")).candidates("ES256", "ES256"))


def keys_from(source: str) -> KeySet:
    """The key set of any source."""
    return KeySet(source, ("ES256",), changed=lambda: None, stale_limit_seconds=STALE_SECONDS)


def test_known_keys_wait_for_nothing_while_the_source_hangs(slow: Slow, issuer: Issuer) -> None:
    issuer.body, clock = key_set(public_jwk("ES256")), Clock()
    keys = keys_for(issuer, clock)

    async def ask() -> None:
        assert await keys.candidates("ES256", "ES256")
        keys._source = KeySource(slow.url, 2)
        clock.seconds += REFRESH_SECONDS + 1
        unknown = asyncio.create_task(keys.candidates("unknown", "ES256"))
        await asyncio.sleep(0.1)
        for _ in range(100):
            assert await keys.candidates("ES256", "ES256")
        assert not unknown.done()
        assert await unknown == []

    asyncio.run(ask())

    assert slow.asked == 1


def test_keys_that_could_not_be_read_for_too_long_serve_no_more_until_they_are(issuer: Issuer) -> None:
    issuer.body, clock = key_set(public_jwk("ES256")), Clock()
    tokens = BearerTokens(settings(jwt_jwks=issuer.url, jwt_jwks_stale_limit=timedelta(hours=1)), monotonic=clock)
    text = token(PRIVATE["ES256"], "ES256", {"kid": "ES256"})

    async def outlive() -> None:
        await tokens.authenticate(text, NOW)
        issuer.status = 500
        for _ in range(12):
            assert (await tokens.authenticate(text, NOW))[0].id == "usr_1"
            clock.seconds += 299
        clock.seconds += 20
        for fresh in (text, token(PRIVATE["ES256"], "ES256", {"kid": "ES256"}, sub="usr_2")):
            with pytest.raises(Unavailable):
                await tokens.authenticate(fresh, NOW)
        assert (await tokens.authenticate(token(), NOW))[0].id == "usr_1", "a secret is never stale"
        issuer.status = 200
        clock.seconds += RETRY_SECONDS + 1
        assert (await tokens.authenticate(text, NOW))[0].id == "usr_1"

    asyncio.run(outlive())


def test_a_key_set_is_read_again_within_the_retry_time_of_an_unknown_key_id_though_nobody_asks_again(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_sets, "RETRY_SECONDS", 0.3)
    issuer.body = key_set(public_jwk("ES256"))
    keys = keys_from(issuer.url)

    async def wait() -> int:
        assert await keys.candidates("ES256", "ES256")
        assert await keys.candidates("new", "ES256") == []
        issuer.body = key_set(public_jwk("ES256"), public_jwk("ES256", kid="new"))
        await eventually(lambda: len(keys._matching("new", "ES256")) == 1)
        await asyncio.sleep(0.6)
        return issuer.asked

    assert asyncio.run(wait()) == 2


def test_keys_are_read_again_in_time_though_nobody_asks(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_sets, "REFRESH_SECONDS", 0.2)
    monkeypatch.setattr(key_sets, "RETRY_SECONDS", 0.1)
    issuer.body = key_set(public_jwk("ES256"))
    keys = keys_from(issuer.url)

    async def wait() -> None:
        assert await keys.candidates("ES256", "ES256")
        issuer.body = key_set(public_jwk("EdDSA"))
        await eventually(lambda: keys._keys == [])

    asyncio.run(wait())


def test_a_request_that_goes_away_does_not_take_the_reading_along(issuer: Issuer) -> None:
    issuer.body = key_set(public_jwk("ES256"))
    keys = keys_from(issuer.url)

    async def leave() -> None:
        gone, stays = (asyncio.create_task(keys.candidates("ES256", "ES256")) for _ in range(2))
        await asyncio.sleep(0)
        gone.cancel()
        assert await stays

    asyncio.run(leave())

    assert issuer.asked == 1


def ask_with(server: LiveServer, text: str) -> tuple[int, float]:
    """The status of a request with a bearer token, and how many seconds it took."""
    request = urllib.request.Request(server.url + "/trusted-devices", headers={"Authorization": f"Bearer {text}"})
    began = time.monotonic()
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            status = answer.status
    except urllib.error.HTTPError as error:
        status = error.code
    return status, time.monotonic() - began


BUSY = 15
"""Seconds. The deadline is five, and a machine that runs other tests too is slow; without a deadline it is for ever."""


@pytest.mark.parametrize("slow", ["accepts and says nothing", "drips its head"], indirect=True)
def test_a_process_whose_key_set_never_comes_answers_503_in_time_and_ends_when_it_is_asked_to(
    slow: Slow, tmp_path: Path
) -> None:
    server = LiveServer(tmp_path, awaits="/health/live", SOJOURN_JWT_JWKS=slow.url)
    text = token(PRIVATE["ES256"], "ES256", {"kid": "ES256"})
    with concurrent.futures.ThreadPoolExecutor() as pool:
        waiting = [pool.submit(ask_with, server, text) for _ in range(3)]
        time.sleep(1)
        began = time.monotonic()
        exit_status = server.stop()
        assert time.monotonic() - began < BUSY

    assert exit_status == 0
    assert [(status, seconds < BUSY) for status, seconds in (future.result() for future in waiting)] == [
        (503, True)
    ] * 3
    assert slow.asked == 1


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("{folder}/absent.json", "No such file or directory"),
        ("{folder}", "Is a directory"),
        ("http://127.0.0.1:{free}/keys", "Connection refused"),
        ("{issuer}", "status 500"),
    ],
)
def test_a_source_that_cannot_be_read_is_named_with_the_reason_in_the_systems_words(
    issuer: Issuer, tmp_path: Path, source: str, why: str
) -> None:
    issuer.status = 500
    with socket.socket() as bound:  # and not listening: nobody else gets the port, and it refuses
        bound.bind(("127.0.0.1", 0))
        place = source.format(folder=tmp_path, free=bound.getsockname()[1], issuer=issuer.url)
        with pytest.raises(KeySetError) as caught:
            asyncio.run(KeySource(place).read())

    assert str(caught.value) == f"{place}: {why}"
