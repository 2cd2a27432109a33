"""Counts per minute that all worker processes of one machine share, in a small file that each of them maps.

There are as many counters as fit into the file; two keys may share one, so a limit counts at least what its key did.
The file is made for one run of the server and holds nothing that could be turned back into a key.
"""

import fcntl
import hashlib
import mmap
import os
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

_VARIABLE = "_SOJOURN_COUNTS_FILE"
"""Tells worker processes where the file is. It is no setting."""
_COUNTERS = 1 << 16
_COUNTER = struct.Struct("<II")
_SECONDS = 60
_SALT_BYTES = 16
_SIZE = _SALT_BYTES + _COUNTERS * _COUNTER.size


class SharedCounts:
    """Counters that begin anew with each minute. Without a `path` they are this process's own."""

    def __init__(self, path: Path | None = None) -> None:
        self._descriptor: int | None = None
        if path is None:
            self._memory = mmap.mmap(-1, _SIZE)
            self._memory[:_SALT_BYTES] = os.urandom(_SALT_BYTES)
            return
        self._descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        self._memory = mmap.mmap(self._descriptor, _SIZE)

    def count(self, key: str, now: datetime) -> int:
        """Count one for `key`; how many there were in this minute, this one included."""
        salt, minute = self._memory[:_SALT_BYTES], int(now.timestamp()) // _SECONDS & 0xFFFFFFFF
        digest = hashlib.blake2b(key.encode("utf-8", "surrogatepass"), key=salt, digest_size=4).digest()
        place = _SALT_BYTES + int.from_bytes(digest) % _COUNTERS * _COUNTER.size
        with self._alone(place):
            began, counted = _COUNTER.unpack_from(self._memory, place)
            counted = min(counted + 1, 0xFFFFFFFF) if began == minute else 1
            _COUNTER.pack_into(self._memory, place, minute, counted)
        return counted

    @contextmanager
    def _alone(self, place: int) -> Iterator[None]:
        if self._descriptor is None:
            yield
            return
        fcntl.lockf(self._descriptor, fcntl.LOCK_EX, _COUNTER.size, place)
        try:
            yield
        finally:
            fcntl.lockf(self._descriptor, fcntl.LOCK_UN, _COUNTER.size, place)


@contextmanager
def shared_with_workers() -> Iterator[None]:
    """While the block runs, processes that are started share one file of counters; it is gone at the end."""
    with tempfile.NamedTemporaryFile(prefix="sojourn-counts-") as file:
        file.write(os.urandom(_SALT_BYTES) + bytes(_SIZE - _SALT_BYTES))
        file.flush()
        os.environ[_VARIABLE] = file.name
        try:
            yield
        finally:
            del os.environ[_VARIABLE]


def counts_of_this_server() -> SharedCounts:
    """The counters that this process shares with its siblings, or its own where it has none. Raises OSError."""
    path = os.environ.get(_VARIABLE)
    return SharedCounts(None if path is None else Path(path))
