"""API keys and tenants, managed over HTTP by whoever holds an API key with the scope `manage`.

A key that is limited to tenants manages what is limited to those: it cannot make a key that may do more than itself.
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sojourn.domain.api_keys import mint_api_key, mint_secret_of
from sojourn.domain.clock import to_text
from sojourn.domain.durations import MAX_DURATION, DurationTooLong, format_duration, parse_duration
from sojourn.domain.errors import ApiKeyNotFound, TenantExists, TenantNotAllowed, ValidationFailed, Violation
from sojourn.domain.ids import TenantId
from sojourn.handlers import auditing
from sojourn.handlers.context import Context
from sojourn.handlers.views.envelopes import View
from sojourn.handlers.views.keys import api_key_response, cursor_list, tenant_response
from sojourn.storage.queries import api_keys, tenants
from sojourn.storage.queries.api_keys import ApiKeyRow
from sojourn.storage.queries.tenants import TenantRow

OVERLAP = timedelta(hours=24)
"""How long a secret stays good after its rotation, where nobody says otherwise."""
_SHORTEST = timedelta(seconds=1)
_READ_AT_ONCE = 500


async def list_api_keys(ctx: Context, after: str | None, limit: int) -> View:
    """The stored keys that the caller's key may manage, oldest first."""
    found: list[ApiKeyRow] = []
    last = after or ""
    while len(found) <= limit:
        page = await api_keys.keys_after(ctx.db.system(), last, limit=_READ_AT_ONCE)
        found += [row for row in page if _covers(ctx, row.tenants)]
        if len(page) < _READ_AT_ONCE:
            break
        last = page[-1].id
    return cursor_list([api_key_response(row, ctx.now_text) for row in found], limit=limit, cursor="id")


async def create_api_key(ctx: Context, body: dict[str, Any]) -> View:
    """Make a key and show it, this once."""
    wanted = body.get("tenants")
    if not _covers(ctx, wanted):
        raise TenantNotAllowed()
    lifetime = None if "expires_in" not in body else _duration("expires_in", body["expires_in"], least=_SHORTEST)
    minted = mint_api_key(ctx.now)
    row = ApiKeyRow(
        id=minted.id,
        name=body["name"],
        secret_hash=minted.secret_hash,
        tenants=None if wanted is None else sorted(wanted),
        created_at=ctx.now_text,
        expires_at=None if lifetime is None else to_text(ctx.now + lifetime),
        scopes=sorted(body["scopes"]) if "scopes" in body else None,
    )
    await api_keys.add(ctx.db.system(), row)
    view = api_key_response(row, ctx.now_text)
    await auditing.record_of_service(ctx, "api_key.created", target=row.id, of_tenants=row.tenants, after=_shown(view))
    return {**view, "key": minted.text}


async def rotate_api_key(ctx: Context, key_id: str, body: dict[str, Any] | None) -> View:
    """Give a key another secret and show the key, this once."""
    row = await _managed(ctx, key_id)
    asked = (body or {}).get("overlap")
    overlap = OVERLAP if asked is None else _duration("overlap", asked)
    minted = mint_secret_of(key_id)
    until = to_text(ctx.now + overlap)
    if not await api_keys.rotate(
        ctx.db.system(), key_id, secret_hash=minted.secret_hash, previous_until=until, now=ctx.now_text
    ):
        raise ApiKeyNotFound()
    after = {"previous_secret_until": until}
    await auditing.record_of_service(ctx, "api_key.rotated", target=key_id, of_tenants=row.tenants, after=after)
    return {**api_key_response(replace(row, previous_until=until), ctx.now_text), "key": minted.text}


async def revoke_api_key(ctx: Context, key_id: str) -> None:
    """End a key. One that was revoked stays as it is."""
    row = await _managed(ctx, key_id)
    if await api_keys.revoke(ctx.db.system(), key_id, now=ctx.now_text):
        before = _shown(api_key_response(row, ctx.now_text))
        await auditing.record_of_service(ctx, "api_key.revoked", target=key_id, of_tenants=row.tenants, before=before)


async def list_tenants(ctx: Context, after: str | None, limit: int) -> View:
    """The tenants that the caller's key covers, by id."""
    system, limited = ctx.db.system(), ctx.caller.tenants
    if limited is None:
        rows = await tenants.tenants_after(system, after or "", limit=limit + 1)
    else:
        rows = []
        for tenant_id in sorted(one for one in limited if one > (after or "")):
            row = await tenants.find(system, tenant_id)
            rows += [] if row is None else [row]
            if len(rows) > limit:
                break
    return cursor_list([tenant_response(row) for row in rows], limit=limit, cursor="tenant_id")


async def create_tenant(ctx: Context, body: dict[str, Any]) -> View:
    """Make a tenant by hand."""
    row = TenantRow(TenantId(body["tenant_id"]), body.get("name"), ctx.now_text)
    if not _covers(ctx, [row.id]):
        raise TenantNotAllowed()
    if not await tenants.add(ctx.db.system(), row.id, name=row.name, now=ctx.now_text):
        raise TenantExists()
    after = {"name": row.name}
    await auditing.record_of_service(ctx, "tenant.created", target=row.id, of_tenants=[row.id], after=after)
    return tenant_response(row)


def _covers(ctx: Context, wanted: Collection[str] | None) -> bool:
    """Whether the caller's key is good for all of these tenants; None are all there are."""
    limited = ctx.caller.tenants
    return limited is None or (wanted is not None and limited.issuperset(wanted))


async def _managed(ctx: Context, key_id: str) -> ApiKeyRow:
    row = await api_keys.find(ctx.db.system(), key_id)
    if row is None or not _covers(ctx, row.tenants):
        raise ApiKeyNotFound()
    return row


def _shown(view: View) -> View:
    """What the trail says of a key: all but the name, which people wrote."""
    return {name: view[name] for name in ("scopes", "tenants", "expires_at") if name in view}


def _duration(field: str, text: str, *, least: timedelta = timedelta(0)) -> timedelta:
    """A duration of the body. Raises ValidationFailed for one that is too long or too short."""
    try:
        span = parse_duration(text)
    except DurationTooLong:
        raise ValidationFailed([Violation(field, "maximum", {"limit": format_duration(MAX_DURATION)}, text)]) from None
    if span < least:
        raise ValidationFailed([Violation(field, "minimum", {"limit": format_duration(least)}, text)])
    return span
