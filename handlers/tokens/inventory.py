"""The inventory: every token that was issued, as administrators see it."""

from sojourn.domain.clock import to_text
from sojourn.domain.durations import parse_duration
from sojourn.domain.errors import (
    TokenNotFound,
)
from sojourn.domain.ids import SessionKey, session_key
from sojourn.domain.paging import Page
from sojourn.handlers.context import Context, reads_at_length
from sojourn.handlers.tenancy import require_tenant
from sojourn.handlers.views.envelopes import View, data_response, list_response
from sojourn.handlers.views.tokens import (
    token_info_response,
)
from sojourn.storage.queries import token_configs, tokens
from sojourn.storage.queries.tokens import Moment, TokenStatus, TokenType

_NOBODYS = SessionKey("")
"""What an id that no session of ours can have is looked up as."""


@reads_at_length
async def list_tokens(
    ctx: Context,
    user_id: str | None,
    session_id: str | None,
    type: TokenType | None,  # noqa: A002 - the contract's name
    status: TokenStatus | None,
    page: int,
    page_size: int,
) -> View:
    """One page of the tokens that were issued in the tenant, newest first. Never a token itself."""
    await require_tenant(ctx)
    wanted = Page(page, page_size)
    rows, total = await tokens.search(
        ctx.db,
        user_id=user_id,
        session=None if session_id is None else session_key(session_id) or _NOBODYS,
        token_type=type,
        status=status,
        at=await moment(ctx),
        page=wanted,
    )
    return list_response([token_info_response(row) for row in rows], total, page=wanted, now=ctx.now_text)


async def get_token(ctx: Context, token_id: str) -> View:
    """One token of the inventory."""
    row = await tokens.get_issued(ctx.db, token_id, at=await moment(ctx))
    if row is None:
        raise TokenNotFound()
    return data_response(token_info_response(row), ctx.now_text)


async def moment(ctx: Context) -> Moment:
    """The instants that the inventory's tokens are compared with."""
    own = await token_configs.get(ctx.db)
    leeway = ctx.service.tokens.lifetimes.leeway if own is None else parse_duration(own.leeway)
    return Moment(ctx.now_text, to_text(ctx.now - leeway), to_text(ctx.now - ctx.service.tokens.reuse_interval))
