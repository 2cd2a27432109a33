"""Which events a request asks for, and from where on."""

from sojourn.domain.cursors import Cursor, read_cursor
from sojourn.domain.ids import TenantId
from sojourn.handlers.context import Context
from sojourn.handlers.feed import Wanted


def wanted_events(ctx: Context, x_tenant_id: str | None, *, types: str | None) -> Wanted:
    """The tenant that the request names, else those of the API key."""
    of = frozenset({x_tenant_id}) if x_tenant_id is not None else ctx.caller.tenants
    tenants = None if of is None else tuple(TenantId(name) for name in sorted(of))
    return Wanted(tenants, frozenset() if types is None else frozenset(types.split(",")))


def cursor_of(text: str | None) -> Cursor | None:
    """The cursor that a request names. The contract has refused what is none."""
    return None if text is None else read_cursor(text)
