"""API keys as texts: how they are made and read.

A key reads `sj_<id>_<secret><checksum>`. The id finds the row, the secret proves the caller, and the checksum lets a
typing error, or a scanner that looks for leaked keys, be recognised without the database.
"""

import re
import zlib
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sojourn.domain.ids import hash_secret, mint_secret, same_secret, uuid7

_FORM = re.compile(r"sj_([0-9a-f]{32})_([A-Za-z0-9_-]{43})([0-9a-f]{8})")


@dataclass(frozen=True, slots=True)
class MintedKey:
    """A new key: `text` is shown once, `id` and `secret_hash` are stored."""

    id: str
    text: str
    secret_hash: str


class PresentedKey(NamedTuple):
    """What a text with the form of a key says."""

    id: str
    secret_hash: str


def mint_api_key(now: datetime) -> MintedKey:
    """A new API key with 256 random bits; its id sorts by `now`."""
    return mint_secret_of(uuid7(now).replace("-", ""))


def mint_secret_of(key_id: str) -> MintedKey:
    """The key of this id with another secret."""
    secret = mint_secret()
    return MintedKey(key_id, f"{prefix_of(key_id)}_{secret}{_checksum(key_id, secret)}", hash_secret(secret))


def prefix_of(key_id: str) -> str:
    """How the key of this id begins; no secret."""
    return f"sj_{key_id}"


def read_api_key(text: str) -> PresentedKey | None:
    """The id and the hash of the secret; None for a text that no key of ours has."""
    match = _FORM.fullmatch(text)
    if match is None or not same_secret(match[3], _checksum(match[1], match[2])):
        return None
    return PresentedKey(match[1], hash_secret(match[2]))


def _checksum(key_id: str, secret: str) -> str:
    return f"{zlib.crc32(f'{key_id}_{secret}'.encode()):08x}"
