"""Whether the tenant of a request exists."""

from sojourn.domain.errors import TenantNotFound
from sojourn.handlers.context import Context
from sojourn.storage.queries import tenants


async def require_tenant(ctx: Context) -> None:
    """Raises TenantNotFound when the caller's tenant has no row."""
    if not await tenants.exists(ctx.db):
        raise TenantNotFound()


async def require_provisioned_tenant(ctx: Context) -> None:
    """The same for a write, where tenants are provisioned by hand; elsewhere a tenant is made on first use."""
    if ctx.service.tenants_provisioned:
        await require_tenant(ctx)
