"""The answers to what a client sends never depend on the packets in which it arrives."""

import random
from itertools import pairwise

import pytest

from tests.live import API_KEY, LiveServer
from tests.serving.conversations import statuses

BODY = b'{"auth_user_id":"ann"}'
CHUNKS = b"4\r\n" + BODY[:4] + b"\r\n%x\r\n" % (len(BODY) - 4) + BODY[4:] + b"\r\n0\r\n"
KEY = b"X-API-Key: " + API_KEY.encode() + b"\r\n"
TYPE = b"Content-Type: application/json\r\n"
UPGRADES = (
    b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n",
    b"Upgrade: websocket\r\nConnection: keep-alive, upgrade\r\n",
    b"Connection: Upgrade\r\nUpgrade: foo\r\n",
)


def get(*extra: bytes) -> bytes:
    return b"GET /health/live HTTP/1.1\r\nHost: x\r\n" + b"".join(extra) + b"\r\n"


def post(*extra: bytes, key: bytes = KEY, kind: bytes = TYPE, body: bytes = BODY) -> bytes:
    head = b"POST /internal/session/create HTTP/1.1\r\nHost: x\r\nX-Tenant-ID: acme\r\n" + key + kind + b"".join(extra)
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


def chunked(
    *extra: bytes,
    key: bytes = KEY,
    kind: bytes = TYPE,
    chunks: bytes = CHUNKS,
    trailer: bytes = b"",
    coding: bytes = b"chunked",
) -> bytes:
    head = b"POST /internal/session/create HTTP/1.1\r\nHost: x\r\nX-Tenant-ID: acme\r\n" + key + kind + b"".join(extra)
    return head + b"Transfer-Encoding: " + coding + b"\r\n\r\n" + chunks + trailer + b"\r\n"


END = get(b"Connection: close\r\n")
GARBAGE = b"\x16\x03\x01 what is this?\r\n\r\n"
SMUGGLED = post(body=get())

STREAMS: dict[str, tuple[bytes, list[int]]] = {
    "three good requests": (get() + post() + END, [200, 201, 200]),
    "a chunked body between two": (get() + chunked() + END, [200, 201, 200]),
    "a tab behind the coding": (get() + chunked(coding=b"chunked\t") * 2 + post() + END, [200, 201, 201, 201, 200]),
    "a tab behind the coding and an upgrade": (
        chunked(UPGRADES[0], coding=b"chunked\t") + post() + END,
        [201, 201, 200],
    ),
    "garbage behind a good request": (post() + GARBAGE, [201, 400]),
    "garbage behind five": (get() * 5 + GARBAGE, [200] * 5 + [400]),
    "a bad version behind a good request": (post() + b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", [201, 505]),
    "no host behind a good request": (get() + b"GET /health/live HTTP/1.1\r\n\r\n" + get(), [200, 400]),
    "two framings behind a good request": (get() + chunked(b"Content-Length: 5\r\n"), [200, 400]),
    "a coding behind a good request": (
        post() + b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        [201, 501],
    ),
    "a fragment behind a good request": (get() + b"DELETE /sessions/x#y HTTP/1.1\r\nHost: x\r\n\r\n", [200, 400]),
    "a broken chunk": (get() + chunked(chunks=b'4\r\n{"au\r\nzz\r\n') + get(), [200, 400]),
    "a broken chunk of somebody unknown": (chunked(key=b"", chunks=b'4\r\n{"au\r\nzz\r\n') + get(), [401]),
    "a key in the trailer": (chunked(key=b"", trailer=KEY) + END, [401, 200]),
    "a tenant in the trailer": (chunked(trailer=b"X-Tenant-ID: other\r\n") + END, [201, 200]),
    "a second key in the trailer": (chunked(trailer=b"X-API-Key: other\r\n") + END, [201, 200]),
    "a type in the trailer": (chunked(kind=b"", trailer=TYPE) + END, [415, 200]),
    "what would spoil a request in the trailer": (
        chunked(trailer=b"Content-Encoding: gzip\r\nAccept: a/b\r\nHost: y\r\n") + END,
        [201, 200],
    ),
    "a framing in the trailer": (chunked(trailer=b"Transfer-Encoding: gzip\r\n") * 2 + END, [201, 201, 200]),
    "trailers beyond the limit": (get() + chunked(trailer=b"X-Much: " + b"a" * 20_000 + b"\r\n") + get(), [200, 431]),
    "many trailers": (chunked(trailer=b"X-Much: aaaaaaaaaaaaaaaaaaaaaa\r\n" * 1000) + get(), [431]),
    "an upgrade of a GET": (get(UPGRADES[0]) + END, [200, 200]),
    "a body that is a request": (post(UPGRADES[0], body=SMUGGLED) + END, [400, 200]),
    "an upgrade in the last request": (get() + post(UPGRADES[1], b"Connection: close\r\n") + GARBAGE, [200, 201]),
    "an upgrade and a broken chunk": (chunked(UPGRADES[2], chunks=b"zz\r\n") + get(), [400]),
    "an upgrade and trailers": (chunked(UPGRADES[2], key=b"", trailer=KEY) + END, [401, 200]),
    "an upgrade without a body": (post(UPGRADES[0], body=b"") + END, [400, 200]),
    "upgrades one behind the other": (
        b"".join(post(up) + chunked(up) + get(up) for up in UPGRADES) + END,
        [201, 201, 200] * 3 + [200],
    ),
    "an unknown caller's body": (post(key=b"") + END, [401, 200]),
    "empty lines between requests": (get() + b"\r\n\r\n" + END, [200, 200]),
}


@pytest.mark.parametrize("name", STREAMS)
def test_the_answers_are_the_same_in_whatever_packets_a_stream_arrives(server: LiveServer, name: str) -> None:
    stream, expected = STREAMS[name]
    chance = random.Random(name)
    cuts: list[list[int]] = [[]]
    cuts += [[cut] for cut in sorted(chance.sample(range(1, len(stream)), 40))]
    cuts += [sorted(chance.sample(range(1, len(stream)), chance.randint(2, 8))) for _ in range(20)]
    cuts += [[end + 4] for end in range(len(stream) - 4) if stream[end : end + 4] == b"\r\n\r\n"][:20]

    told = {tuple(cut): statuses(server.port, packets(stream, cut)) for cut in cuts}

    assert {cut: heard for cut, heard in told.items() if heard != expected} == {}


def packets(stream: bytes, cuts: list[int]) -> list[bytes]:
    """The stream, cut at these places."""
    places = [0, *cuts, len(stream)]
    return [stream[start:end] for start, end in pairwise(places) if end > start]
