"""The audit trail of the caller's tenant, read."""

from sojourn.handlers.context import Context, reads_at_length
from sojourn.handlers.tenancy import require_tenant
from sojourn.handlers.views.audit import audit_record
from sojourn.handlers.views.envelopes import View
from sojourn.storage.queries import audit


@reads_at_length
async def list_audit_records(
    ctx: Context, after: str | None, limit: int, *, action: str | None, actor: str | None
) -> View:
    """Records of the tenant's trail, oldest first, those behind the cursor `after`."""
    await require_tenant(ctx)
    last = int(after or "0")
    rows = await audit.chosen(ctx.db, after=last, limit=limit + 1, action=action, actor=actor)
    shown = rows[:limit]
    if shown:
        last = shown[-1]["position"]
    return {"items": [audit_record(row) for row in shown], "next_cursor": str(last), "has_more": len(rows) > limit}
