"""Refreshing a session's tokens. The refresh token is the credential: it names the tenant and the session."""

import secrets
from typing import Any

from sojourn.domain.clock import from_text, to_text
from sojourn.domain.endings import REUSE
from sojourn.domain.errors import NotYourResource, RefreshTokenInvalid, RefreshTokenReused, SessionNotFound
from sojourn.domain.ids import same_secret
from sojourn.domain.refresh_tokens import (
    Invalid,
    RefreshToken,
    Reuse,
    Rotate,
    SameSuccessor,
    Verdict,
    write_refresh_token,
)
from sojourn.domain.token_identity import identity
from sojourn.domain.token_lifetimes import end_of_refresh
from sojourn.domain.token_validity import judge_refresh
from sojourn.handlers.context import Context, takes_refresh_credential
from sojourn.handlers.tokens.pairs import access_token, lifetimes, refresh_entry
from sojourn.handlers.views.envelopes import View
from sojourn.handlers.views.tokens import token_pair_response
from sojourn.storage.queries import events, refresh_states, session_revocation
from sojourn.storage.queries.events import Event
from sojourn.storage.queries.procedures import enter_token, rotate
from sojourn.storage.queries.refresh_states import Family, RefreshRow


@takes_refresh_credential("refresh_token")
async def refresh_tokens(ctx: Context, body: dict[str, Any]) -> View:
    """The next pair of tokens. The parent of the present pair gets that same pair's refresh token again.

    Raises RefreshTokenInvalid, RefreshTokenReused, SessionNotFound, NotYourResource.
    """
    family = await _family(ctx)
    match judge(ctx, ctx.refresh_token, family=family):
        case Reuse():
            raise await _end_reused(ctx, family)
        case Invalid():
            raise RefreshTokenInvalid()
        case SameSuccessor():
            return await _pair(ctx, family, state=_present(family))
        case Rotate():
            return await _rotate(ctx, family)


@takes_refresh_credential("refresh_token")
async def rotate_access_token(ctx: Context, body: dict[str, Any]) -> View:
    """A new access token; the refresh token stays what it is. Raises what `refresh_tokens` does."""
    family = await _family(ctx)
    match judge(ctx, ctx.refresh_token, family=family):
        case Reuse():
            raise await _end_reused(ctx, family)
        case Invalid():
            raise RefreshTokenInvalid()
        case SameSuccessor() | Rotate():
            access = await access_token(ctx, family.session, state=_present(family), terms=family.terms)
            await enter_token(ctx.db, access.entry)
            ctx.db.tell("refreshed", "access_token")
            return {"access_token": access.text}


def judge(ctx: Context, token: RefreshToken, *, family: Family) -> Verdict:
    """What a refresh with a token of the family means now."""
    return judge_refresh(token, family.record, now=ctx.now, reuse_interval=ctx.service.tokens.reuse_interval)


async def _family(ctx: Context) -> Family:
    """The session and the refresh state of the request's token. A bearer token that came along is the same user's."""
    family = await refresh_states.family(ctx.db, ctx.refresh_token, now=ctx.now_text)
    if family is None:
        raise SessionNotFound()
    if ctx.caller.kind == "user" and ctx.caller.id and ctx.caller.id != family.session.user_id:
        raise NotYourResource()
    return family


def _present(family: Family) -> RefreshRow:
    if family.state is None:
        raise RuntimeError("a family without a state has no good token")
    return family.state


async def _rotate(ctx: Context, family: Family) -> View:
    """The pair after the present token. One conditional update decides who rotates; the others return its pair."""
    spent, nonce = ctx.refresh_token, secrets.token_hex(32)
    generation = spent.generation + 1
    text = _text(ctx, family, generation=generation, nonce=nonce)
    end = end_of_refresh(
        ctx.now, lifetimes(ctx, family.terms).refresh, session_end=from_text(family.session.expires_at)
    )
    following = _present(family)._replace(
        generation=generation, nonce=nonce, token_hash=identity(text), expires_at=to_text(end)
    )
    access = await access_token(ctx, family.session, state=following, terms=family.terms)
    entry = refresh_entry(ctx, family.session, text=text, end=following.expires_at, terms=family.terms)
    if not await rotate(ctx.db, spent, following=following, refresh=entry, access=access.entry, now=ctx.now_text):
        return await _pair(ctx, family, state=await _state_of_the_winner(ctx))
    ctx.db.tell("refreshed", "rotated")
    return token_pair_response(access.text, access.seconds, refresh=text)


async def _state_of_the_winner(ctx: Context) -> RefreshRow:
    """The state that another request, concurrent with this one, made of the same token."""
    family = await _family(ctx)
    match judge(ctx, ctx.refresh_token, family=family):
        case SameSuccessor():
            return _present(family)
        case Reuse():
            raise await _end_reused(ctx, family)
        case _:
            raise RefreshTokenInvalid()


async def _pair(ctx: Context, family: Family, *, state: RefreshRow) -> View:
    """`TokenPairResponse`: the state's refresh token, and an access token issued with it."""
    refresh = _same_text(ctx, family, state=state)
    access = await access_token(ctx, family.session, state=state, terms=family.terms)
    await enter_token(ctx.db, access.entry)
    ctx.db.tell("refreshed", "repeated")
    return token_pair_response(access.text, access.seconds, refresh=refresh)


def _same_text(ctx: Context, family: Family, *, state: RefreshRow) -> str:
    """The text of the state's refresh token again; where the secret was replaced since, made with the earlier one."""
    texts = [
        write_refresh_token(
            keys,
            ctx.tenant.id,
            session=ctx.refresh_token.session,
            generation=state.generation,
            nonce=state.nonce,
        )
        for keys in ctx.service.tokens.readable_refresh_keys(family.terms.epoch)
    ]
    return next((text for text in texts if same_secret(identity(text), state.token_hash)), texts[0])


def _text(ctx: Context, family: Family, *, generation: int, nonce: str) -> str:
    """The text of a refresh token of the family."""
    return write_refresh_token(
        ctx.service.tokens.refresh_keys(family.terms.epoch),
        ctx.tenant.id,
        session=ctx.refresh_token.session,
        generation=generation,
        nonce=nonce,
    )


async def _end_reused(ctx: Context, family: Family) -> RefreshTokenReused:
    """End the session of a refresh token that was sent again. Returns the refusal; it does not undo the end."""
    key = ctx.refresh_token.session
    reused = Event("refresh_token.reused", ctx.now_text, session_id=key, user_id=family.session.user_id)
    await events.tell(ctx.db, [reused])
    await session_revocation.revoke(ctx.db, key, now=ctx.now_text, ending=REUSE)
    ctx.db.tell("refreshed", "reused")
    return RefreshTokenReused()
