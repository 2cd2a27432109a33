"""Identifiers and secrets: how they are generated, parsed and compared.

Ids sort by the time they were generated (UUID version 7, RFC 9562 §5.7). Ids are names, never secrets: secrets come
from `mint_secret` and are kept only as hashes.
"""

import hashlib
import hmac
import re
import secrets
from datetime import datetime
from typing import NewType

TenantId = NewType("TenantId", str)
"""The id of a tenant, in the form that `is_tenant_id` accepts."""
SessionKey = NewType("SessionKey", str)
"""The UUID under which a session is stored: its public id without `sess_`."""

TENANT_ID_PATTERN = r"^[A-Za-z0-9._:@|~+=-]+$"
USER_ID_PATTERN = r"^(\.{0,2}[^\x00-\x20.\x7f]|\.{3})([^\x00-\x1f\x7f]*[^\x00-\x20\x7f])?$"
"""What the contract says of tenants' ids, and of the ids that others give to users and devices.

These are opaque, but `.` and `..` are none: in a path they mean another place (RFC 3986 §5.2.4). Nor is a text that
begins with one of them and a space.
"""

_TENANT_ID, _MAX_TENANT_ID = re.compile(TENANT_ID_PATTERN), 128
_USER_ID, _MAX_USER_ID = re.compile(USER_ID_PATTERN), 255
_SURROGATE = re.compile("[\ud800-\udfff]")
_UUID_TEXT = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_SESSION_PREFIX = "sess_"
_USER_KEY_BITS = 53


def uuid7(now: datetime) -> str:
    """A UUID version 7 for `now`, as 36 characters of text."""
    milliseconds = int(now.timestamp() * 1000)
    noise = secrets.randbits(74)
    value = (milliseconds & 0xFFFF_FFFF_FFFF) << 80 | 0x7 << 76 | (noise >> 62) << 64 | 0b10 << 62
    return _uuid_text(value | noise & 0x3FFF_FFFF_FFFF_FFFF)


def first_uuid7(text: str) -> str:
    """A text that sorts before every UUID version 7 of the instant `text` (RFC 3339) or later, after every earlier."""
    milliseconds = round(datetime.fromisoformat(text).timestamp() * 1000)
    return _uuid_text((milliseconds & 0xFFFF_FFFF_FFFF) << 80)


def _uuid_text(value: int) -> str:
    digits = f"{value:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def is_tenant_id(text: str) -> bool:
    """Whether the contract lets a tenant have this id."""
    return len(text) <= _MAX_TENANT_ID and _TENANT_ID.fullmatch(text) is not None


def is_user_id(text: str) -> bool:
    """Whether the contract lets a user have this id. An unpaired surrogate is no character (RFC 8259 §8.2)."""
    return len(text) <= _MAX_USER_ID and _USER_ID.fullmatch(text) is not None and not _SURROGATE.search(text)


def erased_user(tenant_id: TenantId, user_id: str) -> str:
    """What stands for a user who was erased: a hash, different in each tenant, after a space, so that it is no id."""
    return " " + hashlib.sha256(f"erased\0{tenant_id}\0{user_id}".encode()).hexdigest()


def session_id(key: SessionKey) -> str:
    """The public id of the session stored under the UUID `key`."""
    return _SESSION_PREFIX + key


def session_key(public_id: str) -> SessionKey | None:
    """The UUID inside a public session id, or None when no session of ours can have that id."""
    text = public_id.removeprefix(_SESSION_PREFIX)
    return SessionKey(text) if len(text) != len(public_id) and _UUID_TEXT.fullmatch(text) else None


def mint(prefix: str, now: datetime) -> str:
    """A sortable public id: `prefix`, an underscore, a UUID version 7."""
    return f"{prefix}_{uuid7(now)}"


def user_key(user_id: str, attempt: int = 0) -> int:
    """The integer key of a user: 53 bits of a hash of the opaque id, so that no sequence is shared.

    Small enough for every JSON reader (RFC 8259 §6). Two users of a tenant may draw the same number (once in
    18,000 tenants of a million users): the second one then tries the next `attempt`.
    """
    digest = hashlib.sha256(f"{attempt}:{user_id}".encode()).digest()
    return int.from_bytes(digest[:8]) >> 64 - _USER_KEY_BITS


def mint_secret() -> str:
    """256 bits from the system's generator, URL-safe text."""
    return secrets.token_urlsafe(32)


def hash_secret(secret: str) -> str:
    """What is kept of a secret: SHA-256, hexadecimal. Fit for secrets of full entropy, not for passwords."""
    return hashlib.sha256(secret.encode()).hexdigest()


def same_secret(left: str, right: str) -> bool:
    """Compare two secrets, or their hashes, in constant time."""
    return hmac.compare_digest(left.encode(), right.encode())
