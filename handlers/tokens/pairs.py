"""Issues a session's tokens: what the response holds, and what the inventory records."""

import secrets
from datetime import datetime
from typing import Any, NamedTuple

from sojourn.domain.clock import Instant, from_text, to_text
from sojourn.domain.durations import parse_duration
from sojourn.domain.errors import FirstTokensIssued
from sojourn.domain.ids import mint, session_id
from sojourn.domain.refresh_tokens import write_refresh_token
from sojourn.domain.token_identity import identity
from sojourn.domain.token_lifetimes import Lifetimes, chance_of, end_of_access, end_of_refresh
from sojourn.handlers.context import Context
from sojourn.handlers.views.envelopes import View
from sojourn.handlers.views.tokens import token_pair_response
from sojourn.storage.queries import refresh_states, sessions, token_configs, tokens
from sojourn.storage.queries.procedures import FirstTokens
from sojourn.storage.queries.refresh_states import RefreshRow, TokenSession
from sojourn.storage.queries.session_rows import NewSession
from sojourn.storage.queries.token_configs import Terms
from sojourn.storage.queries.tokens import IssuedToken

NO_CLIENT = "unspecified"


class NewAccessToken(NamedTuple):
    """An access token, for how many seconds it is good, and what the inventory is to record of it."""

    text: str
    seconds: int
    entry: IssuedToken


def lifetimes(ctx: Context, terms: Terms) -> Lifetimes:
    """The tenant's lifetimes, or the service's where it has set none."""
    own = terms.config
    if own is None:
        return ctx.service.tokens.lifetimes
    return Lifetimes(parse_duration(own.access_expiry), parse_duration(own.refresh_expiry), parse_duration(own.leeway))


async def first_tokens(ctx: Context, session: NewSession, *, terms: Terms) -> tuple[View, FirstTokens]:
    """`TokenPairResponse` with the first pair of a session that is about to be written, and what is to be written."""
    holder = TokenSession(
        id=session.id,
        user_id=session.user_id,
        username=session.username,
        authenticated_at=session.authenticated_at,
        expires_at=session.expires_at,
        idle_expires_at=session.idle_expires_at,
        revoked_at=None,
        amr=session.amr,
        acr=session.acr,
        elevations=0,
        role=session.role,
        app_id=session.app_id,
        ip=session.ip,
        user_agent=session.user_agent,
        impersonator=session.impersonator,
        status_index=session.status_index,
        suspended_until=None,
        suspended_then=None,
    )
    refresh, state = _first_state(ctx, holder, terms=terms, client=session.app_id, generation=0)
    entry = refresh_entry(ctx, holder, text=refresh, end=state.expires_at, terms=terms)
    access = await access_token(ctx, holder, state=state, terms=terms)
    view = token_pair_response(access.text, access.seconds, refresh=refresh)
    return view, FirstTokens(state, entry, access.entry)


async def begin_tokens(ctx: Context, session: TokenSession, *, client_id: str | None = None) -> View:
    """`TokenPairResponse`: the first pair of a session's new family. An earlier family of the session ends.

    Of several that begin side by side each begins after the other: only the last one's tokens can be refreshed.
    """
    terms = await token_configs.terms(ctx.db, session.user_id, now=ctx.now_text)
    while True:
        before = await refresh_states.refresh_state(ctx.db, session.id)
        seen = None if before is None else before.generation
        pair = await _begin(ctx, session, terms=terms, client=client_id or session.app_id, seen=seen)
        if pair is not None:
            return pair


async def begin_first_tokens(ctx: Context, session: TokenSession) -> View:
    """`TokenPairResponse`: the first pair of a session that never had one. It gets a place in a status list before.

    Raises FirstTokensIssued where it has had one, by this request or by one beside it.
    """
    terms = await token_configs.terms(ctx.db, session.user_id, now=ctx.now_text)
    if session.status_index is None:
        place = await ctx.service.status_lists.place(ctx.db, session.id)
        await sessions.give_place(ctx.db, session.id, place=place)
        session = session._replace(status_index=place)
    pair = await _begin(ctx, session, terms=terms, client=session.app_id, seen=None)
    if pair is None:
        raise FirstTokensIssued()
    return pair


