"""A tenant's policy of sessions: administrators read it, set it, clear it and try one out."""

from functools import partial
from typing import Any

from sojourn.domain.errors import PreconditionFailed
from sojourn.domain.policy_simulations import known_since
from sojourn.domain.preconditions import is_met
from sojourn.domain.session_binding import NO_BINDING, Binding
from sojourn.domain.session_policies import NO_TIMEOUTS, OwnTimeouts, SessionLimit, SessionPolicy, read_timeouts
from sojourn.handlers import auditing
from sojourn.handlers.context import Context, reads_at_length
from sojourn.handlers.tenancy import require_tenant
from sojourn.handlers.views.envelopes import View
from sojourn.handlers.views.policies import session_policy, session_policy_simulation
from sojourn.storage.queries import policy_simulations, session_policies


async def get_session_policy(ctx: Context) -> View:
    """The tenant's policy. Raises TenantNotFound."""
    await require_tenant(ctx)
    return session_policy(await session_policies.get(ctx.db))


async def set_session_policy(ctx: Context, if_match: str | None, body: dict[str, Any]) -> View:
    """Replace the policy. Raises TenantNotFound, PreconditionFailed, ValidationFailed for time-outs out of bounds."""
    limit, timeouts = _rules_in(body)
    binding = Binding(**body.get("bind", {}))
    after = await _changed(
        ctx, limit, timeouts=timeouts, binding=binding, if_match=if_match, action="session_policy.set"
    )
    return session_policy(after)


async def reset_session_policy(ctx: Context, if_match: str | None) -> None:
    """Take away every rule of the policy. Raises TenantNotFound, PreconditionFailed."""
    await _changed(
        ctx, None, timeouts=NO_TIMEOUTS, binding=NO_BINDING, if_match=if_match, action="session_policy.cleared"
    )


@reads_at_length
async def simulate_session_policy(ctx: Context, body: dict[str, Any]) -> View:
    """What a policy would do, and would have done. It changes nothing.

    Raises TenantNotFound, ValidationFailed for time-outs out of bounds.
    """
    await require_tenant(ctx)
    limit, timeouts = _rules_in(body)
    since = known_since(ctx.now, retention=ctx.service.session_retention)
    found = await policy_simulations.simulate(ctx.db, limit, timeouts=timeouts, since=since, now=ctx.now_text)
    return session_policy_simulation(found.foretold, is_complete=found.is_complete, since=since, now=ctx.now_text)


def _rules_in(body: dict[str, Any]) -> tuple[SessionLimit | None, OwnTimeouts]:
    timeouts = read_timeouts(body.get("idle_timeout"), body.get("absolute_timeout"))
    limit = body.get("max_sessions")
    if limit is None:
        return None, timeouts
    return SessionLimit(limit["count"], limit.get("per", "user"), limit.get("on_limit", "end_idlest")), timeouts


async def _changed(
    ctx: Context,
    limit: SessionLimit | None,
    *,
    timeouts: OwnTimeouts,
    binding: Binding,
    if_match: str | None,
    action: str,
) -> SessionPolicy:
    await require_tenant(ctx)
    before = await session_policies.get_alone(ctx.db)
    if not is_met(if_match, ctx.service.tag_of(session_policy(before))):
        raise PreconditionFailed()
    after = await session_policies.change(
        ctx.db,
        before,
        limit=limit,
        timeouts=timeouts,
        binding=binding,
        now=ctx.now_text,
        by=ctx.caller.id,
        initiated_by="admin",
    )
    if after.timeouts != before.timeouts:
        ctx.db.after_commit(partial(_look, ctx))
    await auditing.record(ctx, action, before=session_policy(before), after=session_policy(after))
    return after


async def _look(ctx: Context) -> None:
    """Once it is in force: the rows of sessions may follow now."""
    ctx.service.revoking.look(ctx.tenant)
