"""Tokens and keys inside other texts: what is written to a log or shown in a response holds none of them."""

import re

_SECRET = re.compile(r"eyJ[A-Za-z0-9_.-]*|sj_[0-9a-f]{8,}_[A-Za-z0-9_-]+|rt_[0-9a-f-]{36}\.[A-Za-z0-9_.-]+")
_KEY = re.compile(r"sj_[0-9a-f]{8,}_[A-Za-z0-9_-]+")
_SHORTEST_TOKEN = 12
_SHORTEST_PART = 40
"""So long is what is left of a token that was cut; a shorter word may well begin with these letters."""


def masked(text: str) -> str:
    """`text` with `***` for whatever looks like a token or a key."""
    return _SECRET.sub(_mask, text)


def _mask(match: re.Match[str]) -> str:
    """What begins like a token is read to its end at once, for the next look begins behind it."""
    text = match[0]
    least = _SHORTEST_TOKEN if "." in text else _SHORTEST_PART
    if text.startswith(("sj_", "rt_")) or len(text) >= least:
        return "***"
    return _KEY.sub("***", text)
