"""Log lines are written by a separate thread, so that requests go on when nobody reads the log.

The lines that wait are bounded. When there are too many, access lines are dropped first; once the log is read again, a
line says how many are missing.
"""

import logging
import os
import select
import threading
import time
from collections import deque
from weakref import WeakSet

from sojourn.observability import metrics

ACCESS = "sojourn.access"
"""The logger of access lines."""

MOST_BYTES = 2 << 20
"""Of lines that wait. A line beyond is dropped and counted."""

MOST_BYTES_FOR_ACCESS = 1 << 20
"""With so much waiting access lines are dropped, and the other ones still kept."""

STANDARD_ERROR = 2
PAUSE_SECONDS = 0.005
"""Between two writes: under load lines are written many at a time."""

END_SECONDS = 2.0
"""How long the end of a process waits for its last lines to be read."""


class BackgroundHandler(logging.Handler):
    """Writes records to standard error, later, and in their order."""

    def __init__(self) -> None:
        super().__init__()
        self._begin()
        _HANDLERS.add(self)

    def _begin(self) -> None:
        """Nothing waits, and nobody writes: also in a forked process, whose lines of before another one writes."""
        self._changed = threading.Condition()
        self._lines: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._dropped: dict[str, int] = {}
        self._writer: threading.Thread | None = None
        self._rests = self._ends = False

    def emit(self, record: logging.LogRecord) -> None:
        """Queue the record's line, or count it as dropped."""
        try:
            line = self._line(record)
        except Exception:
            self.handleError(record)
            return
        is_access = record.name == ACCESS
        with self._changed:
            if self._waiting_bytes + len(line) > (MOST_BYTES_FOR_ACCESS if is_access else MOST_BYTES):
                kind = "access" if is_access else "other"
                self._dropped[kind] = self._dropped.get(kind, 0) + 1
                return
            self._lines.append(line)
            self._waiting_bytes += len(line)
            if self._writer is None:
                self._writer = threading.Thread(target=self._write_on, name="log", daemon=True)
                self._writer.start()
            elif self._rests:
                self._changed.notify_all()

    def flush(self) -> None:
        """Wait until what was queued is written, or for `END_SECONDS` when nobody reads."""
        deadline = time.monotonic() + END_SECONDS
        with self._changed:
            while self._waiting_bytes and (left := deadline - time.monotonic()) > 0:
                self._changed.wait(left)

    def close(self) -> None:
        """Write what is queued, as `flush` does, and write nothing more."""
        self.flush()
        with self._changed:
            self._ends = True
            self._changed.notify_all()
        super().close()

    def _line(self, record: logging.LogRecord) -> bytes:
        return self.format(record).encode("utf-8", "backslashreplace") + b"\n"

    def _write_on(self) -> None:
        while lines := self._next():
            _write(lines)
            with self._changed:
                self._waiting_bytes -= len(lines)
                self._tell_of_dropped()
                self._changed.notify_all()
            time.sleep(PAUSE_SECONDS)

    def _next(self) -> bytes:
        """The lines that wait; none when there will be no more."""
        with self._changed:
            while not self._lines and not self._ends:
                self._rests = True
                self._changed.wait()
            self._rests = False
            lines = b"".join(self._lines)
            self._lines.clear()
            return lines

    def _tell_of_dropped(self) -> None:
        """Add a line after the kept ones that says how many were dropped."""
        if not self._dropped:
            return
        dropped, self._dropped = self._dropped, {}
        total = sum(dropped.values())
        for kind, number in dropped.items():
            metrics.count("sojourn_log_lines_dropped", kind, by=number)
        facts = {"name": "sojourn.log", "levelno": logging.WARNING, "levelname": "WARNING", "dropped_lines": total}
        record = logging.makeLogRecord(
            {**facts, "msg": "the log was not read in time: %d lines were dropped", "args": (total,)}
            | {f"dropped_{kind}": count for kind, count in dropped.items()}
        )
        line = self._line(record)
        self._lines.append(line)
        self._waiting_bytes += len(line)


def _write(lines: bytes) -> None:
    """Write to standard error and wait as long as it takes. When it is gone for good, so are the lines."""
    left = memoryview(lines)
    while left:
        try:
            left = left[os.write(STANDARD_ERROR, left[:65_536]) :]
        except BlockingIOError:
            waiting = select.poll()
            waiting.register(STANDARD_ERROR, select.POLLOUT)
            waiting.poll()
        except OSError:
            return


def _begin_anew() -> None:
    for handler in _HANDLERS:
        handler._begin()


_HANDLERS: WeakSet[BackgroundHandler] = WeakSet()
os.register_at_fork(after_in_child=_begin_anew)
