"""Refreshing a session's tokens. The refresh token is the credential: it names the tenant and the session."""

import secrets
from typing import Any

from sojourn.domain.clock import from_text, to_text
from sojourn.domain.endings import REUSE
from sojourn.domain.errors import NotYourResource, RefreshTokenInvalid, RefreshTokenReused, SessionNotFound
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
from sojourn.handlers.tokens.pairs import enter_refresh_token, issue_access_token, lifetimes
from sojourn.handlers.views.envelopes import View
from sojourn.handlers.views.tokens import token_pair_response
from sojourn.storage.queries import refresh_states, sessions
from sojourn.storage.queries.refresh_states import Family, RefreshRow


@takes_refresh_credential("refresh_token")
async def refresh_tokens(ctx: Context, body: dict[str, Any]) -> View:
    """The next pair of tokens. The parent of the present pair gets that same pair's refresh token again.

    Raises RefreshTokenInvalid, RefreshTokenReused, SessionNotFound, NotYourResource.
    """
    family = await _family(ctx)
    match judge(ctx, ctx.refresh_token, family=family):
        case Reuse():
            raise await _end_reused(ctx)
        case Invalid():
            raise RefreshTokenInvalid()
        case SameSuccessor():
            return await _pair(ctx, family, state=_present(family))
        case Rotate():
            return await _pair(ctx, family, state=await _rotate(ctx, family))


@takes_refresh_credential("refresh_token")
async def rotate_access_token(ctx: Context, body: dict[str, Any]) -> View:
    """A new access token; the refresh token stays what it is. Raises what `refresh_tokens` does."""
    family = await _family(ctx)
    match judge(ctx, ctx.refresh_token, family=family):
        case Reuse():
            raise await _end_reused(ctx)
        case Invalid():
            raise RefreshTokenInvalid()
        case SameSuccessor() | Rotate():
            access, _ = await issue_access_token(ctx, family.session, state=_present(family), terms=family.terms)
            return {"access_token": access}


def judge(ctx: Context, token: RefreshToken, *, family: Family) -> Verdict:
    """What a refresh with a token of the family means now."""
    return judge_refresh(token, family.record, now=ctx.now, reuse_interval=ctx.service.tokens.reuse_interval)


async def _family(ctx: Context) -> Family:
    """The session and the refresh state of the request's token. A bearer token that came along is the same user's."""
    family = await refresh_states.family(ctx.db, ctx.refresh_token, now=ctx.now_text)
    if family is None:
        raise SessionNotFound()
    if ctx.caller.id and ctx.caller.id != family.session.user_id:
        raise NotYourResource()
    return family


def _present(family: Family) -> RefreshRow:
    if family.state is None:
        raise RuntimeError("a family without a state has no good token")
    return family.state


async def _rotate(ctx: Context, family: Family) -> RefreshRow:
    """The state after the present token. One conditional update decides who rotates; a loser gets the winner's."""
    spent, nonce = ctx.refresh_token, secrets.token_hex(32)
    generation = spent.generation + 1
    text = write_refresh_token(
        ctx.service.tokens.refresh_keys(family.terms.epoch),
        ctx.tenant.id,
        session=spent.session,
        generation=generation,
        nonce=nonce,
    )
    end = end_of_refresh(
        ctx.now, lifetimes(ctx, family.terms).refresh, session_end=from_text(family.session.expires_at)
    )
    following = _present(family)._replace(
        generation=generation, nonce=nonce, token_hash=identity(text), expires_at=to_text(end)
    )
    if not await refresh_states.rotate(ctx.db, spent, following=following, now=ctx.now_text):
        return await _state_of_the_winner(ctx)
    await enter_refresh_token(ctx, family.session, text=text, end=following.expires_at, terms=family.terms)
    return following


async def _state_of_the_winner(ctx: Context) -> RefreshRow:
    """The state that another request made of the same token, side by side with this one."""
    family = await _family(ctx)
    match judge(ctx, ctx.refresh_token, family=family):
        case SameSuccessor():
            return _present(family)
        case Reuse():
            raise await _end_reused(ctx)
        case _:
            raise RefreshTokenInvalid()


async def _pair(ctx: Context, family: Family, *, state: RefreshRow) -> View:
    """`TokenPairResponse`: the state's refresh token, and an access token issued with it."""
    refresh = write_refresh_token(
        ctx.service.tokens.refresh_keys(family.terms.epoch),
        ctx.tenant.id,
        session=state.session_id,
        generation=state.generation,
        nonce=state.nonce,
    )
    access, seconds = await issue_access_token(ctx, family.session, state=state, terms=family.terms)
    return token_pair_response(access, seconds, refresh=refresh)


async def _end_reused(ctx: Context) -> RefreshTokenReused:
    """End the session of a refresh token that came again. Returns the refusal, which keeps that it ended."""
    await sessions.revoke(ctx.db, ctx.refresh_token.session, now=ctx.now_text, ending=REUSE)
    return RefreshTokenReused()
