"""What became of the events that an endpoint was sent, and how they are sent again."""

from typing import Any

from sojourn.domain.clock import read_instant, to_text
from sojourn.domain.errors import DeliveryNotFound, ValidationFailed, Violation
from sojourn.handlers import auditing
from sojourn.handlers.context import Context
from sojourn.handlers.views.envelopes import View
from sojourn.handlers.views.webhooks import FIRST_PAGE, delivery_list
from sojourn.handlers.webhooks.endpoints import found
from sojourn.storage.queries import deliveries


async def list_webhook_deliveries(
    ctx: Context, webhook_id: str, state: str | None, *, after: str | None, limit: int
) -> View:
    """Deliveries, newest first."""
    await found(ctx.db, webhook_id)
    before = FIRST_PAGE if after is None else int(after, 16)
    rows = await deliveries.listed(ctx.db, webhook_id, state=state, before=before, limit=limit + 1)
    return delivery_list(rows, limit=limit)


async def replay_webhook_deliveries(ctx: Context, webhook_id: str, body: dict[str, Any]) -> View:
    """Send one event again, or those of a period. Raises DeliveryNotFound, and ValidationFailed for neither or both.

    In the contract this would be a choice of two schemas, of which generators of clients make nothing usable.
    """
    row = await found(ctx.db, webhook_id)
    beside = sorted(body.keys() - {"delivery_id"})
    if "delivery_id" in body and beside:
        raise ValidationFailed([Violation("delivery_id", "not_beside", {"other": beside[0]}, body["delivery_id"])])
    if not {"delivery_id", "since"} & body.keys():
        raise ValidationFailed([Violation("since", "required")])
    if "delivery_id" in body:
        if not await deliveries.replay_one(ctx.db, webhook_id, delivery_id=body["delivery_id"], now=ctx.now_text):
            raise DeliveryNotFound()
        count = 1
    else:
        since = to_text(read_instant(body["since"]))
        until = to_text(read_instant(body["until"])) if "until" in body else ctx.now_text
        count = await deliveries.replay(ctx.db, row, since=since, until=until, now=ctx.now_text)
    await auditing.record(ctx, "webhook.replayed", target=webhook_id, after={**body, "deliveries": count})
    ctx.db.has_told()
    return {"deliveries": count}
