"""Nothing is sent to an address that is not public, however it is spelled and whatever a name says the next time."""

import asyncio
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from ipaddress import ip_address
from typing import Any

import pytest

from sojourn.domain.clock import utc_now
from sojourn.domain.egress import Address, Allowed, fault, read_allowed
from sojourn.domain.webhooks import Attempt
from sojourn.sending import posting
from sojourn.sending.posting import Post
from tests.receiver import Receiver, hang_up, status

SPELLINGS = [
    "https://127.0.0.1/",
    "https://127.0.0.1:8443/admin",
    "https://127.1/",
    "https://127.0.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://0X7F.1/",
    "https://017700000001/",
    "https://0177.0.0.1/",
    "https://127.0.0.01/",
    "https://127.0.0.1./",
    "https://localhost/",
    "https://LOCALHOST/",
    "https://localhost./",
    "https://api.localhost/",
    "https://db.internal/",
    "https://metadata.google.internal/computeMetadata/v1/",
    "https://printer.local/",
    "https://0.0.0.0/",
    "https://0/",
    "https://10.0.0.5/",
    "https://172.16.0.1/",
    "https://192.168.1.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://100.64.0.1/",
    "https://100.100.100.200/",
    "https://168.63.129.16/",
    "https://192.0.0.192/",
    "https://198.18.0.1/",
    "https://224.0.0.1/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
    "https://[::1]/",
    "https://[::]/",
    "https://[0:0:0:0:0:0:0:1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::7f00:1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b::169.254.169.254]/",
    "https://[64:ff9b:1::a00:1]/",
    "https://[2002:7f00:1::]/",
    "https://[2001:0:4136:e378:8000:63bf:80ff:fffe]/",
    "https://[fe80::1]/",
    "https://[fe80::1%25eth0]/",
    "https://[fc00::1]/",
    "https://[fd00:ec2::254]/",
    "https://[ff02::1]/",
    "https://[2001:db8::1]/",
    "https://[100::1]/",
    "https://hooks.example.com@127.0.0.1/",
    "https://127.0.0.1@hooks.example.com/",
    "https://hooks.example.com:443@10.0.0.1/",
    "https://hooks.example.com\\@10.0.0.1/",
    "https://127.0.0.1%2f.example.com/",
    "https://%31%32%37.0.0.1/",
    "https://１２７.0.0.1/",
    "https://①②⑦.0.0.1/",
    "https://127。0。0。1/",
    "http://hooks.example.com/",
    "http://93.184.216.34/",
    "ftp://hooks.example.com/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_",
    "https:///etc/passwd",
    "https://hooks.example.com:0/",
    "https://hooks.example.com:99999/",
    "https://hooks.example.com/#fragment",
    "https://",
]

ADDRESSES = [
    "127.0.0.1",
    "127.8.8.8",
    "10.1.2.3",
    "172.31.255.255",
    "192.168.0.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.251",
    "240.0.0.1",
    "::1",
    "::",
    "::ffff:10.0.0.1",
    "::10.0.0.1",
    "fe80::1",
    "fd00:ec2::254",
    "ff05::2",
    "64:ff9b::a00:1",
    "64:ff9b:1::1",
    "2002:a00:1::",
    "2001:0:1::1",
]


def send(url: str, found: "list[list[str]]", allowed: "Allowed | None" = None) -> "list[Attempt]":
    """One attempt for each answer of the name service; each must be asked for exactly once."""
    asked: list[str] = []

    async def resolve(host: str, port: int) -> list[Address]:
        asked.append(host)
        return [ip_address(text) for text in found[len(asked) - 1]]

    async def run() -> list[Attempt]:
        attempts = []
        for _ in found:
            post = Post(allowed or Allowed(), utc_now, resolve=resolve)
            attempts.append(await post.send(url, "evt_1", body=b"{}", secrets=["whsec_" + "A" * 44]))
            await post.close()
        return attempts

    attempts = asyncio.run(run())
    assert len(asked) == len(found)
    return attempts


@pytest.mark.parametrize("url", SPELLINGS)
def test_a_url_that_leads_inside_or_is_spelled_unusually_is_refused(url: str) -> None:
    assert fault(url, Allowed()) is not None


