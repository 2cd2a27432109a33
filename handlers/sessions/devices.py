"""A user's sessions grouped by device, for the user and for administrators."""

from sojourn.domain.ids import session_key
from sojourn.handlers.context import Context
from sojourn.handlers.tenancy import require_tenant
from sojourn.handlers.views.envelopes import View
from sojourn.handlers.views.sessions import device_sessions, session_record, session_response
from sojourn.storage.queries.session_devices import devices_of_user


async def list_own_devices(ctx: Context) -> View:
    """The caller's devices. Raises TenantNotFound."""
    await require_tenant(ctx)
    current = session_key(ctx.caller.session_id or "")
    found, has_more = await devices_of_user(ctx.db, ctx.caller.id, now=ctx.now_text, current=current)
    items = [
        device_sessions(row, session_response(row.newest, ctx.now_text)) | {"current": row.is_current} for row in found
    ]
    return {"items": items, "has_more": has_more}


async def list_devices_of_user(ctx: Context, user_id: str) -> View:
    """The devices of a user of the administrator's tenant. Raises TenantNotFound."""
    await require_tenant(ctx)
    found, has_more = await devices_of_user(ctx.db, user_id, now=ctx.now_text, current=None)
    items = [device_sessions(row, session_record(row.newest, ctx.now_text)) for row in found]
    return {"items": items, "has_more": has_more}
