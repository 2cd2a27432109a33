"""Applications of the caller's tenant that are sent a logout token for each session that ends.

They are endpoints like those of events: what is sent to them stands in the same order, and is sent by the same sender.
"""

import json
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from sojourn.domain.errors import LogoutClientNotFound, ValidationFailed, Violation
from sojourn.domain.ids import mint
from sojourn.handlers import auditing
from sojourn.handlers.context import Context, commits_itself
from sojourn.handlers.tenancy import require_tenant
from sojourn.handlers.views.envelopes import View
from sojourn.handlers.views.keys import cursor_list
from sojourn.handlers.views.webhooks import logout_client_response
from sojourn.storage.queries import deliveries, webhooks
from sojourn.storage.queries.webhooks import WebhookRow
from sojourn.storage.unit_of_work import UnitOfWork

_ENDS = json.dumps(["session.ended"])


async def list_logout_clients(ctx: Context, after: str | None, limit: int) -> View:
    """The applications, by their client ids."""
    await require_tenant(ctx)
    rows = await webhooks.clients(ctx.db, after or "", limit=limit + 1)
    return cursor_list([logout_client_response(row, ctx.now_text) for row in rows], limit=limit, cursor="client_id")


async def get_logout_client(ctx: Context, client_id: str) -> View:
    """One application."""
    return logout_client_response(await _found(ctx.db, client_id), ctx.now_text)


@commits_itself
async def create_logout_client(ctx: Context, body: dict[str, Any]) -> View:
    """Make an application. It is sent the ends from now on.

    Raises ValidationFailed for a URI that may not be sent to, LogoutClientExists, and WebhookLimitReached.
    """
    await require_tenant(ctx)
    _require_sendable(ctx, body["uri"])
    await ctx.db.pause()
    internal_id = mint("lgc", ctx.now)

    async def make(unit: UnitOfWork) -> WebhookRow:
        is_enabled = body.get("enabled", True)
        row = WebhookRow(
            tenant_id=ctx.tenant.id,
            id=internal_id,
            url=body["uri"],
            events=_ENDS,
            description=None,
            created_at=ctx.now_text,
            sealed_secret="",
            previous_secret=None,
            previous_until=None,
            position=await webhooks.newest(unit),
            held_until=None,
            disabled_at=None if is_enabled else ctx.now_text,
            disabled_because=None if is_enabled else "administrator",
            client=body["client_id"],
            session_required=body.get("session_required", False),
            apps=_stored(body.get("apps")),
        )
        await webhooks.add(unit, row, limit=ctx.service.limits.webhooks)
        await auditing.record(
            replace(ctx, db=unit), "logout_client.created", target=body["client_id"], after=_shown(row)
        )
        return row

    return logout_client_response(await ctx.service.sending.write(ctx.tenant, make), ctx.now_text)


@commits_itself
async def update_logout_client(ctx: Context, client_id: str, body: dict[str, Any]) -> View:
    """Change an application. Raises ValidationFailed for a URI that may not be sent to."""
    await _found(ctx.db, client_id)
    if "uri" in body:
        _require_sendable(ctx, body["uri"])
    await ctx.db.pause()

    async def update(unit: UnitOfWork) -> WebhookRow:
        before = await _found(unit, client_id)
        row = await deliveries.decided(unit, before, now=ctx.now_text)
        row = row._replace(
            url=body.get("uri", row.url),
            session_required=body.get("session_required", row.session_required),
            apps=_stored(body["apps"]) if "apps" in body else row.apps,
        )
        row = await deliveries.switched(unit, row, is_wanted=body.get("enabled"), now=ctx.now_text)
        await webhooks.change(unit, row)
        shown = {"before": _shown(before), "after": _shown(row)}
        await auditing.record(replace(ctx, db=unit), "logout_client.updated", target=client_id, **shown)
        return row

    return logout_client_response(await ctx.service.sending.write(ctx.tenant, update), ctx.now_text)


async def remove_logout_client(ctx: Context, client_id: str) -> None:
    """Delete an application, with what was to be sent to it."""
    row = await _found(ctx.db, client_id)
    if not await webhooks.remove(ctx.db, row.id):
        raise LogoutClientNotFound()
    await auditing.record(ctx, "logout_client.removed", target=client_id, before=_shown(row))


async def _found(unit: UnitOfWork, client_id: str) -> WebhookRow:
    row = await webhooks.of_client(unit, client_id)
    if row is None:
        raise LogoutClientNotFound()
    return row


def _require_sendable(ctx: Context, uri: str) -> None:
    fault = ctx.service.sending.fault(uri)
    if fault is not None:
        raise ValidationFailed([Violation("uri", fault, {}, uri)])


def _stored(apps: list[str] | None) -> str | None:
    """Applications as they are stored; none named are all."""
    return json.dumps(sorted(apps)) if apps else None


def _shown(row: WebhookRow) -> View:
    """What the trail says of an application: of its URI the host."""
    return {"host": urlsplit(row.url).hostname, "apps": row.wanted_apps or [], "enabled": row.disabled_at is None}
