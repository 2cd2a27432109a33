"""A tenant's sessions that fit a filter: pages, counts and walks by cursor.

A search goes by one index, which gives rows in the order of their ids, and looks at each row for the filters that this
index does not answer. It looks at fifty rows for each one that it may show, and at 5,000 at most (`window_for`): what
lies behind them, the next step of a walk finds. So the work for one response is bounded, whatever the filters are.

| goes by            | where                                                      |
|--------------------|------------------------------------------------------------|
| `user`             | the filter names the user                                  |
| `device`           | it names a device that has 5,000 sessions at most          |
| `revoked`          | the status is `revoked`, and all rows say so               |
| `few`              | the status is `active`, and few sessions are               |
| `suspended`        | the status is `suspended`, and few sessions are            |
| `all`              | otherwise: the tenant's sessions by their ids              |

`device`, `few` and `suspended` find all of their rows, 5,000 at most, and sort them.
"""

from functools import lru_cache
from typing import Any, Literal, NamedTuple
from uuid import UUID

from sqlalchemy import BindParameter, ColumnElement, bindparam, case, exists, func, literal_column, select
from sqlalchemy.sql.util import ClauseAdapter

from sojourn.domain.clock import Instant
from sojourn.domain.ids import SessionKey
from sojourn.domain.paging import MOST_LOOKED_AT, Page, window_for
from sojourn.domain.session_cursors import Place
from sojourn.domain.sessions import Status
from sojourn.storage.queries import sessions, statistics
from sojourn.storage.queries.session_deadlines import IS_ANY_OPEN
from sojourn.storage.queries.session_filters import CONDITIONS, RANGES, TIMES, SessionFilter, names_of, values_of
from sojourn.storage.queries.session_rows import COLUMNS, STORED_COLUMNS, SessionRow
from sojourn.storage.queries.session_states import (
    ACTIVE_BY_INDEX,
    ALL_ACTIVE,
    FEW_ACTIVE,
    FEW_SUSPENDED,
    LAPSED,
    NOW,
    OUT_OF_ORDER,
)
from sojourn.storage.queries.session_windows import (
    count_of_rows,
    count_of_window,
    in_order_of_activity,
    page_by_activity,
    rows_of_window,
    window_of,
)
from sojourn.storage.schema.tables import SessionTable
from sojourn.storage.statements import Statement
from sojourn.storage.unit_of_work import UnitOfWork

Way = Literal["user", "device", "revoked", "few", "suspended", "all"]
"""Which index a search goes by."""
Sort = Literal["-created_at", "created_at", "-last_active_at"]

_S = SessionTable.__table__
_MINE = _S.c.tenant_id == bindparam("tenant")
_NAMED: dict[Way, str] = {
    "user": "user_id", "device": "device_id", "revoked": "status=revoked", "few": "status=active",
    "suspended": "status=suspended",
}  # fmt: skip
_BOUNDS: dict[Way, ColumnElement[bool]] = {
    "few": FEW_ACTIVE,
    "suspended": FEW_SUSPENDED,
    "revoked": _S.c.revoked_at.is_not(None),
}
_IN_ORDER = ("user", "revoked", "all")
_PLANNED_ANEW = ("few", "suspended")
"""Where the best plan depends on the instant. To plan so long a statement costs more than to find a device's rows."""
_LIMIT: BindParameter[Any] = bindparam("limit")
_OFFSET: BindParameter[Any] = bindparam("offset")
_NONE: Any = literal_column("0")
_ONE: Any = literal_column("1")
_WINDOW: BindParameter[Any] = bindparam("window")
_LOOKED_AT = [*STORED_COLUMNS, *[_S.c[name] for name in ("due_at", "device_fingerprint")]]

