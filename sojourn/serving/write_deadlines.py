"""Limits how long the server waits for a client that does not read its response."""

import socket
from asyncio import AbstractEventLoop, TimerHandle, Transport

UNSENT_BYTES = 131_072
"""What the system may hold for a client beyond what it has sent: an answer of usual size fits."""


def keep_little_unsent(transport: Transport) -> None:
    """The system, too, holds little for a client that does not read: else it takes megabytes for each connection."""
    connection = transport.get_extra_info("socket")
    if connection is not None and connection.family != socket.AF_UNIX and hasattr(socket, "TCP_NOTSENT_LOWAT"):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)


class WriteDeadline:
    """Ends a connection whose client has not taken, within so many seconds, what it was sent before them.

    One timer serves a whole period: a busy connection sets it once for many answers. What is written while it runs is
    judged by the next, so nothing waits for longer than twice the time.
    """

    def __init__(self, loop: AbstractEventLoop, transport: Transport, *, seconds: float) -> None:
        self._loop, self._transport, self._seconds = loop, transport, seconds
        self._written = self._due = 0
        self._timer: TimerHandle | None = None

    def count(self, size: int) -> None:
        """So many bytes were handed to the transport."""
        self._written += size
        if self._timer is None:
            self._start()

    def restart(self) -> None:
        """The transport holds more than it should: the time for all of it begins now."""
        self.stop()
        self._start()

    def stop(self) -> None:
        """The connection is gone."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _start(self) -> None:
        self._due = self._written
        self._timer = self._loop.call_later(self._seconds, self._look)

    def _look(self) -> None:
        self._timer = None
        taken = self._written - self._transport.get_write_buffer_size()
        if taken < self._due:
            self._transport.abort()
        elif taken < self._written:
            self._start()
