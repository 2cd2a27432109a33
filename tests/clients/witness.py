"""Who watches a verifier: which tokens it accepted, and when; and a wire that can be cut."""

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from sojourn_verify import Refused, Stale, Verifier

_BYTES = 65536


class Witness:
    """Verifies tokens all the time, in a thread, and notes when each was accepted last.

    Instants are seconds of the steady clock, taken before the verification begins.
    """

    def __init__(self, verifier: Verifier) -> None:
        self.verifier = verifier
        self.tokens: list[str] = []
        self.accepted_at: dict[str, float] = {}
        self.ended_at: dict[str, float] = {}
        self.is_stale = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Witness":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join(30)

    def watch(self, token: str) -> None:
        self.tokens.append(token)

    def note_end(self, token: str) -> None:
        """The end of a token was acknowledged by now."""
        self.ended_at.setdefault(token, time.monotonic())

    def _run(self) -> None:
        while not self._stop.wait(0.002):
            for token in list(self.tokens):
                begun = time.monotonic()
                try:
                    self.verifier.verify(token)
                except Refused:
                    self.is_stale = False
                except Stale:
                    self.is_stale = True
                else:
                    self.is_stale = False
                    self.accepted_at[token] = begun

    def too_late(self) -> dict[str, float]:
        """How many seconds after its end each token that had ended was accepted last; those that were, only."""
        return {
            token: self.accepted_at[token] - ended
            for token, ended in self.ended_at.items()
            if self.accepted_at.get(token, 0.0) > ended
        }

    def longest(self) -> float:
        """The longest that a token was accepted after its end."""
        return max(self.too_late().values(), default=0.0)


class Wire:
    """A TCP connection between a client and a server that can be cut. Ends with `close`."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.cut_after: Callable[[], int] | None = None
        self.is_off = False
        self.holds_streams = False
        """Whether it passes on what is streamed only when the stream has ended, as a proxy that buffers does."""
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self.is_off:
                client.close()
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self._to), timeout=10)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            self._open += [client, server]
            left = None if self.cut_after is None else self.cut_after()
            threading.Thread(target=self._pump, args=(client, server, None), daemon=True).start()
            threading.Thread(target=self._pump, args=(server, client, left), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, left: int | None) -> None:
        held = b""
        with suppress(OSError):
            while data := source.recv(_BYTES):
                if self.holds_streams and (held or b"text/event-stream" in data):
                    held += data
                    continue
                data, held = held + data, b""
                if left is not None:
                    data, left = data[:left], left - len(data)
                target.sendall(data)
                if left is not None and left <= 0:
                    break
        with suppress(OSError):
            target.sendall(held)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def cut(self) -> None:
        """End every connection now, wherever it is."""
        for end in self._open:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self._open.clear()

    def close(self) -> None:
        self.is_off = True
        self._listener.close()
        self.cut()
