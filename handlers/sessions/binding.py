"""Holds sessions to where they began, where the tenant's policy binds them."""

from functools import partial
from typing import Literal

from sojourn.domain.endings import MOVED
from sojourn.domain.errors import SessionNotFound
from sojourn.domain.ids import session_id
from sojourn.domain.places import country_of
from sojourn.domain.session_binding import NO_BINDING, Binding, Move, Place, judge_move
from sojourn.domain.sessions import is_active
from sojourn.handlers.context import Context
from sojourn.storage.queries import session_policies, session_revocation, sessions
from sojourn.storage.queries.session_rows import SessionRow
from sojourn.storage.touches import Touch
from sojourn.storage.unit_of_work import UnitOfWork


async def settle_move(ctx: Context, row: SessionRow, *, binding: Binding, ip: str, touch: Touch) -> bool:
    """Whether a use of an active session from `ip` was a move, which is recorded then together with its `touch`.

    `binding` is that of the tenant's policy, as it was read with the row. Where the use is a move by it, the policy is
    read again with what is changed. Raises SessionNotFound where the policy ends the session, or somebody else has.
    """
    if ip == row.ip or binding == NO_BINDING:
        return False
    first, now = Place(row.asn, country_of(row.geoip)), _place_of(ctx, ip)
    if judge_move(binding, first, before=_last_place(ctx, row), now=now) is None:
        return False
    await ctx.db.pause()
    settled = await ctx.service.write(ctx.tenant, partial(_settle, ctx, row=row, now=now, touch=touch))
    if settled == "ended":
        raise SessionNotFound().because(MOVED.code)
    return settled == "reported"


async def _settle(
    ctx: Context, unit: UnitOfWork, *, row: SessionRow, now: Place, touch: Touch
) -> Literal["ended", "reported", "no move"]:
    """Do what the policy wants, of uses at the same time one after the other."""
    await unit.alone(f"place {unit.tenant.id} {row.id}")
    found = await sessions.get(unit, row.id)
    if found is None or not is_active(found, ctx.now_text):
        return "ended"
    binding = (await session_policies.get(unit)).binding
    first = Place(row.asn, country_of(row.geoip))
    move = judge_move(binding, first, before=_last_place(ctx, found), now=now)
    if move is None:
        return "no move"
    if move.outcome == "ended":
        await session_revocation.revoke(unit, row.id, now=ctx.now_text, ending=MOVED)
    elif not await sessions.touch(unit, row.id, touch=touch):
        return "ended"
    unit.after_commit(partial(_record, ctx, row, move=move, ip=touch.last_ip))
    return move.outcome


async def _record(ctx: Context, row: SessionRow, *, move: Move, ip: str | None) -> None:
    ctx.security_event(
        "session.moved",
        user_id=row.user_id,
        session_id=session_id(row.id),
        ip=ip,
        changed=",".join(move.changed),
        outcome=move.outcome,
    )


def _last_place(ctx: Context, row: SessionRow) -> Place:
    """Where the session was used at last, as far as that was told; else where it began."""
    if row.last_ip is None or row.last_ip == row.ip:
        return Place(row.asn, country_of(row.geoip))
    return _place_of(ctx, row.last_ip)


def _place_of(ctx: Context, ip: str) -> Place:
    network = ctx.service.network(ip)
    return Place(None if network is None else network.number, country_of(ctx.service.locate(ip)))