async def _begin(
    ctx: Context, session: TokenSession, *, terms: Terms, client: str | None, seen: int | None
) -> View | None:
    """A first pair after the generation `seen`, None for a session without one; None when there is another by now."""
    generation = 0 if seen is None else seen + 1
    refresh, state = _first_state(ctx, session, terms=terms, client=client, generation=generation)
    if not await refresh_states.begin(ctx.db, state, seen=seen):
        return None
    entry = refresh_entry(ctx, session, text=refresh, end=state.expires_at, terms=terms)
    access = await access_token(ctx, session, state=state, terms=terms)
    await tokens.enter(ctx.db, entry)
    await tokens.enter(ctx.db, access.entry)
    return token_pair_response(access.text, access.seconds, refresh=refresh)


def _first_state(
    ctx: Context, session: TokenSession, *, terms: Terms, client: str | None, generation: int
) -> tuple[str, RefreshRow]:
    """The refresh token that begins a family, and the state of it."""
    nonce = secrets.token_hex(32)
    refresh = write_refresh_token(
        ctx.service.tokens.refresh_keys(terms.epoch),
        ctx.tenant.id,
        session=session.id,
        generation=generation,
        nonce=nonce,
    )
    end = to_text(end_of_refresh(ctx.now, lifetimes(ctx, terms).refresh, session_end=from_text(session.expires_at)))
    return refresh, RefreshRow(
        session_id=session.id,
        first_generation=generation,
        generation=generation,
        nonce=nonce,
        token_hash=identity(refresh),
        previous_hash=None,
        rotated_at=ctx.now_text,
        expires_at=end,
        successor_used=0,
        client_id=client,
    )


def refresh_entry(ctx: Context, session: TokenSession, *, text: str, end: Instant, terms: Terms) -> IssuedToken:
    """A refresh token as the inventory records it."""
    return IssuedToken(
        id=mint("tok", ctx.now),
        session_id=session.id,
        user_id=session.user_id,
        token_type="refresh",  # noqa: S106 - a kind of token
        token_hash=identity(text),
        created_at=ctx.now_text,
        expires_at=end,
        ip=session.ip,
        user_agent=session.user_agent,
        key_id=None,
        cut_offs=terms.refresh_cut_offs,
        elevations=session.elevations,
    )


async def access_token(ctx: Context, session: TokenSession, *, state: RefreshRow, terms: Terms) -> NewAccessToken:
    """A new access token of a session (RFC 9068), which is still to be entered."""
    token_id = mint("tok", ctx.now)
    end = end_of_access(
        ctx.now, lifetimes(ctx, terms).access, session_end=from_text(session.expires_at), chance=chance_of(token_id)
    )
    claims: dict[str, Any] = {
        "sub": session.user_id,
        "aud": ctx.service.tokens.audience,
        "iat": int(ctx.now.timestamp()),
        "exp": int(end.timestamp()),
        "jti": token_id,
        "sid": session_id(session.id),
        "tenant_id": ctx.tenant.id,
        "client_id": state.client_id or NO_CLIENT,
        "roles": [session.role] if session.role else [],
        "amr": session.amr.split(",") if session.amr else [],
        "auth_time": int(from_text(session.authenticated_at).timestamp()),
        "gen": state.generation,
    }
    if session.status_index is not None:
        status = await ctx.service.status_lists.claim(ctx.db, session.id, index=session.status_index)
        claims |= {} if status is None else {"status": status}
    if session.acr is not None:
        claims["acr"] = session.acr
    if session.impersonator is not None:
        claims["act"] = {"sub": session.impersonator}  # RFC 8693 §4.1
    return await signed_token(ctx, claims, end=end, session=session, terms=terms)


async def signed_token(
    ctx: Context, claims: dict[str, Any], *, end: datetime, session: TokenSession | None, terms: Terms
) -> NewAccessToken:
    """An access token with these claims and the epoch, and its record for the inventory, under its `jti`.

    `terms` were read when it was decided to issue the token.
    """
    if terms.epoch is not None:
        claims = {**claims, "epoch": terms.epoch}
    signed = await ctx.service.tokens.sign(ctx.db, claims, now=ctx.now, key_id=terms.signing_key)
    entry = IssuedToken(
        id=claims["jti"],
        session_id=None if session is None else session.id,
        user_id=claims["sub"],
        token_type="access",  # noqa: S106 - a kind of token
        token_hash=identity(signed.text),
        created_at=ctx.now_text,
        expires_at=to_text(end),
        ip=None if session is None else session.ip,
        user_agent=None if session is None else session.user_agent,
        key_id=signed.key_id,
        elevations=0 if session is None else session.elevations,
        cut_offs=terms.access_cut_offs,
    )
    return NewAccessToken(signed.text, max(0, claims["exp"] - claims["iat"]), entry)
