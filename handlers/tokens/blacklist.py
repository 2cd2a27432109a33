"""The blacklist: tokens refused one by one, by services, users and administrators."""

from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil
from typing import Any

from sojourn.domain.clock import from_text, to_text
from sojourn.domain.errors import (
    BlacklistEntryNotFound,
    NotYourResource,
    RateLimited,
)
from sojourn.domain.ids import mint
from sojourn.domain.paging import Page
from sojourn.domain.refresh_tokens import RefreshToken
from sojourn.domain.token_identity import TokenHash, text_identity
from sojourn.domain.token_lifetimes import retention
from sojourn.domain.tokens import LAST_SECOND, AccessToken
from sojourn.handlers import auditing
from sojourn.handlers.context import Context, takes_token
from sojourn.handlers.tenancy import require_provisioned_tenant, require_tenant
from sojourn.handlers.tokens.pairs import lifetimes
from sojourn.handlers.views.envelopes import View, list_response, simple_response
from sojourn.handlers.views.tokens import (
    blacklist_check_response,
    blacklisted_token_response,
)
from sojourn.storage.queries import blacklist, events, refresh_states, token_configs
from sojourn.storage.queries.blacklist import BlacklistEntry
from sojourn.storage.queries.events import Event

MAX_JTI = 255
"""Names of tokens that are longer are told to nobody."""


@takes_token("token")
async def blacklist_token(ctx: Context, body: dict[str, Any]) -> View:
    """Refuse a token from now on, known or not. A tenant is made on first use. Raises TenantNotFound."""
    await require_provisioned_tenant(ctx)
    shown = await _shown(ctx, body["token"])
    return await _refuse(ctx, body, shown=shown, stated_end=body.get("expires_at"))


@takes_token("token")
async def add_to_blacklist(ctx: Context, body: dict[str, Any]) -> View:
    """The same for a user's own tokens; administrators for any of the tenant.

    A text that no known key has signed is no token that could be refused: the response is the same (RFC 7009 §2.2),
    and nothing of it is stored. Raises NotYourResource, RateLimited beyond the limit of entries.
    """
    await require_tenant(ctx)
    shown = await _shown(ctx, body["token"])
    if not ctx.caller.is_admin:
        if body["user_id"] != ctx.caller.id or shown.owner not in (None, ctx.caller.id):
            raise NotYourResource()
        if not shown.is_verified:
            return simple_response("token blacklisted", ctx.now_text)
    view = await _refuse(ctx, body, shown=shown, stated_end=None)
    if ctx.caller.is_admin:
        called = await auditing.called(ctx, body["user_id"])
        await auditing.record(ctx, "token.refused", target=called, after={"type": body["token_type"]})
    return view


async def refuse_access_token(ctx: Context, token: AccessToken, *, reason: str) -> None:
    """Refuse the access token that the request presents, of this tenant, until it expires."""
    said = {"token_type": "access", "user_id": token.user, "reason": reason}
    await _refuse(ctx, said, shown=await _shown(ctx, ""), stated_end=None)


@takes_token("token")
async def check_blacklist(ctx: Context, token: str) -> View:
    """Whether a token is refused by the blacklist. Only administrators may ask about others' tokens."""
    return await _check(ctx, await _shown(ctx, token))


@takes_token("token")
async def check_blacklisted_token(ctx: Context, body: dict[str, Any]) -> View:
    """The same with the token in the body, since URLs are logged."""
    return await _check(ctx, await _shown(ctx, body["token"]))


@dataclass(frozen=True, slots=True)
class _Shown:
    """A token as the blacklist sees it. `owner` and `end` are None where nothing is known of it.

    An entry that was made before the token could be verified names `text_hash`.
    """

    hash: TokenHash
    is_verified: bool
    owner: str | None = None
    end: datetime | None = None
    text_hash: TokenHash | None = None
    jti: str | None = None


def _jti(token: AccessToken) -> str | None:
    jti = token.claims.get("jti")
    return jti if isinstance(jti, str) and 0 < len(jti) <= MAX_JTI else None


async def _shown(ctx: Context, text: str) -> _Shown:
    """What is known of the token in the request. A token of another tenant counts as unknown."""
    token = ctx.presented
    if isinstance(token, AccessToken) and token.tenant == ctx.tenant.id:
        return _Shown(
            hash=token.hash,
            is_verified=True,
            owner=token.user,
            end=_instant(token.expires),
            text_hash=token.text_hash,
            jti=_jti(token),
        )
    if isinstance(token, RefreshToken):
        session = await refresh_states.session(ctx.db, token.session)
        if session is None:
            return _Shown(token.hash, True)
        return _Shown(token.hash, True, session.user_id, from_text(session.expires_at))
    return _Shown(text_identity(text), False)