@pytest.mark.parametrize("url", SPELLINGS)
def test_whatever_is_stored_is_not_sent_to(url: str) -> None:
    async def run() -> Attempt:
        post = Post(Allowed(), utc_now)
        return await post.send(url, "evt_1", body=b"{}", secrets=["whsec_" + "A" * 44])

    assert asyncio.run(run()).outcome == "address_refused"


def test_there_are_forty_spellings_and_more() -> None:
    assert len(set(SPELLINGS)) >= 40


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_name_that_has_an_inner_address_is_not_connected_to(address: str) -> None:
    (alone,) = send("https://hooks.example.com/", [[address]])
    (beside,) = send("https://hooks.example.com/", [["93.184.216.34", address]])

    assert (alone.outcome, beside.outcome) == ("address_refused", "address_refused")


def test_the_address_that_was_checked_is_the_one_that_is_connected_to() -> None:
    receiver = Receiver()
    allowed = read_allowed(["127.0.0.1"])
    url = f"https://hooks.example.com:{receiver.port}/"
    # The receiver speaks no TLS: that its failure is one of TLS shows that it was connected to.
    first, second = send(url, [["127.0.0.1"], ["127.0.0.2"]], allowed)
    receiver.close()

    assert first.outcome == "tls_failed"
    assert second.outcome == "address_refused"


def test_a_name_without_an_address_is_told_so() -> None:
    (attempt,) = send("https://hooks.example.com/", [[]])

    assert attempt.outcome == "unresolved"


@pytest.mark.parametrize(
    "url", ["https://hooks.example.com/a?b=c", "https://hooks.example.com:8443/", "https://93.184.216.34/",
            "https://[2606:2800:220:1:248:1893:25c8:1946]/", "https://xn--bcher-kva.example/"]
)  # fmt: skip
def test_a_public_url_is_taken(url: str) -> None:
    assert fault(url, Allowed()) is None


def test_an_operator_allows_hosts_and_networks_and_no_more() -> None:
    allowed = read_allowed(["receiver", "10.0.0.0/8", "fd00::/8"])

    assert fault("http://receiver:8080/", allowed) is None
    assert fault("http://10.1.2.3/", allowed) is None
    assert fault("https://[fd00::1]/", allowed) is None
    assert fault("http://other:8080/", allowed) == "webhook_https"
    assert fault("https://192.168.0.1/", allowed) == "webhook_address"


@pytest.mark.parametrize("item", ["http://receiver", "10.0.0.0/33", "a b", "127.1"])
def test_what_is_neither_host_nor_network_is_no_setting(item: str) -> None:
    with pytest.raises(ValueError, match="neither"):
        read_allowed([item])


def answered(answer: Any) -> Attempt:
    """An attempt at a receiver that answers so."""
    receiver = Receiver(answer)

    async def run() -> Attempt:
        post = Post(read_allowed(["127.0.0.1"]), utc_now)
        try:
            return await post.send(receiver.url, "evt_1", body=b"{}", secrets=["whsec_" + "A" * 44])
        finally:
            await post.close()

    try:
        return asyncio.run(run())
    finally:
        receiver.close()


def a_byte_now_and_then(handler: BaseHTTPRequestHandler) -> None:
    """Sends the head of an answer so slowly that it never ends."""
    with suppress(OSError):
        for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 1000:
            handler.wfile.write(bytes([byte]))
            handler.wfile.flush()
            time.sleep(0.2)
    handler.close_connection = True


def without_end(handler: BaseHTTPRequestHandler) -> None:
    """Sends an answer of a gigabyte."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(1 << 30))
    handler.end_headers()
    with suppress(OSError):
        for _ in range(1 << 14):
            handler.wfile.write(b"x" * (1 << 16))
    handler.close_connection = True


def test_an_answer_that_comes_too_slowly_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting, "DEADLINE_SECONDS", 1.0)

    assert answered(a_byte_now_and_then).outcome == "timeout"


def test_an_answer_without_end_is_not_waited_for() -> None:
    attempt = answered(without_end)

    assert (attempt.outcome, attempt.status) == ("delivered", 200)


def test_a_redirect_is_not_followed() -> None:
    attempt = answered(status(307, Location="http://169.254.169.254/"))

    assert (attempt.outcome, attempt.status) == ("redirect", 307)


def test_a_receiver_that_hangs_up_is_a_failure() -> None:
    assert answered(hang_up).outcome == "unreachable"
