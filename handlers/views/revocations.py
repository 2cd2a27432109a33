"""What is refused, as the contract shows it to verifiers of tokens."""

import json
from typing import Any

from sojourn.handlers.feed import Snapshot
from sojourn.handlers.views.envelopes import View
from sojourn.storage.queries.feed import LiveRow


def revocation_snapshot(snapshot: Snapshot) -> View:
    """`RevocationSnapshot`. What several events refuse is named once, as the last of them has it."""
    items: dict[tuple[str, ...], View] = {}
    for row in snapshot.rows:
        if row.type != "session.ended":
            items.update(_items(row))
        elif (key := row.session_id) is not None:  # nearly all are ends: ten thousand calls would be felt
            of, forget_at, shown, code = row.tenant_id, row.forget_at, f"sess_{key}", row.reason_code
            item = {"kind": "session", "tenant_id": of, "forget_at": forget_at, "session_id": shown}
            items[of, key] = item if code is None else item | {"reason_code": code}
    tenants = {} if snapshot.tenants is None else {"tenants": list(snapshot.tenants)}
    live = [item for (kind, *key), item in items.items() if kind != "suspension" or tuple(key) not in items]
    return {"items": live, "cursor": str(snapshot.cursor), "as_of": snapshot.as_of, **tenants}


def _items(row: LiveRow) -> dict[tuple[str, ...], View]:
    """The items that an event is, if it ends no session.

    None where no verifier need know it, several for a cut-off of several types.
    """
    of = row.tenant_id
    data: dict[str, Any] = json.loads(row.data or "{}")
    about = {"tenant_id": of, "forget_at": row.forget_at}
    if row.type == "token.refused" and "jti" in data:
        return {("token", of, data["jti"]): {"kind": "token", **about, "jti": data["jti"]}}
    if row.type == "signing_key.retired":
        return {("key", of, data["kid"]): {"kind": "key", **about, "kid": data["kid"]}}
    if row.type == "session.elevated" and row.user_id is not None:  # who was erased has no session any more
        shown = {"user_id": row.user_id, "session_id": f"sess_{row.session_id}", "token_type": "access"}
        return {
            ("raised", of, str(row.session_id)): {"kind": "cut_off", **about, **shown, "issued_until": row.occurred_at}
        }
    if row.type == "session.suspended" and row.session_id is not None:
        until = {"until": data["until"]} if data["then"] == "reactivate" and "until" in data else {}
        shown = {"kind": "suspension", **about, "session_id": f"sess_{row.session_id}", **until}
        return {("suspension", of, row.session_id): shown}
    if row.type == "tokens.refused":
        whom = {} if row.user_id is None else {"user_id": row.user_id}
        until = {"issued_until": data["issued_until"]}
        return {
            ("cut_off", of, row.user_id or "", kind): {"kind": "cut_off", **about, **whom, "token_type": kind, **until}
            for kind in data["token_types"]
        }
    return {}
