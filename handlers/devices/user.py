"""Trusted devices, as their users and administrators see them."""

from typing import Any

from sojourn.domain.clock import to_text
from sojourn.domain.device_trust import trusted_until
from sojourn.domain.ids import mint, session_key
from sojourn.handlers import auditing
from sojourn.handlers.context import Context
from sojourn.handlers.devices.service import list_trusted_devices
from sojourn.handlers.tenancy import require_provisioned_tenant
from sojourn.handlers.views.envelopes import View, simple_response
from sojourn.storage.queries import sessions, trusted_devices
from sojourn.storage.queries.session_rows import DeviceFacts
from sojourn.storage.queries.trusted_devices import NewTrustedDevice


async def list_own_trusted_devices(ctx: Context, page: int, page_size: int) -> View:
    """One page of the devices that the caller trusts now, newest first."""
    return await list_trusted_devices(ctx, ctx.caller.id, page, page_size)


async def list_user_trusted_devices(ctx: Context, user_id: str, page: int, page_size: int) -> View:
    """The same for any user of the tenant."""
    return await list_trusted_devices(ctx, user_id, page, page_size)


async def trust_own_device(ctx: Context, body: dict[str, Any]) -> View:
    """Trust a device of the caller for the trust window; trusting it again starts the window anew."""
    await require_provisioned_tenant(ctx)
    limits = ctx.service.limits
    facts = await _facts(ctx, body["device_fingerprint"])
    device = NewTrustedDevice(
        id=mint("dev", ctx.now),
        user_id=ctx.caller.id,
        device_fingerprint=body["device_fingerprint"],
        device_name=body.get("device_name"),
        device_type=facts.device_type,
        browser=facts.browser,
        os=facts.os,
        ip=facts.ip,
        created_at=ctx.now_text,
        trusted_until=to_text(trusted_until(ctx.now, ctx.service.device_trust_window)),
    )
    await trusted_devices.trust(
        ctx.db, device, now=ctx.now_text, limit=limits.trusted_devices, tenant_limit=limits.tenants
    )
    return simple_response("device trusted", ctx.now_text)


async def untrust_own_device(ctx: Context, device_id: str) -> View:
    """Forget one device of the caller. Forgetting an unknown one, or somebody else's, changes nothing."""
    return _removed(ctx, await trusted_devices.remove(ctx.db, device_id, now=ctx.now_text, user_id=ctx.caller.id))


async def remove_trusted_device(ctx: Context, device_id: str) -> View:
    """Forget one device of any user of the tenant. Forgetting an unknown one changes nothing."""
    was_there = await trusted_devices.remove(ctx.db, device_id, now=ctx.now_text)
    await auditing.record(ctx, "trusted_device.removed", target=device_id, after={"was_there": was_there})
    return _removed(ctx, was_there)


async def _facts(ctx: Context, device_fingerprint: str) -> DeviceFacts:
    """What the caller's session says of the device, if it runs on that one."""
    key = session_key(ctx.caller.session_id or "")
    facts = await sessions.device_of(ctx.db, key) if key is not None else None
    if facts is None or facts.device_fingerprint != device_fingerprint:
        return DeviceFacts(device_fingerprint=device_fingerprint, device_type=None, browser=None, os=None, ip=None)
    return facts


def _removed(ctx: Context, was_there: bool) -> View:
    return simple_response(f"{int(was_there)} trusted devices removed", ctx.now_text)
