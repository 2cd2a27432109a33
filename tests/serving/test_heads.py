"""Heads that HTTP/1.1 allows, and heads that it does not, each with what must be answered."""

import socket
from email.utils import parsedate_to_datetime

import pytest

from tests.live import API_KEY, LiveServer
from tests.serving.conversations import converse

LINE = b"GET /health/live HTTP/1.1\r\n"
LAST = b"Connection: close\r\n\r\n"
BODY = b'{"auth_user_id":"ann"}'


def creation(*, key: bytes = API_KEY.encode(), extra: bytes = b"", version: bytes = b"HTTP/1.1") -> bytes:
    """The head of a creation, without its framing and without its end."""
    return (
        b"POST /internal/session/create " + version + b"\r\nHost: x\r\nX-API-Key: " + key + b"\r\nX-Tenant-ID: acme\r\n"
        b"Content-Type: application/json\r\n" + extra
    )


HOSTS = {
    b"Host: sojourn.test\r\n": 200,
    b"Host: sojourn.test:8080\r\n": 200,
    b"Host: sojourn.test:\r\n": 200,
    b"Host:sojourn.test\r\n": 200,
    b"Host: \t sojourn.test \t \r\n": 200,
    b"Host: 127.0.0.1:80\r\n": 200,
    b"Host: [::1]:80\r\n": 200,
    b"Host: [v1.a:b]\r\n": 200,
    b"Host: a_b-c.d~e%41\r\n": 200,
    b"Host:\r\n": 200,
    b"": 400,
    b"Host: x\r\nHost: y\r\n": 400,
    b"Host: x\r\nHost: x\r\n": 400,
    b"Host: x\r\nhOST: x\r\n": 400,
    b"Host: a b\r\n": 400,
    b"Host: a\tb\r\n": 400,
    b"Host: a/b@c\r\n": 400,
    b"Host: u@a\r\n": 400,
    b"Host: a, b\r\n": 400,
    b"Host: a:x\r\n": 400,
    b"Host: a:80:80\r\n": 400,
    b"Host: [::1\r\n": 400,
    b"Host: ::1\r\n": 400,
    b"Host: [::1]x\r\n": 400,
    b"Host: [::1%25eth0]\r\n": 400,
    b"Host: [1:2]\r\n": 400,
    b"Host: [a.b]\r\n": 400,
    b"Host: a%4\r\n": 400,
    b"Host: a\xff\r\n": 400,
    b"Host: http://a\r\n": 400,
    b"Host: a?b\r\n": 400,
    b"Host: a#b\r\n": 400,
    b'Host: "a"\r\n': 400,
}

LINES = {
    b"GET /health/live HTTP/1.0": 200,
    b"GET /health/%6Cive HTTP/1.1": 200,
    b"GET /%68%65alth%2flive HTTP/1.1": 404,
    b"GET http://sojourn.test/health/live HTTP/1.1": 200,
    b"GET HTTPS://[::1]:1/health/live HTTP/1.1": 200,
    b"GET http://sojourn.test/health/%6cive HTTP/1.1": 200,
    b"GET http://sojourn.test/health/live?x=1 HTTP/1.1": 400,
    b"GET http://sojourn.test HTTP/1.1": 200,
    b"GET http://sojourn.test?x=1 HTTP/1.1": 400,
    b"GET http://sojourn.test/ HTTP/1.1": 200,
    b"GET / HTTP/1.1": 200,
    b"OPTIONS * HTTP/1.1": 405,
    b"OPTIONS /health/live HTTP/1.1": 405,
    b"GET * HTTP/1.1": 400,
    b"PRI * HTTP/2.0": 505,
    b"PRI * HTTP/2.0\r\n\r\nSM": 505,
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00": 505,
    b"CONNECT sojourn.test:80 HTTP/1.1": 400,
    b"CONNECT /health/live HTTP/1.1": 400,
    b"GET http://u@sojourn.test/health/live HTTP/1.1": 400,
    b"GET http://a:x/health/live HTTP/1.1": 400,
    b"GET http:///health/live HTTP/1.1": 400,
    b"GET ftp://sojourn.test/health/live HTTP/1.1": 400,
    b"GET /health/live#x HTTP/1.1": 400,
    b"GET /health/live?#a HTTP/1.1": 400,
    b"GET /health/live#?colour=1 HTTP/1.1": 400,
    b"GET http://sojourn.test#a HTTP/1.1": 400,
    b"GET /health/live HTTP/2.0": 505,
    b"GET /health/live HTTP/0.9": 505,
    b"GET /health/live HTTP/3.0": 505,
    b"GET /health/live HTTP/1.2": 505,
    b"GET /health/live HTTP/9.9": 505,
    b"GET /health/live": 505,
}