ANY_OPEN = Statement(select(case((IS_ANY_OPEN, literal_column("1")), else_=literal_column("0"))))
OF_DEVICE = Statement(
    select(func.count()).select_from(
        select(_S.c.id).where(_MINE, _S.c.device_id == bindparam("device_id")).limit(_WINDOW).offset(_NONE).subquery()
    )
)
"""How many sessions a device has, counted up to `:window`."""
NEWEST = Statement(select(_S.c.id).where(_MINE).order_by(_S.c.id.desc()).limit(literal_column("1")).offset(_NONE))
"""The tenant's newest session."""
HAS_LAPSED = Statement(select(exists().where(_MINE, _S.c.due_at <= NOW, LAPSED)))
"""Whether the rows of some sessions do not say yet that they ended with their suspension."""
_EVERYTHING = 2**31 - 1
_AFTER_ALL, _BEFORE_ALL = SessionKey("ffffffff-ffff-ffff-ffff-ffffffffffff"), SessionKey(str(UUID(int=0)))


class Found(NamedTuple):
    """Sessions that were found. `total` counts all that fit, or those in the window; None where nobody asked.

    `next` is where a walk goes on, None at its end. `window` says how many rows were looked at where more are there.
    """

    rows: list[SessionRow]
    total: int | None
    next: Place | None
    window: int | None


class Search(NamedTuple):
    """The statements of one kind of search: the rows, how many fit beside how many were looked at, the window's end.

    In the order of activity `end` gives two ids: where the window begins, too. `left` names the conditions that its
    index does not answer.
    """

    rows: Statement
    numbers: Statement
    end: Statement
    left: tuple[str, ...]


@lru_cache(maxsize=1024)
def compiled(names: frozenset[str], way: Way, *, sort: Sort = "-created_at", begun: bool) -> Search:
    """The statements for the conditions that have these names. `begun`: behind a place, where a walk goes on."""
    ascending, by_activity, in_order = sort == "created_at", sort == "-last_active_at", way in _IN_ORDER
    left = sorted(names - {*RANGES, _NAMED.get(way)})
    bounds = [_MINE, *((CONDITIONS if in_order else TIMES)[name] for name in RANGES if name in names)]
    if way in _BOUNDS:
        bounds.append(_BOUNDS[way])
    elif way != "all":
        bounds.append(CONDITIONS[_NAMED[way]])
    # Where all rows are found and sorted, no planner is shown a range of ids: it would go by the ids instead.
    key: ColumnElement[Any] = _S.c.id if in_order else OUT_OF_ORDER
    since: list[ColumnElement[bool]] = []
    if begun and by_activity:
        since = [key <= _of(key, "newest"), key >= _of(key, "oldest")]
    elif begun:
        since = [key > _of(key, "place") if ascending else key < _of(key, "place")]
    counted = select(*_LOOKED_AT).where(*bounds)
    looked = counted.where(*since)
    order = key if ascending else key.desc()
    rows_of, count_of = (
        one.order_by(order).limit(_WINDOW).offset(_NONE).subquery("looked_at") for one in (looked, counted)
    )
    adapt, conditions = ClauseAdapter(rows_of).traverse, [CONDITIONS[name] for name in left]
    fits = [adapt(condition) for condition in conditions]
    rows = select(*map(adapt, COLUMNS)).where(*fits)
    if by_activity:
        rows = in_order_of_activity(rows, rows_of.c, begun=begun)
    # In the order of creation none is asked for: a scan of one subquery gives its rows in the subquery's order and
    # stops when it has enough, while SQLite would sort the whole window first.
    rows = rows.limit(_LIMIT).offset(_OFFSET)
    end = looked.with_only_columns(_S.c.id).order_by(_S.c.id if ascending else _S.c.id.desc()).limit(_ONE)
    first, last = end.offset(_NONE), end.offset(_OFFSET)
    end = select(first.scalar_subquery(), last.scalar_subquery()) if by_activity else last
    plans_anew = way in _PLANNED_ANEW
    rows_on_sqlite = count_on_sqlite = None
    if by_activity:
        rows, rows_on_sqlite = page_by_activity(COLUMNS, rows_of, fits=fits, begun=begun), rows
    if in_order and (left or by_activity):
        looked_at = window_of([*bounds, *since], left=conditions, order=order)
        rows_on_sqlite = rows_of_window(COLUMNS, looked_at, by_activity=by_activity, begun=begun)
        count_on_sqlite = count_of_window(window_of(bounds, left=conditions, order=order))
    return Search(
        Statement(rows, plans_anew=plans_anew, on_sqlite=rows_on_sqlite),
        Statement(count_of_rows(count_of, conditions), plans_anew=plans_anew, on_sqlite=count_on_sqlite),
        Statement(end, plans_anew=plans_anew),
        tuple(left),
    )


