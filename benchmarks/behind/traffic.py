"""Requests at a fixed rate, and sessions that end meanwhile."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

CONNECTIONS = 64
MOST_SECONDS = 15.0
"""After so long the token of an ended session is asked by no more."""
_PAUSE = 0.004


class Connection:
    """One connection to a server on this machine that is kept open: one request after the other."""

    def __init__(self, port: int, headers: str = "") -> None:
        self._port, self._headers = port, headers
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, method: str, path: str, headers: str = "") -> tuple[int, bytes]:
        """Status and body of the response to a request without a body."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{self._headers}{headers}\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        _, is_there, length = head.partition(b"content-length:")
        body = await reader.readexactly(int(length.split(b"\r\n")[0])) if is_there else b""
        return int(head.split(b" ", 2)[1]), body

    async def close(self) -> None:
        """Close it."""
        if self._streams is not None:
            self._streams[1].close()
            with contextlib.suppress(OSError):
                await self._streams[1].wait_closed()


@dataclass
class Seen:
    """What came of it. `late` is for how many seconds after the end of a session its token was accepted, by session."""

    statuses: Counter[int] = field(default_factory=Counter)
    late: list[float] = field(default_factory=list)
    seconds: float = 0.0


async def run(
    *, application: int, service: int, key: str, tokens: Sequence[str], ending: Sequence[tuple[str, str]], rate: int,
    seconds: float, is_checked: bool,
) -> Seen:  # fmt: skip
    """Ask an application `rate` times a second, by `tokens` in turn, while the sessions of `ending` end one by one.

    `ending` has session ids and their tokens; where `is_checked`, it is seen until when they are accepted. What
    cannot be sent in time is sent as soon as it can be.
    """
    seen, begun = Seen(), time.perf_counter()
    asking = [
        _ask(seen, Connection(application), tokens, number, begun=begun, rate=rate, until=begun + seconds)
        for number in range(CONNECTIONS)
    ]
    gap = seconds / (len(ending) + 1)
    ends = [
        _end(seen, one, (application, service), key=key, at=begun + gap * number, is_checked=is_checked)
        for number, one in enumerate(ending, 1)
    ]
    await asyncio.gather(*asking, *ends)
    seen.seconds = time.perf_counter() - begun
    return seen


async def _ask(
    seen: Seen, connection: Connection, tokens: Sequence[str], number: int, *, begun: float, rate: int, until: float
) -> None:
    turn = number
    while (due := begun + turn / rate) < until:
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        status, _ = await connection.ask("GET", "/", f"Authorization: Bearer {tokens[turn % len(tokens)]}\r\n")
        seen.statuses[status] += 1
        turn += CONNECTIONS
        if time.perf_counter() > until:
            break
    await connection.close()


async def _end(
    seen: Seen, ending: tuple[str, str], ports: tuple[int, int], *, key: str, at: float, is_checked: bool
) -> None:
    """End a session, then ask by its token until that is refused."""
    session, token = ending
    await asyncio.sleep(max(0.0, at - time.perf_counter()))
    application, service = Connection(ports[0]), Connection(ports[1], f"X-API-Key: {key}\r\nX-Tenant-ID: acme\r\n")
    authorization = f"Authorization: Bearer {token}\r\n"
    await application.ask("GET", "/", authorization)  # the token was seen before
    status, body = await service.ask("DELETE", f"/internal/session/{session}")
    ended = time.perf_counter()
    if status >= 300:
        raise RuntimeError(f"the end of {session}: {status} {body.decode()}")
    late = 0.0
    while is_checked and (asked := time.perf_counter()) < ended + MOST_SECONDS:
        status, _ = await application.ask("GET", "/", authorization)
        if status == 401:
            break
        late = asked - ended
        await asyncio.sleep(_PAUSE)
    if is_checked:
        seen.late.append(late)
    await application.close()
    await service.close()
