"""Records of the audit trail as administrators and auditors see them."""

from collections.abc import Mapping
from typing import Any

from sojourn.handlers.views.envelopes import View

_AS_STORED = ("id", "at", "action", "target", "before", "after", "request_id", "hash")


def audit_record(row: Mapping[str, Any]) -> View:
    """`AuditRecord`: every member always, null where there is nothing to say."""
    actor = {"kind": row["actor_kind"], "id": row["actor_id"]}
    return {**{name: row[name] for name in _AS_STORED}, "actor": actor}