def _of(column: ColumnElement[Any], name: str) -> Any:
    return bindparam(name, type_=column.type)


class _Asked(NamedTuple):
    """What is asked. `window` rows are looked at; an index that leads to no more than `few` rows gives all of them."""

    unit: UnitOfWork
    wanted: SessionFilter
    now: Instant
    sort: Sort
    window: int
    few: int


async def page_of(
    unit: UnitOfWork,
    wanted: SessionFilter,
    *,
    now: Instant,
    page: Page,
    sort: Sort = "-created_at",
    counts: bool = True,
    window: int | None = None,
) -> Found:
    """One page of the tenant's sessions that fit, and how many there are. A page costs what lies before it.

    For the user, the status or both, all sessions are looked at that it takes.
    """
    with unit.snapshot():
        asked = _Asked(
            unit,
            wanted,
            now=now,
            sort=sort,
            window=window or window_for(page.size),
            few=window or MOST_LOOKED_AT,
        )
        found = await _find(
            asked,
            limit=page.size,
            offset=page.offset,
            counts=counts,
            is_bounded=not wanted.is_plain(),
            is_walk=False,
        )
    seen = len(found.rows) + (found.next is not None)
    total = None if found.total is None else page.total(found.total, seen)
    return found._replace(total=total)


async def step_of(
    unit: UnitOfWork,
    wanted: SessionFilter,
    *,
    now: Instant,
    limit: int,
    behind: Place | None,
    sort: Sort = "-created_at",
    counts: bool = True,
    window: int | None = None,
) -> Found:
    """The next sessions of a walk, at most `limit`: behind a place, or the first ones.

    In the order of activity the first step says how many sessions the walk looks at, whatever later ones ask for.
    """
    few = window or MOST_LOOKED_AT
    if behind is not None and behind.window is not None:
        window = behind.window
    with unit.snapshot():
        asked = _Asked(unit, wanted, now=now, sort=sort, window=window or window_for(limit), few=few)
        return await _find(asked, limit=limit, offset=0, counts=counts, behind=behind)


async def _find(
    asked: _Asked,
    *,
    limit: int,
    offset: int,
    counts: bool,
    behind: Place | None = None,
    is_bounded: bool = True,
    is_walk: bool = True,
) -> Found:
    by_activity = asked.sort == "-last_active_at"
    way = await _way(asked, upto=offset + limit)
    if behind is not None and behind.oldest == _BEFORE_ALL and way == "all":
        way = _way_kept(asked.wanted)
    search = compiled(names_of(asked.wanted), way, sort=asked.sort, begun=behind is not None)
    values = {"now": asked.now, **values_of(asked.wanted, asked.now), **_values_of(behind)}
    # Rows that are looked at and do not fit are there where a filter is left, or where all are sorted first.
    is_selective = by_activity or bool(search.left)
    reach = asked.window if way in _IN_ORDER else asked.few
    if by_activity and behind is not None:
        reach *= 2
    if not is_selective:
        reach = offset + limit + 1
    elif not is_bounded and not by_activity:
        reach = _EVERYTHING
    rows = await asked.unit.all(search.rows, **values, limit=limit + 1, offset=offset, window=reach)
    total, window = (await _count(asked, way, search=search, values=values)) if counts else (None, None)
    shown = (behind.shown if behind is not None else 0) + min(len(rows), limit)
    following = Place(rows[limit - 1][0], shown) if len(rows) > limit else None
    if by_activity:
        ends = await _window_of(asked, way, search=search, values=values, behind=behind)
        window = asked.window if ends[1] != _BEFORE_ALL else window
        if following is not None:
            last = SessionRow._make(rows[limit - 1])
            following = Place(following.after, shown, last.last_active_at, *ends, window=asked.window)
    elif following is None and is_selective and is_bounded and way in _IN_ORDER:
        end = await asked.unit.value(search.end, **values, offset=asked.window - 1)
        if end is not None:
            window, following = asked.window, Place(end, shown) if is_walk else None
    return Found(sessions.shown(asked.unit, rows[:limit]), total, following, window)


