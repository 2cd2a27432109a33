"""Endpoints of the caller's tenant: made, changed, tested and deleted by administrators.

Which events an endpoint is sent is decided by their order. So before an endpoint is made or changed, each event that
was committed gets its number, and those behind the endpoint's position are decided upon as it was.
"""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from sojourn.domain.clock import to_text
from sojourn.domain.durations import MAX_DURATION, DurationTooLong, format_duration, parse_duration
from sojourn.domain.errors import ValidationFailed, Violation, WebhookNotFound
from sojourn.domain.ids import mint
from sojourn.domain.webhooks import mint_secret
from sojourn.handlers import auditing
from sojourn.handlers.context import Context, commits_itself
from sojourn.handlers.tenancy import require_tenant
from sojourn.handlers.views.envelopes import View
from sojourn.handlers.views.keys import cursor_list
from sojourn.handlers.views.webhooks import test_response, webhook_response
from sojourn.storage.queries import deliveries, webhooks
from sojourn.storage.queries.webhooks import WebhookRow
from sojourn.storage.unit_of_work import UnitOfWork

OVERLAP = timedelta(hours=24)
"""How long a secret signs after its rotation, where nobody says otherwise."""
_LAST = "~"
"""A text that sorts behind every id."""


async def list_webhooks(ctx: Context, after: str | None, limit: int) -> View:
    """The endpoints, newest first."""
    await require_tenant(ctx)
    rows = await webhooks.listed(ctx.db, after or _LAST, limit=limit + 1)
    return cursor_list([webhook_response(row, ctx.now_text) for row in rows], limit=limit, cursor="id")


async def get_webhook(ctx: Context, webhook_id: str) -> View:
    """One endpoint."""
    return webhook_response(await found(ctx.db, webhook_id), ctx.now_text)


@commits_itself
async def create_webhook(ctx: Context, body: dict[str, Any]) -> View:
    """Make an endpoint and show its secret, this once.

    Raises ValidationFailed for a URL that may not be sent to, WebhookLimitReached for one too many.
    """
    await require_tenant(ctx)
    _require_sendable(ctx, body["url"])
    await ctx.db.pause()
    webhook_id, secret = mint("whk", ctx.now), mint_secret()

    async def make(unit: UnitOfWork) -> WebhookRow:
        is_enabled = body.get("enabled", True)
        row = WebhookRow(
            tenant_id=ctx.tenant.id,
            id=webhook_id,
            url=body["url"],
            events=json.dumps(sorted(body["events"])),
            description=body.get("description"),
            created_at=ctx.now_text,
            sealed_secret=ctx.service.sending.seal(webhook_id, secret),
            previous_secret=None,
            previous_until=None,
            position=await webhooks.newest(unit),
            held_until=None,
            disabled_at=None if is_enabled else ctx.now_text,
            disabled_because=None if is_enabled else "administrator",
        )
        await webhooks.add(unit, row, limit=ctx.service.limits.webhooks)
        await auditing.record(replace(ctx, db=unit), "webhook.created", target=webhook_id, after=_shown(row))
        return row

    row = await ctx.service.sending.write(ctx.tenant, make)
    return {**webhook_response(row, ctx.now_text), "secret": secret}


@commits_itself
async def update_webhook(ctx: Context, webhook_id: str, body: dict[str, Any]) -> View:
    """Change what is sent. Raises ValidationFailed for a URL that may not be sent to."""
    await found(ctx.db, webhook_id)
    if "url" in body:
        _require_sendable(ctx, body["url"])
    await ctx.db.pause()

    async def update(unit: UnitOfWork) -> WebhookRow:
        before = await found(unit, webhook_id)
        row = await deliveries.decided(unit, before, now=ctx.now_text)
        row = row._replace(
            url=body.get("url", row.url),
            events=json.dumps(sorted(body["events"])) if "events" in body else row.events,
            description=body.get("description", row.description),
        )
        row = await deliveries.switched(unit, row, is_wanted=body.get("enabled"), now=ctx.now_text)
        await webhooks.change(unit, row)
        await auditing.record(
            replace(ctx, db=unit), "webhook.updated", target=webhook_id, before=_shown(before), after=_shown(row)
        )
        return row

    return webhook_response(await ctx.service.sending.write(ctx.tenant, update), ctx.now_text)


async def remove_webhook(ctx: Context, webhook_id: str) -> None:
    """Delete an endpoint, with what was to be sent to it."""
    row = await found(ctx.db, webhook_id)
    if not await webhooks.remove(ctx.db, webhook_id):
        raise WebhookNotFound()
    await auditing.record(ctx, "webhook.removed", target=webhook_id, before=_shown(row))


async def rotate_webhook_secret(ctx: Context, webhook_id: str, body: dict[str, Any] | None) -> View:
    """Give an endpoint another secret and show it, this once."""
    row = await found(ctx.db, webhook_id)
    asked = (body or {}).get("overlap")
    until = to_text(ctx.now + (OVERLAP if asked is None else _overlap(asked)))
    secret = mint_secret()
    await webhooks.rotate(ctx.db, webhook_id, sealed=ctx.service.sending.seal(webhook_id, secret), until=until)
    await auditing.record(ctx, "webhook.secret_rotated", target=webhook_id, after={"previous_secret_until": until})
    row = row._replace(previous_secret=row.sealed_secret, previous_until=until)
    return {**webhook_response(row, ctx.now_text), "secret": secret}


@commits_itself
async def test_webhook(ctx: Context, webhook_id: str) -> View:
    """Send a test to an endpoint; no transaction is open meanwhile."""
    await found(ctx.db, webhook_id)
    await ctx.db.pause()

    async def note(unit: UnitOfWork) -> WebhookRow:
        row = await found(unit, webhook_id)
        await auditing.record(replace(ctx, db=unit), "webhook.tested", target=webhook_id)
        return row

    row = await ctx.service.sending.write(ctx.tenant, note)
    return test_response(await ctx.service.sending.test(row))


async def found(unit: UnitOfWork, webhook_id: str) -> WebhookRow:
    """The endpoint. Raises WebhookNotFound."""
    row = await webhooks.find(unit, webhook_id)
    if row is None:
        raise WebhookNotFound()
    return row


def _require_sendable(ctx: Context, url: str) -> None:
    fault = ctx.service.sending.fault(url)
    if fault is not None:
        raise ValidationFailed([Violation("url", fault, {}, url)])


def _shown(row: WebhookRow) -> View:
    """What the trail says of an endpoint: of its URL the host, of what people wrote nothing."""
    return {"host": urlsplit(row.url).hostname, "events": row.types, "enabled": row.disabled_at is None}


def _overlap(text: str) -> timedelta:
    """A duration of the body. Raises ValidationFailed for one that is too long."""
    try:
        return parse_duration(text)
    except DurationTooLong:
        limit = {"limit": format_duration(MAX_DURATION)}
        raise ValidationFailed([Violation("overlap", "maximum", limit, text)]) from None
