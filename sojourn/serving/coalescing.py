"""Saves two of uvicorn's per-response costs: head and body leave in one write, one idle timer is reused."""

from asyncio import AbstractEventLoop, TimerHandle, Transport
from collections.abc import Callable
from typing import Any

from sojourn.serving.lingering import Lingering
from sojourn.serving.write_deadlines import WriteDeadline

Bytes = bytes | memoryview

_INTERIM = b"HTTP/1.1 100 "
_STATUS_LINE, _IN_CHUNKS = b"HTTP/1.1 ", b"\r\ntransfer-encoding: chunked\r\n"
"""What the head of a stream has: nothing else is sent without its length."""
_MUCH = 32_768
"""From so many bytes on nothing is gained by waiting for more."""


class OneWrite:
    """A transport that gathers an answer and lets it go as one: uvicorn writes head and body one after the other.

    Each write is a system call and a packet, which cost as much as all of our own work on a small answer.
    """

    def __init__(
        self,
        transport: Transport,
        deadline: WriteDeadline,
        *,
        lingering: Lingering,
        more_may_come: Callable[[], bool],
    ) -> None:
        self._transport = transport
        self._deadline = deadline
        self._lingering = lingering
        self._more_may_come = more_may_come
        self._gathered: list[Bytes] = []
        self._is_stream = False

    def is_closing(self) -> bool:
        """Whether nothing can be sent any more."""
        return self._lingering.begun or self._transport.is_closing()

    def write(self, data: Bytes) -> None:
        """Keep a part of an answer. A large one is sent at once, and so is what is said before it (`100 Continue`).

        The parts of a stream are sent as they come.
        """
        is_alone = len(data) >= _MUCH
        if not self._gathered and data[:9] == _STATUS_LINE:
            self._is_stream = _IN_CHUNKS in bytes(data)
            is_alone = is_alone or data[:13] == _INTERIM
        self._gathered.append(data)
        if is_alone or self._is_stream:
            self.flush()

    def flush(self) -> None:
        """Send what was gathered, to a client that is still there."""
        if not self._gathered:
            return
        if not self.is_closing():
            for data in self._gathered if len(self._gathered[-1]) >= _MUCH else (b"".join(self._gathered),):
                self._transport.write(data)
                self._deadline.count(len(data))
        self._gathered.clear()

    def close(self) -> None:
        """Send what was gathered, then close: at once, or when the client has had the time to read what refuses it."""
        self.flush()
        if self._lingering.begun or self._transport.is_closing() or not self._more_may_come():
            self._transport.close()
        else:
            self._lingering.begin()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class OneTimer:
    """The loop as uvicorn uses it for a connection, with one timer that is moved on instead of one for each answer.

    uvicorn closes a connection that has been idle for a while: it sets a timer after every answer, and cancels it when
    the next request comes, nearly always some microseconds later.
    """

    def __init__(self, loop: AbstractEventLoop) -> None:
        self._loop = loop
        self._timer: TimerHandle | None = None
        self._due: float | None = None
        self._ring: Callable[[], None] = _nothing
        self.create_task = loop.create_task

    def call_later(self, seconds: float, ring: Callable[[], None]) -> "OneTimer":
        """Call back after so many seconds, unless cancelled or set again before."""
        self._due, self._ring = self._loop.time() + seconds, ring
        if self._timer is None:
            self._timer = self._loop.call_later(seconds, self._look)
        return self

    def cancel(self) -> None:
        """Cancel the call."""
        self._due = None

    def stop(self) -> None:
        """Stop for good: the connection is closed."""
        self._due = None
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        self._timer = None
        if self._due is None:  # in use just now: the next answer sets a timer
            return
        left = self._due - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._look)
        else:
            self._ring()


def _nothing() -> None:
    """The callback of a timer that is not set."""
