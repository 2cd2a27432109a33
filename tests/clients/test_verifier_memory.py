"""What the Python verifier keeps in mind takes little: bytes are counted, as they come from the service's JSON."""

import json
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from sojourn_verify.refusals import Refusals

COUNT = 10_000
MOST_BYTES = 5_000_000
NOW = 1_776_000_000.0
LATER = "2026-04-12T13:35:00.000Z"
"""A quarter of an hour after `NOW`."""


def _item(number: int) -> dict[str, Any]:
    key = f"sess_01968a3c-5c00-7000-8000-{number:012x}"
    return {"kind": "session", "tenant_id": "acme", "session_id": key, "forget_at": LATER, "reason_code": "signed_out"}


def _event(number: int) -> dict[str, Any]:
    key = f"sess_01968a3c-5c00-7000-8000-{number:012x}"
    data = {"session_id": key, "reason_code": "signed_out", "tokens_valid_until": LATER, "user_id": f"usr_{number}"}
    return {"type": "session.ended", "tenant_id": "acme", "occurred_at": LATER, "data": data}


@pytest.mark.parametrize(
    ("one", "take"),
    [
        (_item, Refusals.take_item),
        (_event, lambda refusals, event: refusals.take_event(event, now=NOW)),
    ],
    ids=["a snapshot", "events"],
)
def test_ten_thousand_refusals_take_less_than_five_megabytes_and_go_when_their_time_is_over(
    one: Callable[[int], dict[str, Any]], take: Callable[[Refusals, Any], None]
) -> None:
    texts = [json.dumps(one(number)) for number in range(COUNT)]
    refusals = Refusals()
    tracemalloc.start()
    try:
        for text in texts:
            take(refusals, json.loads(text))
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert len(refusals) == COUNT
    assert 500_000 < used < MOST_BYTES, "that all of it is counted, and how much it is"
    refusals.forget(NOW)
    assert len(refusals) == COUNT
    refusals.forget(NOW + 3600)
    assert len(refusals) == 0
