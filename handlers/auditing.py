"""Acts of administrators in the audit trail: a record in the transaction of the act.

Texts that people wrote (reasons, names) are not recorded, because nothing can be removed from the chain.
"""

import secrets
from collections.abc import Collection, Mapping
from typing import Any

from sojourn.domain.ids import uuid7
from sojourn.handlers.context import Context
from sojourn.storage.queries import audit, tenants
from sojourn.storage.queries.audit import trail_of
from sojourn.storage.unit_of_work import UnitOfWork


async def record(
    ctx: Context,
    action: str,
    *,
    target: str | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Write down an act of the caller, last in its transaction. A tenant that is not there has no trail."""
    if not await tenants.exists(ctx.db):
        return
    caller = ctx.caller
    kind, who = "service", caller.id
    if caller.kind == "user":
        kind, who = "admin" if caller.is_admin else "user", await called(ctx, caller.id)
    await _append(ctx, ctx.db, action=action, actor=(kind, who), target=target, before=before, after=after)


async def record_of_service(
    ctx: Context,
    action: str,
    *,
    target: str,
    of_tenants: Collection[str] | None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Write down an act on what belongs to no tenant, last in its transaction.

    It stands in the trail of the one tenant that it concerns, and in the service's own where it concerns several.
    """
    trail = ctx.db.system().of(await trail_of(ctx.db.system(), of_tenants))
    await _append(
        ctx, trail, action=action, actor=("service", ctx.caller.id), target=target, before=before, after=after
    )


async def _append(
    ctx: Context,
    trail: UnitOfWork,
    *,
    action: str,
    actor: tuple[str, str],
    target: str | None,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
) -> None:
    await audit.append(
        trail,
        f"aud_{uuid7(ctx.now)}",
        at=ctx.now_text,
        actor=actor,
        action=action,
        target=target,
        before=before,
        after=after,
        request_id=ctx.request_id,
        sign=ctx.service.tokens.sign_head,
    )


async def called(ctx: Context, user_id: str) -> str:
    """What a user is called in the trail: a random pseudonym, the same for each record of that user."""
    return await audit.name(ctx.db, user_id, fresh=fresh_pseudonym())


async def called_before(ctx: Context, user_id: str) -> str:
    """The same for a user who is about to be erased: no new pseudonym is stored."""
    return await audit.pseudonym(ctx.db, user_id) or fresh_pseudonym()


def fresh_pseudonym() -> str:
    """128 random bits."""
    return f"psd_{secrets.token_hex(16)}"