def _way_kept(wanted: SessionFilter) -> Way:
    """The index of a walk by activity that began with all of its sessions in sight, where they have become many."""
    named = names_of(wanted)
    return next((way for way in ("device", "few", "suspended") if _NAMED[way] in named), "all")


async def _way(asked: _Asked, *, upto: int) -> Way:
    """The index to go by. `upto`: how many sessions are wanted, with those before them."""
    wanted = asked.wanted
    if wanted.user_id is not None:
        return "user"
    if wanted.device_id is not None:
        count = await asked.unit.value(OF_DEVICE, device_id=wanted.device_id, window=asked.few + 1)
        if count <= asked.few:
            return "device"
    if wanted.status == "revoked" and await _say_all_rows_so(asked):
        return "revoked"
    if wanted.status in ("active", "suspended"):
        count = (await statistics.session_stats(asked.unit, asked.now)).of(wanted.status)
        if wanted.status == "suspended" and count <= asked.few:
            return "suspended"
        is_read_in_order = wanted.is_plain() and asked.sort != "-last_active_at"
        if wanted.status == "active" and count <= (upto if is_read_in_order else asked.few):
            return "few"
    return "all"


async def _say_all_rows_so(asked: _Asked) -> bool:
    """Whether the row of each session that is shown as revoked says so."""
    if await asked.unit.value(ANY_OPEN):
        return False
    return not await asked.unit.value(HAS_LAPSED, now=asked.now)


async def _count(asked: _Asked, way: Way, *, search: Search, values: dict[str, Any]) -> tuple[int, int | None]:
    """How many sessions fit; among how many of the first ones, None where it is all of them."""
    wanted = asked.wanted
    if wanted.is_plain() and wanted.user_id is None:
        return (await statistics.session_stats(asked.unit, asked.now)).of(wanted.status), None
    if wanted.is_plain():
        count: int = await asked.unit.value(count_of_user(wanted.status), user_id=wanted.user_id, now=asked.now)
        return count, None
    is_in_order = way in _IN_ORDER
    row = await asked.unit.one(search.numbers, **values, window=asked.window if is_in_order else asked.few)
    fitting, looked_at = row if row is not None else (0, 0)
    return fitting, asked.window if is_in_order and looked_at >= asked.window else None


async def _window_of(
    asked: _Asked, way: Way, *, search: Search, values: dict[str, Any], behind: Place | None
) -> tuple[SessionKey, SessionKey]:
    """The newest and the oldest session among which a walk in the order of activity looks."""
    if behind is not None and behind.newest is not None and behind.oldest is not None:
        return behind.newest, behind.oldest
    if way not in _IN_ORDER:
        return await asked.unit.value(NEWEST) or _AFTER_ALL, _BEFORE_ALL
    newest, oldest = await asked.unit.one(search.end, **values, offset=asked.window - 1) or (None, None)
    return newest or _AFTER_ALL, oldest or _BEFORE_ALL


@lru_cache(maxsize=8)
def count_of_user(status: Status | None) -> Statement:
    """How many sessions of a user have a status, or any."""
    counted = select(func.count()).select_from(_S).where(_MINE, CONDITIONS["user_id"])
    if status == "active":
        return Statement(counted.where(ALL_ACTIVE), plans_anew=True, on_sqlite=counted.where(ACTIVE_BY_INDEX))
    return Statement(counted if status is None else counted.where(CONDITIONS[f"status={status}"]))


def _values_of(behind: Place | None) -> dict[str, Any]:
    if behind is None:
        return {}
    newest, oldest = behind.newest or _AFTER_ALL, behind.oldest or _BEFORE_ALL
    return {"place": behind.after, "seen_at": behind.last_active_at, "newest": newest, "oldest": oldest}
