"""Rollups: what housekeeping counted of a tenant's events, by steps of time (`sojourn.storage.upkeep.counting`)."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import and_, bindparam, delete, false, func, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert

from sojourn.domain import series
from sojourn.domain.clock import Instant, to_text
from sojourn.domain.ids import SessionKey
from sojourn.domain.places import country_of
from sojourn.domain.series import Bucket, Change, Facts, Happened, Suspended, Values, Window
from sojourn.storage.queries import events, feed
from sojourn.storage.schema.event_tables import EventTable
from sojourn.storage.schema.rollup_tables import RollupPositionTable, RollupSuspensionTable, RollupTable
from sojourn.storage.schema.sql_functions import is_among
from sojourn.storage.schema.tables import SessionTable
from sojourn.storage.statements import Many, Statement
from sojourn.storage.unit_of_work import UnitOfWork

NOW = "now"
"""In place of a step: how many are active after all that was counted."""
BEGINNING = Instant("1970-01-01T00:00:00.000Z")
"""When the step `now` begins, as a key."""

_E = EventTable.__table__
_S = SessionTable.__table__
_R = RollupTable.__table__
_P = RollupPositionTable.__table__
_H = RollupSuspensionTable.__table__
_TENANT: Any = bindparam("tenant")


_Key = tuple[str, str, Instant, str]


class Position(NamedTuple):
    """Up to which event a tenant's were counted. See `RollupPositionTable`."""

    position: int
    is_anchored: bool
    as_of: Instant | None


_place = insert(_P).values(
    tenant_id=_TENANT,
    position=bindparam("position"),
    is_anchored=bindparam("is_anchored"),
    as_of=bindparam("as_of"),
)
POSITION = Statement(select(*(_P.c[name] for name in Position._fields)).where(_P.c.tenant_id == _TENANT))
BEGIN = Statement(_place.on_conflict_do_nothing())
PLACE = Statement(
    _place.on_conflict_do_update(
        index_elements=["tenant_id"],
        set_={"position": _place.excluded.position, "as_of": _place.excluded.as_of},
    )
)
LOCK = Statement(update(_P).where(_P.c.tenant_id == _TENANT).values(position=_P.c.position))
ADVANCE = Statement(
    update(_P)
    .where(_P.c.tenant_id == _TENANT, _P.c.position == bindparam("seen"))
    .values(position=bindparam("reached"))
)
ANCHOR = Statement(
    update(_P)
    .where(_P.c.tenant_id == _TENANT, _P.c.position == bindparam("seen"), _P.c.is_anchored == false())
    .values(is_anchored=bindparam("yes"))
)
UNANCHOR = Statement(update(_P).where(_P.c.tenant_id == _TENANT).values(is_anchored=bindparam("no")))
BEGIN_ANEW = Statement(delete(_P).where(_P.c.tenant_id == _TENANT))
_counted = [_E.c[name] for name in ("number", *Happened._fields)]
EVENTS = Statement(
    select(*_counted)
    .where(_E.c.tenant_id == _TENANT, _E.c.number > bindparam("after"), _E.c.number <= bindparam("until"))
    .order_by(_E.c.number)
    .limit(bindparam("limit"))
    .offset(literal_column("0"))
)
WAITING = Statement(
    select(*_counted)
    .where(_E.c.tenant_id == _TENANT, _E.c.number.is_(None))
    .order_by(_E.c.place)
    .limit(bindparam("limit"))
    .offset(literal_column("0"))
)
SESSIONS = Statement(
    select(_S.c.id, _S.c.app_id, _S.c.device_type, _S.c.geoip).where(
        _S.c.tenant_id == _TENANT, is_among(_S.c.id, bindparam("keys"))
    )
)
SUSPENSIONS = Statement(
    select(_H.c.session_id).where(_H.c.tenant_id == _TENANT, is_among(_H.c.session_id, bindparam("keys")))
)
SUSPENDED = Statement(insert(_H).values(tenant_id=_TENANT, session_id=bindparam("session_id")).on_conflict_do_nothing())
RESUMED = Statement(delete(_H).where(_H.c.tenant_id == _TENANT, _H.c.session_id == bindparam("session_id")))
NUMBERS = Statement(select(_E.c.id, _E.c.number).where(_E.c.tenant_id == _TENANT, is_among(_E.c.id, bindparam("ids"))))
_OPEN = and_(_S.c.tenant_id == _TENANT, _S.c.revoked_at.is_(None), _S.c.due_at.is_not(None))
ACTIVE = Statement(
    select(_S.c.app_id, _S.c.device_type, _S.c.geoip, func.count())
    .where(_OPEN, _S.c.suspended_until.is_(None))
    .group_by(_S.c.app_id, _S.c.device_type, _S.c.geoip)
)
ALL_SUSPENDED = Statement(select(_S.c.id).where(_OPEN, _S.c.suspended_until.is_not(None)))
_NUMBERS = ("created", "ended", "opened", "rise")
_KEY = ("step", "dimension", "begins_at", "value")
_more = insert(_R).values(tenant_id=_TENANT, **{name: bindparam(name) for name in (*_KEY, *_NUMBERS)})
ADD = Statement(
    _more.on_conflict_do_update(
        index_elements=["tenant_id", *_KEY],
        set_={name: _R.c[name] + _more.excluded[name] for name in _NUMBERS},
    )
)
_OF = (_R.c.tenant_id == _TENANT, _R.c.step == bindparam("step"), _R.c.dimension == bindparam("dimension"))
_SINCE = _R.c.begins_at >= bindparam("since")
_BETWEEN = and_(_SINCE, _R.c.begins_at < bindparam("until"))
RISEN = Statement(
    update(_R)
    .where(*_OF, _R.c.begins_at == bindparam("at"), _R.c.value == bindparam("one"))
    .values(rise=bindparam("most"))
)
PRESENT = Statement(
    select(_R.c.dimension, _R.c.value, _R.c.opened).where(_R.c.tenant_id == _TENANT, _R.c.step == bindparam("step"))
)
STEPS = Statement(
    select(_R.c.value, _R.c.begins_at, _R.c.created, _R.c.ended, _R.c.opened, _R.c.rise)
    .where(*_OF, _BETWEEN)
    .order_by(_R.c.begins_at)
)
OPENED = Statement(select(_R.c.value, func.sum(_R.c.opened)).where(*_OF, _BETWEEN).group_by(_R.c.value))
OLDEST = Statement(select(func.min(_R.c.begins_at)).where(*_OF))
FORGET = Statement(delete(_R).where(*_OF, _R.c.begins_at < bindparam("until")))


