"""The end of a connection whose client may still be writing (RFC 9112 §9.6).

If a socket is closed while bytes from the client are unread, the connection is reset, and the client may lose the
response. So the server first only stops writing. It reads and drops what still arrives until the client closes or
sends nothing for a while.
"""

from asyncio import AbstractEventLoop, TimerHandle, Transport

QUIET_SECONDS = 2.0
"""A client that sends nothing for so long has had the time to read."""
MOST_SECONDS = 30.0
"""No client is listened to for longer."""
MOST_BYTES = 10 * 1024 * 1024
"""Nor is more of it read: a flood is cut off."""


class Lingering:
    """Ends one connection. `begun` says that nothing more is written to it, and that what comes is dropped."""

    def __init__(self, loop: AbstractEventLoop, transport: Transport) -> None:
        self._loop, self._transport = loop, transport
        self._timer: TimerHandle | None = None
        self._end = 0.0
        self._heard = False
        self._left = MOST_BYTES
        self.begun = False

    def begin(self) -> None:
        """Write nothing more. TLS cannot say so; its clients know from the answer that it is the last."""
        self.begun = True
        self._end = self._loop.time() + MOST_SECONDS
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._timer = self._loop.call_later(QUIET_SECONDS, self._look)

    def drop(self, size: int) -> None:
        """So many bytes more came."""
        self._heard = True
        self._left -= size
        if self._left < 0:
            self._transport.close()

    def stop(self) -> None:
        """The connection is gone."""
        self.begun = True
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        if self._heard and self._loop.time() < self._end:
            self._heard = False
            self._timer = self._loop.call_later(QUIET_SECONDS, self._look)
        else:
            self._transport.close()
