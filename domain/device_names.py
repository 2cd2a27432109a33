"""What a device is known by: the best name that a session gives for it.

A fingerprint or an id is what a client says of itself: a hint, never proof of possession.
"""

import hashlib
from typing import Literal, NamedTuple

from sojourn.domain.ids import TenantId

NameKind = Literal["device_fingerprint", "device_id", "user_agent"]

_ID_DIGITS = 26


class DeviceName(NamedTuple):
    """A name and what kind of name it is."""

    kind: NameKind
    value: str


def best_name(fingerprint: str | None, device_id: str | None, *, user_agent: str | None) -> DeviceName | None:
    """The name that tells most: the fingerprint, else the id, else the user agent; None when there is none."""
    if fingerprint is not None:
        return DeviceName("device_fingerprint", fingerprint)
    if device_id is not None:
        return DeviceName("device_id", device_id)
    return DeviceName("user_agent", user_agent) if user_agent is not None else None


def device_hash(name: str) -> str:
    """SHA-256 of a device's name, hexadecimal: comparable, without telling the name."""
    return hashlib.sha256(name.encode()).hexdigest()


def fingerprint_id(tenant_id: TenantId, name: str) -> str:
    """The public id of a device's name: another one in each tenant, so that tenants cannot be joined by it."""
    # The length keeps ("ab", "c") and ("a", "bc") apart.
    return "fp_" + hashlib.sha256(f"{len(tenant_id)}:{tenant_id}{name}".encode()).hexdigest()[:_ID_DIGITS]