class Step(NamedTuple):
    """What was counted of one value in one step."""

    value: str
    begins_at: Instant
    created: int
    ended: int
    opened: int
    rise: int


class Counted(NamedTuple):
    """What was counted in some steps. `active` is, by value, how many sessions are active after the last of them."""

    steps: list[Step]
    active: dict[str, int]


async def position(unit: UnitOfWork) -> Position | None:
    """Up to where the unit's tenant was counted; None where nothing was."""
    row = await unit.one(POSITION)
    return None if row is None else Position._make(row)


async def uncounted(unit: UnitOfWork, after: int, *, until: int, limit: int) -> list[tuple[int | None, Happened]]:
    """Up to `limit` of the tenant's events with numbers after one and up to another, each with its number."""
    rows = await unit.all(EVENTS, after=after, until=until, limit=limit)
    return [(number, Happened._make(event)) for number, *event in rows]


async def waiting(unit: UnitOfWork, *, limit: int) -> list[tuple[int | None, Happened]]:
    """Up to `limit` of the tenant's events that have no number yet."""
    return [(number, Happened._make(event)) for number, *event in await unit.all(WAITING, limit=limit)]


async def known_of(unit: UnitOfWork, keys: Iterable[str]) -> tuple[dict[str, Facts], Suspended]:
    """By what sessions are counted, and those of them whose suspension was counted."""
    wanted = Many(sorted(set(keys)))
    facts = {
        key: Facts(app, device, country_of(place)) for key, app, device, place in await unit.all(SESSIONS, keys=wanted)
    }
    return facts, Suspended(row[0] for row in await unit.all(SUSPENSIONS, keys=wanted))


