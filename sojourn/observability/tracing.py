"""Trace context (W3C Trace Context) and request ids."""

import os
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from itertools import count

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_REQUEST_ID = re.compile(r"[\x21-\x7e]{1,128}")
_SAMPLED = 1
_process = secrets.token_hex(6)
_serial = count(secrets.randbits(24))
"""A request's id is a UUID version 7 whose last parts are a counter and the process (RFC 9562 §6.2): it is
unique without asking the system for randomness each time."""


def _draw_again() -> None:
    """A process that was forked is another one."""
    global _process, _serial
    _process, _serial = secrets.token_hex(6), count(secrets.randbits(24))


os.register_at_fork(after_in_child=_draw_again)


@dataclass(frozen=True, slots=True)
class Trace:
    """Where a request stands in a distributed trace. `parent_id` is None when the trace begins here."""

    trace_id: str
    span_id: str
    parent_id: str | None
    sampled: bool


def continue_trace(traceparent: str | None) -> Trace:
    """A new span of the caller's trace; of a trace of its own when there is no valid `traceparent`."""
    span_id = secrets.token_hex(8)
    match = _TRACEPARENT.fullmatch((traceparent or "").strip(" \t"))
    if match is None or not _is_valid(match):
        return Trace(secrets.token_hex(16), span_id, None, False)
    return Trace(match[2], span_id, match[3], bool(int(match[4], 16) & _SAMPLED))


def _is_valid(match: re.Match[str]) -> bool:
    """Version `ff` and all-zero ids are forbidden; only versions after `00` may say more."""
    if match[1] == "ff" or not match[2].strip("0") or not match[3].strip("0"):
        return False
    return match[5] is None or match[1] != "00"


def request_id(sent: str | None, now: datetime) -> str:
    """The client's `X-Request-ID` when it is up to 128 visible ASCII characters, else a new `req_` id."""
    if sent is not None and _REQUEST_ID.fullmatch(sent):
        return sent
    milliseconds, serial = int(now.timestamp() * 1000), next(_serial)
    begin = f"req_{milliseconds >> 16:08x}-{milliseconds & 0xFFFF:04x}"
    return f"{begin}-7{serial >> 12 & 0xFFF:03x}-8{serial & 0xFFF:03x}-{_process}"