async def _check(ctx: Context, shown: _Shown) -> View:
    """`BlacklistCheckResponse`. Raises NotYourResource."""
    entry = await blacklist.find(ctx.db, shown.hash, now=ctx.now_text)
    if entry is None and shown.text_hash is not None:
        entry = await blacklist.find(ctx.db, shown.text_hash, now=ctx.now_text)
    owner = shown.owner if shown.owner is not None or entry is None else entry.user_id
    if not ctx.caller.is_admin and owner not in (None, ctx.caller.id):
        raise NotYourResource()
    return blacklist_check_response(shown.hash, entry)


async def _refuse(ctx: Context, body: dict[str, Any], *, shown: _Shown, stated_end: int | None) -> View:
    """Put a token on the blacklist until it would have expired. Repeating this changes nothing.

    The end that a caller states counts only for a token that nothing is known of, and only when it is still to come:
    many languages write 0 for "not known".
    """
    span = lifetimes(ctx, await token_configs.terms(ctx.db, body["user_id"], now=ctx.now_text))
    until = shown.end
    if until is None and stated_end is not None and _instant(stated_end) > ctx.now:
        until = _instant(stated_end)
    if until is None:
        until = retention(ctx.now, span)
    if until > ctx.now - span.leeway:
        entry = BlacklistEntry(
            id=mint("bl", ctx.now),
            token_hash=shown.hash,
            token_type=body["token_type"],
            user_id=body["user_id"],
            reason=body.get("reason"),
            created_at=ctx.now_text,
            expires_at=to_text(min(until, _instant(LAST_SECOND) - span.leeway) + span.leeway),
        )
        by_user = ctx.caller.kind == "user" and not ctx.caller.is_admin
        if by_user:
            await _require_free_place(ctx, entry)
        await blacklist.add(ctx.db, entry, by_user=by_user, tenant_limit=ctx.service.limits.tenants)
        await events.tell(ctx.db, [_refusal(ctx, entry, shown=shown)])
    return simple_response("token blacklisted", ctx.now_text)


async def _require_free_place(ctx: Context, entry: BlacklistEntry) -> None:
    """Raise RateLimited where the user has made as many entries as one may, until the first of them ends."""
    wait = await blacklist.end_of_wait(ctx.db, entry, limit=ctx.service.limits.blacklist_entries)
    if wait is not None:
        raise RateLimited(retry_after=max(1, ceil((from_text(wait) - ctx.now).total_seconds())))


def _refusal(ctx: Context, entry: BlacklistEntry, *, shown: _Shown) -> Event:
    """What others are told of a token that is refused. One that names no `jti` is known here only."""
    service = ctx.caller.kind == "internal"
    return Event(
        "token.refused",
        ctx.now_text,
        user_id=shown.owner or entry.user_id,
        reason=entry.reason,
        initiated_by="service" if service else "admin" if ctx.caller.is_admin else "user",
        actor=ctx.caller.id,
        forget_at=entry.expires_at,
        data={"token_type": entry.token_type} | ({} if shown.jti is None else {"jti": shown.jti}),
    )


def _instant(seconds: float) -> datetime:
    """The instant of a NumericDate; beyond what can be written the last that can."""
    return datetime.fromtimestamp(min(max(seconds, 0), LAST_SECOND), UTC)


async def list_blacklisted_tokens(ctx: Context, user_id: str | None, page: int, page_size: int) -> View:
    """One page of the blacklist entries in force, newest first."""
    await require_tenant(ctx)
    wanted = Page(page, page_size)
    entries, total = await blacklist.list_entries(ctx.db, user_id, now=ctx.now_text, page=wanted)
    return list_response([blacklisted_token_response(entry) for entry in entries], total, page=wanted, now=ctx.now_text)


async def remove_blacklist_entry(ctx: Context, entry_id: str) -> View:
    """Remove an entry; its token is then checked by the other rules only."""
    if not await blacklist.remove(ctx.db, entry_id):
        raise BlacklistEntryNotFound()
    await auditing.record(ctx, "token.readmitted", target=entry_id)
    return simple_response("blacklist entry removed", ctx.now_text)
