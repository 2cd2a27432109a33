"""The maintained numbers of `sojourn.storage.queries.statistics` held against a count of every row, and put right.

Both sides are read in one statement, as of one instant: a difference is real while other processes write. It is put
right by adding it, so that what others count meanwhile stays counted.
"""

from collections import Counter
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, bindparam, cast, func, literal_column, select, union_all

from sojourn.storage.queries import statistics
from sojourn.storage.schema.tables import SessionCounterTable, SessionTable, TenantTable
from sojourn.storage.statements import Statement
from sojourn.storage.unit_of_work import UnitOfWork

_S = SessionTable.__table__
_C = SessionCounterTable.__table__
_T = TenantTable.__table__
_TENANT: Any = bindparam("tenant")


def _word(text: str) -> Any:
    return literal_column(f"'{text}'")


def _rows(kind: str, device_type: Any, *, count: Any) -> Any:
    found = select(_word("rows"), _word(kind), device_type, count).where(_S.c.tenant_id == _TENANT)
    return found.group_by(_S.c.device_type) if kind == "created" else found


_SETTLED = func.count().filter(_S.c.revoked_at.is_(None), _S.c.due_at.is_(None))
BOTH = Statement(
    union_all(
        select(_word("counters"), _C.c.kind, _C.c.device_type, cast(func.sum(_C.c.value), BigInteger))
        .where(_C.c.tenant_id == _TENANT)
        .group_by(_C.c.kind, _C.c.device_type),
        _rows("created", func.coalesce(_S.c.device_type, _word(statistics.UNKNOWN_DEVICE)), count=func.count()),
        _rows("revoked", _word(""), count=func.count(_S.c.revoked_at)),
        _rows("expired", _word(""), count=_SETTLED),
    )
)
LOCK_TENANT = Statement(select(_T.c.id).where(_T.c.id == _TENANT).with_for_update())


class Difference(NamedTuple):
    """A maintained number that a recount contradicts. `device_type` is empty but for `created`."""

    kind: str
    device_type: str
    counted: int
    recounted: int


async def differences(unit: UnitOfWork) -> list[Difference]:
    """Where the tenant's maintained numbers differ from a count of its rows; empty when they are right."""
    sides: dict[str, Counter[tuple[str, str]]] = {"counters": Counter(), "rows": Counter()}
    for side, kind, device_type, value in await unit.all(BOTH):
        sides[side][kind, device_type] += value
    counted, recounted = sides["counters"], sides["rows"]
    wrong = sorted(name for name in counted.keys() | recounted.keys() if counted[name] != recounted[name])
    return [Difference(*name, counted[name], recounted[name]) for name in wrong]


async def repair(unit: UnitOfWork) -> list[Difference]:
    """Put the tenant's numbers right, in the unit's transaction; what was wrong."""
    await unit.one(LOCK_TENANT)  # a second repair waits, and then finds nothing to add
    found = await differences(unit)
    for kind, device_type, counted, recounted in found:
        await statistics.add_to(unit, kind, device_type=device_type, by=recounted - counted)
    return found
