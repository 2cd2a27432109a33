"""Sessions, as their users see them: started, listed, kept alive, raised and ended; administrators: anybody's."""

from typing import Any

from sojourn.domain.clock import to_text
from sojourn.domain.endings import UNSTATED_REASON, Ending, ReasonCode
from sojourn.domain.errors import NotEntitledToVouch, NotYourResource, ValidationFailed, Violation
from sojourn.domain.ids import session_key
from sojourn.domain.paging import Page
from sojourn.domain.sessions import MFA, Status, amr_with_mfa, is_active
from sojourn.domain.vouching import attested_facts, require_no_service_facts
from sojourn.handlers import auditing
from sojourn.handlers.context import Context, commits_itself, takes_vouching_key
from sojourn.handlers.sessions.activity import keep_alive
from sojourn.handlers.sessions.creation import begin_session
from sojourn.handlers.sessions.elevation import raise_session
from sojourn.handlers.sessions.ending import end_active, end_session, end_user
from sojourn.handlers.sessions.lookup import active_or_404, session_or_404, session_row
from sojourn.handlers.sessions.naming import described
from sojourn.handlers.sessions.search import list_of_user
from sojourn.handlers.sessions.vouching import evidence, present
from sojourn.handlers.tenancy import require_tenant
from sojourn.handlers.views.envelopes import View, simple_response
from sojourn.handlers.views.sessions import session_record, session_response
from sojourn.storage.queries import sessions
from sojourn.storage.queries.session_rows import SessionRow
from sojourn.storage.queries.session_search import Sort
from sojourn.storage.queries.sessions import Assurance


async def list_own_sessions(
    ctx: Context,
    auth_user_id: str,
    status: Status,
    sort: Sort,
    cursor: str | None,
    limit: int | None,
    page: int,
    page_size: int,
) -> View:
    """A user's sessions in one state: a page, or a step of a walk. In the caller's own, the current one is marked."""
    _require_self(ctx, auth_user_id)
    await require_tenant(ctx)
    current = session_key(ctx.caller.session_id or "") or ""

    def show(row: SessionRow) -> View:
        view = session_response(row, ctx.now_text)
        return view | {"current": row.id == current} if auth_user_id == ctx.caller.id else view

    return await list_of_user(
        ctx,
        auth_user_id,
        status=status,
        sort=sort,
        cursor=cursor,
        limit=limit,
        page=Page(page, page_size),
        show=show,
    )


async def list_sessions_of_user(
    ctx: Context,
    user_id: str,
    status: Status,
    sort: Sort,
    cursor: str | None,
    limit: int | None,
    page: int,
    page_size: int,
) -> View:
    """The same with the user in the path."""
    return await list_own_sessions(ctx, user_id, status, sort, cursor, limit, page, page_size)


async def start_session(ctx: Context, body: dict[str, Any]) -> View:
    """Record a sign-in of the caller, as an identity provider's token attests it; administrators, of any user.

    Raises NotEntitledToVouch for what the token does not attest or only a service vouches for, RoleNotAllowed for a
    role that it does not hold, and ValidationFailed as `begin_session` does.
    """
    _require_self(ctx, body["auth_user_id"])
    if ctx.caller.is_admin:
        require_no_service_facts(body)
        view = await begin_session(ctx, body, more_follows=body["auth_user_id"] != ctx.caller.id)
        await _record_of_others(ctx, "session.started", user_id=body["auth_user_id"], target=view["session"]["id"])
        return view
    token, sign_in = evidence(ctx)
    view = await begin_session(ctx, attested_facts(token, sign_in, said=body), sign_in=sign_in)
    await present(ctx, token, sign_in=sign_in)
    return view


async def get_session(ctx: Context, session_id: str) -> View:
    """One session of the caller; any of the tenant for an administrator, with who ended it."""
    row = await _owned(ctx, session_id)
    view = session_record if ctx.caller.is_admin else session_response
    return {"session": view(row, ctx.now_text)}


async def update_session(ctx: Context, session_id: str, body: dict[str, Any]) -> View:
    """Give a session of the caller a name; any of the tenant for an administrator."""
    row = await described(ctx, await _owned(ctx, session_id), members=body)
    await _record_of_others(ctx, "session.named", user_id=row.user_id, target=session_id)
    view = session_record if ctx.caller.is_admin else session_response
    return {"session": view(row, ctx.now_text)}