CODINGS = {
    b"Transfer-Encoding: chunked\r\n": 201,
    b"Transfer-Encoding: CHUNKED  \r\n": 201,
    b"Transfer-Encoding: chunked\t\r\n": 201,
    b"Transfer-Encoding: \tchunked \t \r\n": 201,
    b"Transfer-Encoding:\tchunked\r\n": 201,
    b"Transfer-Encoding: gzip, chunked\r\n": 501,
    b"Transfer-Encoding: deflate, chunked\r\n": 501,
    b"Transfer-Encoding: foo, chunked\r\n": 501,
    b"Transfer-Encoding: chunked;a=b\r\n": 501,
    b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n": 501,
    b"Transfer-Encoding: , chunked\r\n": 501,
    b"Transfer-Encoding: identity\r\n": 501,
    b"Transfer-Encoding: chunked, chunked\r\n": 501,
    b"Transfer-Encoding: chunked, gzip\r\n": 501,
}

PADDED = [b" ", b"\t", b" \t ", b"   "]


@pytest.mark.parametrize(("host", "status"), HOSTS.items())
def test_a_request_has_exactly_one_host_and_it_is_one(server: LiveServer, host: bytes, status: int) -> None:
    [answer] = converse(server.port, [LINE + host + LAST])

    assert answer.status == status


@pytest.mark.parametrize(("host", "status"), [(b"", 200), (b"Host: x\r\n", 200), (b"Host: x\r\nHost: x\r\n", 400)])
def test_http_1_0_needs_no_host_but_takes_no_two(server: LiveServer, host: bytes, status: int) -> None:
    [answer] = converse(server.port, [b"GET /health/live HTTP/1.0\r\n" + host + b"\r\n"])

    assert answer.status == status


@pytest.mark.parametrize(("line", "status"), LINES.items())
def test_a_request_line_has_a_version_and_a_target_that_are_served(
    server: LiveServer, line: bytes, status: int
) -> None:
    [answer] = converse(server.port, [line + b"\r\nHost: x\r\n" + LAST])

    assert answer.status == status
    assert parsedate_to_datetime(answer.headers["date"])
    assert answer.headers["x-content-type-options"] == "nosniff"
    if status >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.document["status"] == status


def test_a_question_to_the_whole_server_names_all_of_its_methods(server: LiveServer) -> None:
    [answer] = converse(server.port, [b"OPTIONS * HTTP/1.1\r\nHost: x\r\n" + LAST])

    assert answer.headers["allow"] == "DELETE, GET, PATCH, POST, PUT"


@pytest.mark.parametrize(("coding", "status"), CODINGS.items())
def test_chunked_is_the_only_transfer_coding(server: LiveServer, coding: bytes, status: int) -> None:
    body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)

    [answer] = converse(server.port, [creation() + coding + LAST + body])

    assert answer.status == status


def test_a_transfer_coding_in_http_1_0_is_refused(server: LiveServer) -> None:
    head = creation(version=b"HTTP/1.0") + b"Transfer-Encoding: chunked\r\n\r\n"

    [answer] = converse(server.port, [head + b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)])

    assert answer.status == 400


@pytest.mark.parametrize("padding", PADDED)
def test_white_space_around_a_value_is_no_part_of_it(server: LiveServer, padding: bytes) -> None:
    length = b"Content-Length: %d\r\n" % len(BODY)
    head = creation(key=padding + API_KEY.encode() + padding, extra=b"X-Request-ID: r1" + padding + b"\r\n")

    [answer] = converse(server.port, [head + length + LAST + BODY])

    assert (answer.status, answer.headers["x-request-id"]) == (201, "r1")


@pytest.mark.parametrize("version", [b"HTTP/1.1", b"HTTP/1.0"])
@pytest.mark.parametrize("padding", [b"", b" ", b"\t"])
def test_only_http_1_1_is_told_to_continue(server: LiveServer, version: bytes, padding: bytes) -> None:
    head = creation(version=version, extra=b"Expect: 100-Continue" + padding + b"\r\n")
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(head + b"Content-Length: %d\r\n" % len(BODY) + LAST)
        if version == b"HTTP/1.1":
            assert connection.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(BODY)

        assert connection.recv(4096).startswith(b"HTTP/1.1 201 ")
