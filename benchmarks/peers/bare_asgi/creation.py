"""The body of a creation, checked by hand: every rule of `CreateSessionRequest`."""

import ipaddress
import re
from typing import Any

_ID = re.compile(r"[^\x00-\x20\x7f](?:[^\x00-\x1f\x7f]{0,253}[^\x00-\x20\x7f])?").fullmatch
_TEXT_128 = re.compile(r"[^\x00-\x1f\x7f]{1,128}").fullmatch
_TEXT_1024 = re.compile(r"[^\x00-\x1f\x7f]{1,1024}").fullmatch
_METHOD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}").fullmatch
_PATTERNS = {
    "auth_user_id": _ID,
    "username": _ID,
    "role": re.compile(r"[A-Za-z][A-Za-z0-9_.:-]{0,63}").fullmatch,
    "app_id": _ID,
    "device_id": _ID,
    "device_fingerprint": _ID,
    "device_type": re.compile(r"[a-z][a-z0-9_-]{0,31}").fullmatch,
    "browser": _TEXT_128,
    "os": _TEXT_128,
    "user_agent": _TEXT_1024,
}


def is_creation(body: Any) -> bool:
    """Whether a decoded body is a valid `CreateSessionRequest`."""
    if not isinstance(body, dict) or "auth_user_id" not in body:
        return False
    for name, value in body.items():
        pattern = _PATTERNS.get(name)
        if pattern is not None:
            valid = isinstance(value, str) and pattern(value) is not None
        elif name == "ip":
            valid = _is_address(value)
        else:
            valid = name == "amr" and _are_methods(value)
        if not valid:
            return False
    return True


def _is_address(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return "%" not in value


def _are_methods(value: Any) -> bool:
    if not isinstance(value, list) or not 1 <= len(value) <= 16:
        return False
    if not all(isinstance(method, str) and _METHOD(method) for method in value):
        return False
    return len(set(value)) == len(value)