async def note_suspended(unit: UnitOfWork, *, before: set[str], after: set[str]) -> None:
    """Remember whose suspension was counted, where that is not what it was `before`."""
    await unit.run_many(SUSPENDED, [{"session_id": key} for key in sorted(after - before)])
    await unit.run_many(RESUMED, [{"session_id": key} for key in sorted(before - after)])


async def leave(unit: UnitOfWork, keys: Sequence[SessionKey], *, now: Instant) -> None:
    """Sessions whose ends were told are about to be deleted: nothing will say by what their ends are counted.

    So they are moved, as far as they are counted as active, to those of which no application, device and country is
    known: there they end. No count goes on meanwhile.
    """
    if not keys:
        return
    await unit.run(BEGIN, position=0, is_anchored=False, as_of=None)
    await unit.run(LOCK)
    counted_until = await position(unit)
    if counted_until is None:
        raise RuntimeError("a position that was just written is not there")
    facts, suspended = await known_of(unit, keys)
    ids = Many([name(key) for key in keys for name in (events.created_id, events.ended_id)])
    numbers: dict[str, int | None] = dict(await unit.all(NUMBERS, ids=ids))
    moved = [
        (facts.get(key, Facts()), key in suspended)
        for key in keys
        if _is_counted(numbers, events.created_id(key), until=counted_until, if_forgotten=counted_until.is_anchored)
        and not _is_counted(numbers, events.ended_id(key), until=counted_until, if_forgotten=True)
    ]
    changes = series.unknown_from_now_on(moved, now=now)
    if changes:
        await add(unit, changes, now=now)
    await note_suspended(unit, before=suspended, after=set())


def _is_counted(numbers: dict[str, int | None], event_id: str, *, until: Position, if_forgotten: bool) -> bool:
    if event_id not in numbers:
        return if_forgotten
    number = numbers[event_id]
    return number is not None and number <= until.position


async def add(unit: UnitOfWork, changes: dict[Bucket, Change], *, now: Instant) -> None:
    """Add what events have changed to the steps that are still kept at `now`, and to how many are active."""
    values = Values((row[0], row[1]) for row in await unit.all(PRESENT, step=NOW))
    rows: dict[_Key, list[int]] = {}
    kept = {step: series.kept_since(step, now) for step in series.STEPS}
    for bucket, change in changes.items():
        value = values.named(bucket.dimension, bucket.value)
        _sum(rows, (NOW, bucket.dimension, BEGINNING, value), change=Change(0, 0, change.opened), rise=0)
        for step, since in kept.items():
            begins_at = series.begin_of(bucket.minute, step)
            if begins_at >= since:
                is_late = step != "1m" and bucket.minute < kept["1m"]
                rise = max(change.opened, 0) if is_late else 0
                _sum(rows, (step, bucket.dimension, begins_at, value), change=change, rise=rise)
    await unit.run_many(
        ADD,
        [
            {**dict(zip(_KEY, key, strict=True)), **dict(zip(_NUMBERS, numbers, strict=True))}
            for key, numbers in sorted(rows.items())
        ],
    )
    for step, parts in (("1h", "1m"), ("24h", "1h")):
        touched = {(key[1], key[2], key[3]) for key in rows if key[0] == step}
        await _write_rises(unit, {one for one in touched if one[1] >= kept["1m"]}, step=step, parts=parts)


async def set_active(unit: UnitOfWork, active: dict[tuple[str, str], int]) -> None:
    """Set how many are active after all that was counted, by dimension and value; none of any other value."""
    present = {(dimension, value): number for dimension, value, number in await unit.all(PRESENT, step=NOW)}
    values = Values(present)
    wanted: dict[tuple[str, str], int] = defaultdict(int)
    for (dimension, value), number in sorted(active.items(), key=lambda one: -one[1]):
        wanted[dimension, values.named(dimension, value)] += number
    rows = [
        _row((NOW, dimension, BEGINNING, value), wanted[dimension, value] - present.get((dimension, value), 0))
        for dimension, value in sorted(present.keys() | wanted.keys())
    ]
    await unit.run_many(ADD, rows)


