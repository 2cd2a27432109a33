"""Acts of administrators in the audit trail: a record in the transaction of the act.

Texts that people wrote (reasons, names) are not recorded: nothing can be taken out of the chain again.
"""

import secrets
from collections.abc import Mapping
from typing import Any

from sojourn.domain.ids import uuid7
from sojourn.handlers.context import Context
from sojourn.storage.queries import audit, tenants


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
    await audit.append(
        ctx.db,
        f"aud_{uuid7(ctx.now)}",
        at=ctx.now_text,
        actor=(kind, who),
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
    """The same for a user who is about to be erased: nothing is kept that was not there before."""
    return await audit.pseudonym(ctx.db, user_id) or fresh_pseudonym()


def fresh_pseudonym() -> str:
    """128 random bits."""
    return f"psd_{secrets.token_hex(16)}"
