"""Validation of a user's own session, with the claims that its tokens would have."""

from sojourn.domain.clock import from_text
from sojourn.domain.errors import NotYourResource, SessionNotFound
from sojourn.domain.ids import session_id, session_key
from sojourn.domain.sessions import status_of
from sojourn.handlers.context import Context
from sojourn.handlers.views.envelopes import View
from sojourn.handlers.views.tokens import token_validation_response
from sojourn.storage.queries import refresh_states
from sojourn.storage.queries.refresh_states import TokenSession


async def validate_session(ctx: Context, session_id: str) -> View:
    """Whether a session of the caller is active, with what its tokens would claim."""
    key = session_key(session_id)
    row = await refresh_states.session(ctx.db, key) if key is not None else None
    if row is None:
        raise SessionNotFound()
    if row.user_id != ctx.caller.id and not ctx.caller.is_admin:
        raise NotYourResource()
    state = status_of(row, ctx.now_text)
    return token_validation_response(_claims(ctx, row), () if state == "active" else (f"session_{state}",))


def _claims(ctx: Context, session: TokenSession) -> View:
    return {
        "sub": session.user_id,
        "sid": session_id(session.id),
        "tenant_id": ctx.tenant.id,
        "roles": [session.role] if session.role else [],
        "amr": session.amr.split(",") if session.amr else [],
        "auth_time": int(from_text(session.authenticated_at).timestamp()),
        "exp": int(from_text(session.expires_at).timestamp()),
    }
