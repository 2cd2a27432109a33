"""Sessions, as internal services see them: created, listed, checked, counted, exported, raised and ended."""

from typing import Any

from sojourn.domain.clock import day_of, from_text
from sojourn.domain.endings import UNSTATED_REASON, Ending
from sojourn.domain.errors import SessionNotFound, ValidationFailed, Violation
from sojourn.domain.ids import session_key
from sojourn.domain.paging import Page
from sojourn.domain.sessions import MAX_METHODS, Status, methods_with
from sojourn.domain.vouching import SignIn
from sojourn.handlers import auditing
from sojourn.handlers.context import Context, commits_itself, reads_at_length
from sojourn.handlers.sessions.activity import keep_alive
from sojourn.handlers.sessions.creation import begin_session
from sojourn.handlers.sessions.elevation import raise_session
from sojourn.handlers.sessions.ending import end_active, end_session, end_user, erase_user
from sojourn.handlers.sessions.lookup import active_or_404, session_or_404, session_row
from sojourn.handlers.sessions.search import list_of_user
from sojourn.handlers.sessions.vouching import past_instant
from sojourn.handlers.tokens.inventory import moment
from sojourn.handlers.tokens.pairs import begin_first_tokens
from sojourn.handlers.views.devices import trusted_device_response
from sojourn.handlers.views.envelopes import View, data_response, simple_response
from sojourn.handlers.views.sessions import session_day_usage, session_record, session_response, session_usage_response
from sojourn.handlers.views.tokens import token_info_response
from sojourn.handlers.views.turns import in_turns
from sojourn.storage.queries import refresh_states, sessions, sign_ins, tokens, trusted_devices, usage
from sojourn.storage.queries.session_rows import SessionRow
from sojourn.storage.queries.session_search import Sort
from sojourn.storage.queries.sessions import Assurance

USAGE_DAYS = 400


async def list_user_sessions(
    ctx: Context,
    user_id: str,
    status: Status,
    sort: Sort,
    cursor: str | None,
    limit: int | None,
    page: int,
    page_size: int,
) -> View:
    """The user's sessions in one state: a page, or a step of a walk."""
    return await list_of_user(
        ctx,
        user_id,
        status=status,
        sort=sort,
        cursor=cursor,
        limit=limit,
        page=Page(page, page_size),
        show=lambda row: session_response(row, ctx.now_text),
    )


async def check_user_active(ctx: Context, user_id: str) -> View:
    """Whether the user has an active session, and how many."""
    count = await sessions.count_active_of_user(ctx.db, user_id, now=ctx.now_text)
    return {"active": count > 0, "session_count": count}


async def check_many_active(ctx: Context, body: dict[str, Any]) -> View:
    """How many active sessions each of many users has, or whether each of many sessions is active; in their order."""
    ids: list[str] = body.get("user_ids") or body["session_ids"]
    if "user_ids" in body:
        counts = await sessions.count_active_of_users(ctx.db, ids, now=ctx.now_text)
    else:
        keys = {item: key for item in ids if (key := session_key(item)) is not None}
        active = await sessions.active_among(ctx.db, keys.values(), now=ctx.now_text)
        counts = {item: int(key in active) for item, key in keys.items()}
    found = [(item, counts.get(item, 0)) for item in ids]
    return {"items": [{"id": item, "active": count > 0, "session_count": count} for item, count in found]}


async def create_session(ctx: Context, body: dict[str, Any]) -> View:
    """Record a sign-in; the caller has authenticated the user, perhaps earlier.

    Raises ValidationFailed for an instant to come, and as `begin_session` does.
    """
    sign_in = None
    if "authenticated_at" in body:
        sign_in = SignIn(from_text(past_instant(ctx, body["authenticated_at"], field="authenticated_at")))
    return data_response(await begin_session(ctx, body, sign_in=sign_in), ctx.now_text)


async def get_session_as_service(ctx: Context, session_id: str) -> View:
    """One session of any user, in any state, with the facts of its end."""
    return {"session": session_record(await session_row(ctx, session_id), ctx.now_text)}


async def revoke_session_as_service(ctx: Context, session_id: str, body: dict[str, Any] | None) -> None:
    """End one session of any user. Ending an ended session changes nothing."""
    said = body or {}
    code = said.get("reason_code", "revoked_by_service")
    ending = Ending(ctx.caller.id, said.get("reason", UNSTATED_REASON), code, "service")
    if not await end_active(ctx, session_id, ending=ending):
        await end_session(ctx, await session_row(ctx, session_id), ending=ending)


