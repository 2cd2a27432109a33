"""A tenant's policy of sessions: administrators read it, set it and clear it."""

from typing import Any

from sojourn.domain.errors import PreconditionFailed
from sojourn.domain.preconditions import is_met
from sojourn.domain.session_policies import SessionLimit, SessionPolicy
from sojourn.handlers import auditing
from sojourn.handlers.context import Context
from sojourn.handlers.tenancy import require_tenant
from sojourn.handlers.views.envelopes import View
from sojourn.handlers.views.policies import session_policy
from sojourn.storage.queries import session_policies


async def get_session_policy(ctx: Context) -> View:
    """The tenant's policy. Raises TenantNotFound."""
    await require_tenant(ctx)
    return session_policy(await session_policies.get(ctx.db))


async def set_session_policy(ctx: Context, if_match: str | None, body: dict[str, Any]) -> View:
    """Replace the policy. Raises TenantNotFound, PreconditionFailed."""
    limit = body.get("max_sessions")
    wanted = None
    if limit is not None:
        wanted = SessionLimit(limit["count"], limit.get("per", "user"), limit.get("on_limit", "end_idlest"))
    return session_policy(await _changed(ctx, wanted, if_match=if_match, action="session_policy.set"))


async def reset_session_policy(ctx: Context, if_match: str | None) -> None:
    """Take away every rule of the policy. Raises TenantNotFound, PreconditionFailed."""
    await _changed(ctx, None, if_match=if_match, action="session_policy.cleared")


async def _changed(ctx: Context, limit: SessionLimit | None, *, if_match: str | None, action: str) -> SessionPolicy:
    await require_tenant(ctx)
    before = await session_policies.get_alone(ctx.db)
    if not is_met(if_match, ctx.service.tag_of(session_policy(before))):
        raise PreconditionFailed()
    after = await session_policies.change(
        ctx.db, before, limit=limit, now=ctx.now_text, by=ctx.caller.id, initiated_by="admin"
    )
    await auditing.record(ctx, action, before=session_policy(before), after=session_policy(after))
    return after
