"""How plans and revocations look on the wire."""

import re

from sojourn.domain.clock import Instant
from sojourn.handlers.views.envelopes import View
from sojourn.handlers.views.sessions import session_record
from sojourn.storage.queries.revocation_plans import PlanRow
from sojourn.storage.queries.session_rows import SessionRow

_PLAN, _REVOCATION = "plan_", "rev_"
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def plan_id(key: str) -> str:
    """The public id of a plan."""
    return _PLAN + key


def plan_key(public_id: str) -> str | None:
    """The id under which a plan is stored; None where no plan can have that id."""
    return _key(public_id, _PLAN)


def revocation_key(public_id: str) -> str | None:
    """The id under which the plan of a revocation is stored; None where none can have that id."""
    return _key(public_id, _REVOCATION)


def _key(public_id: str, prefix: str) -> str | None:
    text = public_id.removeprefix(prefix)
    return text if len(text) != len(public_id) and _UUID.fullmatch(text) else None


def revocation_plan(row: PlanRow, sample: list[SessionRow], *, now: Instant) -> View:
    """`RevocationPlan`."""
    numbers = row.counted
    return {
        "plan_id": plan_id(row.id),
        "sessions": numbers.sessions,
        "users": numbers.users,
        "by_app": numbers.by_app,
        "by_country": numbers.by_country,
        "by_device_type": numbers.by_device_type,
        "sample": [session_record(session, now) for session in sample],
        "as_of": row.created_at,
        "expires_at": row.expires_at,
    }


def revocation(row: PlanRow) -> View:
    """`Revocation`, as far as it is."""
    view = _revocation(
        row, "running" if row.finished_at is None else "finished", ended=row.ended, remaining=row.remaining
    )
    if row.finished_at is not None:
        view["finished_at"] = row.finished_at
    return view


def revocation_at_first(row: PlanRow) -> View:
    """`Revocation` as it was when the plan was applied: the same whenever it is asked for."""
    return _revocation(row, "running", ended=0, remaining=row.matched)


def _revocation(row: PlanRow, state: str, *, ended: int | None, remaining: int | None) -> View:
    return {
        "revocation_id": _REVOCATION + row.id,
        "plan_id": plan_id(row.id),
        "state": state,
        "ended": ended,
        "remaining": remaining,
        "started_at": row.applied_at,
    }
