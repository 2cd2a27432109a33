"""What follows from an attempt: when the event is sent again, and whether the endpoint is sent anything at all."""

import json
from collections.abc import Collection
from datetime import datetime, timedelta

from sojourn.domain.clock import Instant, to_text
from sojourn.domain.webhooks import Attempt, DisabledBecause, wait_after
from sojourn.storage.queries.deliveries import DeliveryRow
from sojourn.storage.queries.webhooks import WebhookRow

KEPT_ATTEMPTS = 20
_LONGEST_PAUSE = timedelta(seconds=60)


def after_attempt(
    delivery: DeliveryRow, attempt: Attempt, *, now: datetime, draw: float, final: Collection[int] = ()
) -> tuple[DeliveryRow, DisabledBecause | None]:
    """The delivery as it is stored after an attempt, and why the endpoint is disabled by it, where it is.

    After a status of `final` it is given up, and the endpoint goes on.
    """
    tries = delivery.tries + 1
    known = [*json.loads(delivery.attempts or "[]"), _written(attempt)][-KEPT_ATTEMPTS:]
    noted = delivery._replace(tries=tries, attempts=json.dumps(known, separators=(",", ":")), due_at=None)
    if attempt.was_delivered:
        return noted._replace(delivered_at=to_text(now)), None
    if attempt.outcome == "gone":
        return noted, "gone"
    if attempt.status in final:
        return noted, None
    wait = wait_after(tries, draw=draw, asked=attempt.asked)
    return (noted, "failing") if wait is None else (noted._replace(due_at=to_text(now + wait)), None)


def given_up(delivery: DeliveryRow) -> DeliveryRow:
    """The delivery of an event that is not kept any more."""
    return delivery._replace(due_at=None)


def pause_after(failures: int) -> timedelta:
    """How long nothing is sent to an endpoint after so many rounds in which nothing could be delivered."""
    return min(timedelta(seconds=2 ** min(failures - 1, 10)), _LONGEST_PAUSE)


def is_held(row: WebhookRow, *, now: Instant, latest: Instant) -> bool:
    """Whether nothing is sent to an endpoint now. What is held beyond `latest` was so by a clock that was ahead."""
    return row.held_until is not None and now < row.held_until <= latest


def _written(attempt: Attempt) -> dict[str, object]:
    said: dict[str, object] = {"at": attempt.at, "outcome": attempt.outcome, "duration_ms": attempt.duration_ms}
    return said if attempt.status is None else {**said, "status": attempt.status}
