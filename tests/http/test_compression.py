"""Large answers that are the same for everybody come compressed to whoever takes that, and only those."""

import httpx
import pytest

from tests.http.conftest import Client

LARGE = ("/openapi.json", "/openapi.yaml", "/docs/reference.js", "/docs/problems", "/problems")


def plain(client: Client, path: str) -> httpx.Response:
    return client.request("GET", path, headers={"Accept-Encoding": "identity"})


@pytest.mark.parametrize("path", LARGE)
def test_a_large_answer_comes_compressed_to_who_takes_it_and_means_the_same(client: Client, path: str) -> None:
    before = plain(client, path)
    small = client.request("GET", path, headers={"Accept-Encoding": "gzip"})

    assert "content-encoding" not in before.headers
    assert small.headers["content-encoding"] == "gzip"
    assert small.content == before.content, "httpx has unpacked it"
    assert int(small.headers["content-length"]) < len(before.content) / 2
    for answer in (before, small):
        assert answer.headers["vary"].endswith("Accept-Encoding")
    assert small.headers["content-type"] == before.headers["content-type"]


@pytest.mark.parametrize(
    ("accepted", "comes"),
    [
        ("gzip", True),
        ("GZIP", True),
        ("br, x-gzip", True),
        ("deflate, gzip;q=0.001", True),
        ("*", True),
        ("identity", False),
        ("gzip;q=0", False),
        ("gzip;q=0.000, *", False),
        ("*;q=0", False),
        ("gzipped", False),
        ("", False),
        (";;,,", False),
    ],
)
def test_accept_encoding_is_understood_as_it_is_meant(client: Client, accepted: str, comes: bool) -> None:
    answer = client.request("GET", "/problems", headers={"Accept-Encoding": accepted})

    assert answer.status_code == 200
    assert ("content-encoding" in answer.headers) is comes


def test_a_client_that_says_nothing_gets_what_everybody_can_read(client: Client) -> None:
    answer = client.request("GET", "/openapi.json", headers={"Accept-Encoding": "identity"})

    assert answer.content[:1] == b"{"


def test_answers_about_a_caller_are_never_compressed(client: Client) -> None:
    for _ in range(30):
        client.create(user_agent="Mozilla/5.0 " + "x" * 200)

    answer = client.internal("GET", "/internal/session/sessions/usr_abc123?page_size=100")

    assert len(answer.content) > 4096
    assert "content-encoding" not in answer.headers
    assert "vary" not in answer.headers


def test_many_at_once_get_the_same_bytes(client: Client) -> None:
    ask = ("GET", "/docs/reference.js", {"headers": {"Accept-Encoding": "gzip"}})

    answers = client.gather(*[ask] * 5)

    assert len({answer.content for answer in answers}) == 1
    assert {answer.headers["content-encoding"] for answer in answers} == {"gzip"}


def test_the_keys_may_be_kept_for_a_minute(client: Client) -> None:
    answer = client.request("GET", "/.well-known/jwks.json")

    assert answer.headers["cache-control"] == "public, max-age=60"