@commits_itself
async def touch_session_as_service(ctx: Context, session_id: str, body: dict[str, Any] | None) -> View:
    """Keep a session alive, as a backend that serves its user asks, who may tell where the user is now."""
    said = body or {}
    row, own_idle, binding = await session_or_404(ctx, session_id, read=sessions.get_to_touch)
    active_or_404(row, ctx.now_text)
    ip, user_agent = said.get("ip"), said.get("user_agent")
    return await keep_alive(ctx, row, own_idle=own_idle, binding=binding, ip=ip, user_agent=user_agent)


async def elevate_session(ctx: Context, session_id: str, body: dict[str, Any]) -> View:
    """Record what a service that checked it says of a user's further authentication.

    Raises SessionNotFound, and ValidationFailed for more methods than a session names or an instant to come.
    """
    row = active_or_404(await session_row(ctx, session_id), ctx.now_text)
    verified_at = past_instant(ctx, body["verified_at"], field="verified_at") if "verified_at" in body else ctx.now_text

    def assured(known: SessionRow) -> Assurance:
        methods = methods_with(known.amr, tuple(body["amr"]))
        if len(methods) > MAX_METHODS:
            raise ValidationFailed([Violation("amr", "max_items", {"limit": MAX_METHODS}, body["amr"])])
        return Assurance(",".join(methods), body.get("acr", known.acr), verified_at, tuple(body["amr"]))

    return {"session": session_response(await raise_session(ctx, row, assured=assured), ctx.now_text)}


async def generate_first_tokens(ctx: Context, session_id: str) -> View:
    """The first pair of tokens of a session that was imported. Raises FirstTokensIssued where it has had one."""
    found = await session_or_404(ctx, session_id, read=refresh_states.session)
    await sign_ins.begin(ctx.db, found.user_id)  # an erasure of the user waits for this, or comes first
    session = active_or_404(await session_or_404(ctx, session_id, read=refresh_states.session), ctx.now_text)
    return await begin_first_tokens(ctx, session)


async def revoke_user_sessions(ctx: Context, user_id: str, except_session_id: str | None) -> View:
    """End every active session of a user, or all but one of them. Raises SessionNotFound when that one is not theirs.

    Where an exception was meant, none of them ends without it.
    """
    kept = None
    if except_session_id is not None:
        kept = active_or_404(await session_row(ctx, except_session_id), ctx.now_text)
        if kept.user_id != user_id:
            raise SessionNotFound()
    ending = Ending(ctx.caller.id, UNSTATED_REASON, "revoked_by_service", "service")
    count = await end_user(ctx, user_id, ending=ending, but=None if kept is None else kept.id)
    return simple_response(f"{count} sessions revoked", ctx.now_text)


@reads_at_length
async def export_user_data(ctx: Context, body: dict[str, Any]) -> View:
    """All that is kept of a user, in any state, newest first; as of one instant."""
    user, at = body["user_id"], await moment(ctx)
    with ctx.db.snapshot():
        rows = await sessions.list_all_of_user(ctx.db, user)
        uses = await usage.list_of_user(ctx.db, user)
        issued = await tokens.list_of_user(ctx.db, user, at=at)
        devices = await trusted_devices.list_all(ctx.db, user)
    return {
        "sessions": await in_turns(rows, lambda row: session_record(row, ctx.now_text)),
        "total": len(rows),
        "devices": await in_turns(devices, trusted_device_response),
        "tokens": await in_turns(issued, token_info_response),
        "usage": await in_turns(uses, session_day_usage),
    }


async def erase_user_data(ctx: Context, body: dict[str, Any]) -> View:
    """Delete what is known of a user, and say how much it was. Events stay, and name the user no more."""
    called = await auditing.called_before(ctx, body["user_id"])
    erased = (await erase_user(ctx, body["user_id"]))._asdict()
    await auditing.record(ctx, "user.erased", target=called, after=erased)
    return erased


async def get_session_usage(ctx: Context, session_id: str) -> View:
    """How often use of a session was recorded, by day in UTC, newest first."""
    row = await session_row(ctx, session_id)
    return session_usage_response(await usage.daily(ctx.db, row.id, limit=USAGE_DAYS), ctx.now_text)


async def record_session_usage(ctx: Context, session_id: str) -> View:
    """Count one use of an active session today. This is not a touch: the deadlines do not move."""
    row = active_or_404(await session_row(ctx, session_id), ctx.now_text)
    await usage.count_use(ctx.db, row.id, day=day_of(ctx.now))
    return simple_response("use recorded", ctx.now_text)
