"""Bytes sent to a server in given packets, and the answers that come back, one by one."""

import json
import socket
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

PAUSE_SECONDS = 0.003
"""Long enough for the server to take one packet before the next is sent."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def converse(port: int, packets: Iterable[bytes], *, seconds: float = 10, pause: float = PAUSE_SECONDS) -> list[Heard]:
    """Send the packets, read until the server closes; every answer in its order."""
    received = bytearray()
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with suppress(BrokenPipeError, ConnectionResetError):
            for index, packet in enumerate(packets):
                if index:
                    time.sleep(pause)
                connection.sendall(packet)
        with suppress(ConnectionResetError):
            while part := connection.recv(65536):
                received += part
    return answers(bytes(received))


def statuses(port: int, packets: Iterable[bytes]) -> list[int]:
    """The statuses alone."""
    return [answer.status for answer in converse(port, packets)]


def answers(received: bytes) -> list[Heard]:
    """The answers in what a server sent until it closed. Fails for one that is cut off."""
    return list(_answers(received))


def _answers(received: bytes) -> Iterable[Heard]:
    while received:
        head, end, rest = received.partition(b"\r\n\r\n")
        assert end, f"an answer without an end of its head: {received!r}"
        first, *lines = head.decode("latin-1").split("\r\n")
        status = int(first.split(" ")[1])
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        length = int(headers.get("content-length", "0"))
        assert len(rest) >= length, f"an answer that is cut off: {received!r}"
        if status != 100:
            yield Heard(status, headers, rest[:length])
        received = rest[length:]
