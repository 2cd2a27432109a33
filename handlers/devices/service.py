"""Trusted devices, as internal services see them."""

from typing import Any

from sojourn.domain.clock import to_text
from sojourn.domain.device_trust import trusted_until
from sojourn.domain.ids import mint
from sojourn.domain.paging import Page
from sojourn.handlers.context import Context
from sojourn.handlers.tenancy import require_provisioned_tenant
from sojourn.handlers.views.devices import trusted_device_response
from sojourn.handlers.views.envelopes import View, list_response, simple_response
from sojourn.storage.queries import trusted_devices
from sojourn.storage.queries.trusted_devices import NewTrustedDevice


async def list_trusted_devices(ctx: Context, user_id: str, page: int, page_size: int) -> View:
    """One page of the devices that the user trusts now, newest first."""
    wanted = Page(page, page_size)
    rows, total = await trusted_devices.list_trusted(ctx.db, user_id, now=ctx.now_text, page=wanted)
    return list_response([trusted_device_response(row) for row in rows], total, page=wanted, now=ctx.now_text)


async def trust_device(ctx: Context, body: dict[str, Any]) -> View:
    """Trust a device for the trust window; trusting it again starts the window anew."""
    await require_provisioned_tenant(ctx)
    limits = ctx.service.limits
    device = NewTrustedDevice(
        id=mint("dev", ctx.now),
        user_id=body["user_id"],
        device_fingerprint=body["device_fingerprint"],
        device_name=body.get("device_name"),
        device_type=body.get("device_type"),
        browser=body.get("browser"),
        os=body.get("os"),
        ip=body.get("ip"),
        created_at=ctx.now_text,
        trusted_until=to_text(trusted_until(ctx.now, ctx.service.device_trust_window)),
    )
    return trusted_device_response(
        await trusted_devices.trust(
            ctx.db, device, now=ctx.now_text, limit=limits.trusted_devices, tenant_limit=limits.tenants
        )
    )


async def untrust_device(ctx: Context, device_fingerprint: str, user_id: str | None) -> View:
    """Forget a device, of one user or of all who trust it. Forgetting an unknown one changes nothing."""
    count = await trusted_devices.untrust(ctx.db, device_fingerprint, user_id=user_id, now=ctx.now_text)
    return simple_response(f"{count} trusted devices removed", ctx.now_text)