async def revoke_session(ctx: Context, session_id: str, body: dict[str, Any] | None) -> None:
    """End one session. Ending an ended session changes nothing."""
    reason = (body or {}).get("reason", UNSTATED_REASON)
    own = Ending(ctx.caller.id, reason, _code_of_own(ctx, session_id), "user")
    if await end_active(ctx, session_id, ending=own, of_user=ctx.caller.id):
        return
    row = await _owned(ctx, session_id)
    if row.user_id == ctx.caller.id:
        await end_session(ctx, row, ending=own)
        return
    await end_session(ctx, row, ending=Ending(ctx.caller.id, reason, "revoked_by_admin", "admin"))
    await auditing.record(ctx, "session.ended", target=session_id)


async def revoke_other_sessions(ctx: Context, except_: str) -> View:
    """End every active session of the caller but the one that the bearer token belongs to.

    Raises ValidationFailed when the token belongs to no active session of the caller's.
    """
    key = session_key(ctx.caller.session_id or "")
    current = await sessions.get(ctx.db, key) if key is not None else None
    if current is None or current.user_id != ctx.caller.id or not is_active(current, ctx.now_text):
        raise ValidationFailed([Violation("except", "no_current_session")])
    ending = Ending(ctx.caller.id, UNSTATED_REASON, "revoked_by_user", "user")
    count = await end_user(ctx, ctx.caller.id, ending=ending, but=current.id)
    return simple_response(f"{count} sessions revoked", ctx.now_text)


@commits_itself
async def touch_session(ctx: Context, session_id: str) -> View:
    """Keep a session alive: the idle deadline moves, the absolute one never does."""
    row, own_idle, binding = await session_or_404(ctx, session_id, read=sessions.get_to_touch)
    _require_self(ctx, row.user_id)
    return await keep_alive(ctx, active_or_404(row, ctx.now_text), own_idle=own_idle, binding=binding)


@takes_vouching_key
async def upgrade_session_mfa(ctx: Context, session_id: str) -> View:
    """Record that the user authenticated with several factors: `amr` gains `mfa` (RFC 8176), tokens of before go.

    Administrators and services vouch for it, else a provider's token does. Raises NotEntitledToVouch.
    """
    row = await _owned_active(ctx, session_id)
    acr, verified_at = None, ctx.now_text
    if not ctx.caller.is_admin and ctx.caller.vouched_by is None:
        token, sign_in = evidence(ctx)
        if not sign_in.has_several_factors:
            raise NotEntitledToVouch("one_factor")
        await present(ctx, token, sign_in=sign_in)
        acr, verified_at = sign_in.acr, to_text(sign_in.at)
    await raise_session(
        ctx, row, assured=lambda known: Assurance(amr_with_mfa(known.amr), acr or known.acr, verified_at, (MFA,))
    )
    await _record_of_others(ctx, "session.elevated", user_id=row.user_id, target=session_id)
    return {"message": "session MFA status upgraded", "mfa_verified": True, "session_id": session_id}


async def _record_of_others(ctx: Context, action: str, *, user_id: str, target: str) -> None:
    """Write down what an administrator does to a session of somebody else."""
    if ctx.caller.is_admin and user_id != ctx.caller.id:
        await auditing.record(ctx, action, target=target)


def _require_self(ctx: Context, user_id: str) -> None:
    if user_id != ctx.caller.id and not ctx.caller.is_admin:
        raise NotYourResource()


async def _owned(ctx: Context, session_id: str) -> SessionRow:
    """The session, if the caller may see it: 404 for another tenant's, 403 for another user's."""
    row = await session_row(ctx, session_id)
    _require_self(ctx, row.user_id)
    return row


async def _owned_active(ctx: Context, session_id: str) -> SessionRow:
    return active_or_404(await _owned(ctx, session_id), ctx.now_text)


def _code_of_own(ctx: Context, session_id: str) -> ReasonCode:
    """What a caller's ending of a session of theirs is: signing out where it is the very one the token belongs to."""
    key = session_key(session_id)
    is_this = key is not None and session_key(ctx.caller.session_id or "") == key
    return "signed_out" if is_this else "revoked_by_user"
