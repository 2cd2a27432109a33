"""Conditions under which a change is made (RFC 9110 §13.1.1): only to what the caller has seen."""

import re

_STRONG = re.compile(r'(W/)?("[^"]*")')


def is_met(if_match: str | None, tag: str) -> bool:
    """Whether the caller means what has this tag now: by `*`, by the tag itself, or by setting no condition.

    Tags are compared strongly (RFC 9110 §8.8.3.2): a weak one never matches.
    """
    if if_match is None or if_match == "*":
        return True
    return any(not weak and found == tag for weak, found in _STRONG.findall(if_match))
