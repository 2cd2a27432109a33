"""A thread that keeps what is refused up to date: the snapshot first, then the stream, long polls where it fails."""

import json
import logging
import random
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from sojourn_verify.clocks import ServiceClock, steady
from sojourn_verify.keys import KeySet
from sojourn_verify.refusals import Refusals, seconds
from sojourn_verify.service import CursorExpired, Service, Unreachable
from sojourn_verify.tokens import Memory

CHECKPOINT_SECONDS = 5.0
"""A stream says at least so often how far it is."""
SWEEP_SECONDS = 30.0
KEPT_SECONDS = 300.0
"""For so long is kept what concerns expired tokens only: longer than any leeway."""
POLLING_SECONDS = 60.0
"""So long events are polled before the stream is tried again."""
SHORTEST_PAUSE, LONGEST_PAUSE = 0.05, 1.0
_CLOSE_SECONDS = 5.0
_MOST_BYTES = 16 * 1024 * 1024

logger = logging.getLogger("sojourn_verify")


class Feed:
    """What is refused, and until when that is known to be everything. One thread writes it."""

    def __init__(
        self, service: Service, keys: KeySet, clock: ServiceClock, *, memory: Memory, max_staleness: float
    ) -> None:
        self.refusals = Refusals()
        self.fresh_until = float("-inf")
        self.resyncs = 0
        self.trouble = "the service was not asked yet"
        self.has_heard = threading.Event()
        self._service, self._keys, self._clock, self._memory = service, keys, clock, memory
        self._max_staleness = max_staleness
        self._cursor = ""
        self._swept_at = steady()
        self._stop = threading.Event()
        self._socket: socket.socket | None = None
        self._thread = threading.Thread(target=self._run, name="sojourn-verify", daemon=True)

    @property
    def cursor(self) -> str:
        """Up to which event everything is known."""
        return self._cursor

    def age(self) -> float:
        """For how many seconds the service has not been heard; infinite when it never was."""
        return max(0.0, steady() - (self.fresh_until - self._max_staleness))

    def start(self) -> None:
        """Begin. Raises RuntimeError the second time."""
        self._thread.start()

    def close(self) -> None:
        """End the thread, and what it waits for."""
        self._stop.set()
        if (connection := self._socket) is not None:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        if self._thread.is_alive():
            self._thread.join(_CLOSE_SECONDS)

    def _run(self) -> None:
        pause, step = SHORTEST_PAUSE, self._resync
        while not self._stop.is_set():
            try:
                step()
                pause, step = SHORTEST_PAUSE, self._follow
            except CursorExpired:
                step = self._resync
            except Unreachable as error:
                self._note(str(error))
                self._stop.wait(pause * random.uniform(0.5, 1))  # noqa: S311 - no secret
                pause = min(pause * 2, LONGEST_PAUSE)
            except Exception as error:  # what cannot be understood: begin again with the whole truth
                self._note(f"{type(error).__name__}: {error}")
                self._stop.wait(LONGEST_PAUSE)
                step = self._resync

    def _note(self, trouble: str) -> None:
        if not self._stop.is_set() and trouble != self.trouble:
            self.trouble = trouble
            logger.warning("%s", trouble)

    def _heard(self, at: float) -> None:
        """Everything that was committed before a steady instant is known."""
        self.fresh_until = max(self.fresh_until, at + self._max_staleness)
        if not self.has_heard.is_set():
            self.has_heard.set()

    def _resync(self) -> None:
        """Begin with the snapshot and with the keys that are good now."""
        asked_at = steady()
        snapshot = self._service.snapshot()
        self._keys.read()
        # Higher than all versions of before: what was judged then is judged again.
        fresh = Refusals(version=self.refusals.version + 1, tenants=snapshot.get("tenants"))
        for item in snapshot["items"]:
            fresh.take_item(item)
        self._catch_up(str(snapshot["cursor"]), fresh)
        self.refusals = fresh
        self.resyncs += 1
        self._heard(asked_at)

    def _catch_up(self, after: str, refusals: Refusals) -> None:
        """Read the pages behind a cursor until there are no more."""
        has_more = True
        while has_more and not self._stop.is_set():
            asked_at = steady()
            page = self._service.events(after)
            self._clock.set(seconds(page["as_of"]), asked_at=asked_at)
            for event in page["items"]:
                refusals.take_event(event, now=self._clock.now())
            after, has_more = page["next_cursor"], page["has_more"]
            self._cursor = after
        if refusals is self.refusals:
            self._heard(asked_at)

    def _follow(self) -> None:
        """Follow the stream until it ends; poll for a while where it does not come in time."""
        self._catch_up(self._cursor, self.refusals)
        if self._max_staleness < CHECKPOINT_SECONDS + 1:
            self._poll(POLLING_SECONDS)
            return
        begun = steady()
        try:
            self._read_stream()
            if steady() - begun < LONGEST_PAUSE:
                self._stop.wait(SHORTEST_PAUSE)
        except Unreachable as error:
            self._note(str(error))
            self._poll(POLLING_SECONDS)

    def _poll(self, for_seconds: float) -> None:
        """Long polls, for some seconds."""
        end, wait = steady() + for_seconds, 0.0
        while steady() < end and not self._stop.is_set():
            asked_at = steady()
            page = self._service.events(self._cursor, wait=wait)
            wait = min(CHECKPOINT_SECONDS, self._max_staleness / 3)
            for event in page["items"]:
                self.refusals.take_event(event, now=self._clock.now())
            self._cursor = page["next_cursor"]
            if not page["has_more"]:
                self._heard(max(asked_at, self._clock.steady_at(seconds(page["as_of"]))))
            self._sweep()

    def _read_stream(self) -> None:
        """Read the stream to its end. Raises Unreachable when it is late, silent or cut off."""
        silence = min(CHECKPOINT_SECONDS + 1, self._max_staleness * 0.7)
        with self._service.stream(self._cursor, silence=silence) as (chunks, self._socket):
            try:
                for kind, cursor, data in messages(chunks):
                    self._take(kind, json.loads(data))
                    self._cursor = cursor
                    self._sweep()
                    if self._stop.is_set():
                        return
                    if self.age() > self._max_staleness * 0.7:
                        raise Unreachable("the stream of events comes late: a proxy holds it back")
            finally:
                self._socket = None

    def _take(self, kind: str, value: Any) -> None:
        if kind == "checkpoint":
            self._heard(self._clock.steady_at(seconds(value["as_of"])))
        else:
            self.refusals.take_event(value, now=self._clock.now())

    def _sweep(self) -> None:
        if steady() - self._swept_at >= SWEEP_SECONDS:
            self._swept_at = steady()
            before = self._clock.now() - KEPT_SECONDS
            self.refusals.forget(before)
            self._memory.forget(before)


def messages(chunks: Iterator[bytes]) -> Iterator[tuple[str, str, str]]:
    """The messages of a stream of server-sent events: type, id and data (WHATWG HTML, section 9.2.6).

    One that was cut off is none.
    """
    kind, cursor, data, kept = "message", "", list[str](), b""
    for chunk in chunks:
        *lines, kept = (kept + chunk).split(b"\n")
        if len(kept) > _MOST_BYTES:
            raise Unreachable("a line of the stream of events has no end")
        for line in lines:
            name, _, value = line.rstrip(b"\r").decode("utf-8").partition(":")
            value = value.removeprefix(" ")
            if name == "event":
                kind = value
            elif name == "id":
                cursor = value
            elif name == "data":
                data.append(value)
            elif not name and not value and not line.startswith(b":") and data:
                yield kind, cursor, "\n".join(data)
                kind, data = "message", []
