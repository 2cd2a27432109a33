"""The audit trail: records that chain by hash, so that one that was changed, removed or moved is found.

A record's hash is the SHA-256 of its canonical JSON (RFC 8785), which holds the hash of the record before it. The last
hash of a tenant's chain is signed with its position (the head): records removed from the end or added after it are
found too.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import rfc8785

BEFORE_THE_FIRST = ""
"""What the first record of a chain has as the hash before it."""


@dataclass(frozen=True, slots=True)
class Record:
    """One act, as it is exported. `position` counts from 1 in each tenant; `previous` is the hash of the one before."""

    tenant_id: str
    position: int
    previous: str
    id: str
    at: str
    actor_kind: str
    actor_id: str | None
    action: str
    target: str | None
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    request_id: str | None

    def document(self) -> dict[str, Any]:
        """What is hashed."""
        return {
            "tenant_id": self.tenant_id,
            "position": self.position,
            "previous": self.previous,
            "id": self.id,
            "at": self.at,
            "actor": {"kind": self.actor_kind, "id": self.actor_id},
            "action": self.action,
            "target": self.target,
            "before": self.before,
            "after": self.after,
            "request_id": self.request_id,
        }


def canonical(document: Any) -> bytes:
    """The one text of a JSON value (RFC 8785)."""
    return rfc8785.dumps(document)


def hash_of(document: Mapping[str, Any]) -> str:
    """The hash of an exported record: SHA-256, hexadecimal, of all its members but `hash`."""
    return hashlib.sha256(canonical({name: value for name, value in document.items() if name != "hash"})).hexdigest()


def _holds(record: Mapping[str, Any]) -> bool:
    """Whether a record has the hash that it says; no record of ours has a number that JSON cannot carry."""
    try:
        return bool(hash_of(record) == record["hash"])
    except rfc8785.CanonicalizationError:
        return False


def head_of(tenant_id: str, position: int, *, last_hash: str) -> dict[str, Any]:
    """What is signed of a chain's end."""
    return {"tenant_id": tenant_id, "position": position, "hash": last_hash}


def faults(
    tenant_id: str, records: Iterable[Mapping[str, Any]], *, heads: Iterable[Mapping[str, Any]]
) -> Iterator[str]:
    """What is wrong with a tenant's chain, one sentence for each fault; none when it is whole.

    `heads` are what signatures vouch for: the present end, and any that was kept elsewhere.
    """
    hashes: dict[int, str] = {}
    expected, previous = 1, BEFORE_THE_FIRST
    for record in records:
        position = record["position"]
        if position != expected:
            yield f"{tenant_id}: record {expected} is missing"
        elif record["previous"] != previous:
            yield f"{tenant_id}: record {position} does not follow the one before it"
        if record["tenant_id"] != tenant_id or not _holds(record):
            yield f"{tenant_id}: record {position} was changed"
        expected, previous = position + 1, record["hash"]
        hashes[position] = record["hash"]
    present = 0
    for head in heads:
        present = max(present, head["position"])
        if hashes.get(head["position"]) != head["hash"]:
            yield f"{tenant_id}: record {head['position']} is not the one that was signed"
    if present < expected - 1:
        yield f"{tenant_id}: {expected - 1 - present} records stand behind the signed end"