async def active_by_rows(unit: UnitOfWork) -> tuple[dict[tuple[str, str], int], Suspended]:
    """How many sessions are active by what is written of them, by dimension and value, and those suspended.

    It looks at every session that has not ended.
    """
    active: dict[tuple[str, str], int] = defaultdict(int)
    for app_id, device_type, place, number in await unit.all(ACTIVE):
        active[series.WHOLE, series.WHOLE] += number
        active["reason_code", series.UNKNOWN] += number
        for name, value in zip(series.DIMENSIONS, (app_id, device_type, country_of(place)), strict=False):
            active[name, value or series.UNKNOWN] += number
    return active, Suspended(row[0] for row in await unit.all(ALL_SUSPENDED))


async def counted(unit: UnitOfWork, window: Window, *, dimension: str) -> Counted:
    """What was counted in the steps of a window."""
    since, until = to_text(window.since), to_text(window.until)
    about = {"step": window.step, "dimension": dimension}
    with unit.snapshot():
        present = await unit.all(PRESENT, step=NOW)
        steps = [Step._make(row) for row in await unit.all(STEPS, **about, since=since, until=until)]
        active = {value: number for of, value, number in present if of == dimension}
        for step, begin, end in series.after(window.until, window.step):
            for value, opened in await unit.all(OPENED, step=step, dimension=dimension, since=begin, until=end):
                active[value] = active.get(value, 0) - int(opened)
    return Counted(steps, active)


async def counted_and_split(unit: UnitOfWork, window: Window, *, by: str | None) -> tuple[Counted, Counted | None]:
    """What was counted in the steps of a window: of the whole tenant, and by a dimension; both as of one instant."""
    with unit.snapshot():
        whole = await counted(unit, window, dimension=series.WHOLE)
        return whole, None if by is None else await counted(unit, window, dimension=by)


async def as_of(unit: UnitOfWork) -> Instant | None:
    """Up to which instant the events of all tenants were counted; None before the first time."""
    everybodys = await position(unit.of(feed.EVERYBODY))
    return None if everybodys is None else everybodys.as_of


async def is_any_old(unit: UnitOfWork, now: Instant) -> bool:
    """Whether `forget` would find anything."""
    for step in series.STEPS:
        oldest = await unit.value(OLDEST, step=step, dimension=series.WHOLE)
        if oldest is not None and oldest < series.kept_since(step, now):
            return True
    return False


async def forget(unit: UnitOfWork, now: Instant) -> None:
    """Delete the steps that are kept no longer."""
    for step in series.STEPS:
        until = series.kept_since(step, now)
        for dimension in (series.WHOLE, *series.DIMENSIONS):
            await unit.run(FORGET, step=step, dimension=dimension, until=until)


async def _write_rises(unit: UnitOfWork, touched: set[tuple[str, Instant, str]], *, step: str, parts: str) -> None:
    """Work out anew by how many more sessions were active at most during steps, from the shorter steps inside."""
    risen = []
    for dimension, at in sorted({(dimension, at) for dimension, at, _ in touched}):
        inside: dict[str, list[tuple[int, int]]] = defaultdict(list)
        until = series.following(at, step)
        for row in await unit.all(STEPS, step=parts, dimension=dimension, since=at, until=until):
            part = Step._make(row)
            inside[part.value].append((part.opened, part.rise))
        risen += [
            {"step": step, "dimension": dimension, "at": at, "one": value, "most": series.rise(changes)}
            for value, changes in sorted(inside.items())
            if (dimension, at, value) in touched
        ]
    await unit.run_many(RISEN, risen)


def _sum(rows: dict[_Key, list[int]], key: _Key, *, change: Change, rise: int) -> None:
    numbers = rows.setdefault(key, [0, 0, 0, 0])
    for place, number in enumerate((*change, rise)):
        numbers[place] += number


def _row(key: tuple[str, str, Instant, str], opened: int) -> dict[str, Any]:
    return {**dict(zip(_KEY, key, strict=True)), "created": 0, "ended": 0, "opened": opened, "rise": 0}
