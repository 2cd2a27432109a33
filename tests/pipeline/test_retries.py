"""An Idempotency-Key in the contract promises what one transaction and one kept answer can hold, or is refused."""

from types import SimpleNamespace
from typing import Any

import pytest

from sojourn.handlers.context import commits_itself
from sojourn.pipeline.plans import promises_retries
from sojourn.pipeline.schemas import ContractError

KEY = {"name": "Idempotency-Key", "in": "header", "schema": {"type": "string"}}
GOOD: dict[str, Any] = {"201": {"content": {"application/json": {}}}, "422": {}}


async def handler() -> None:
    """A handler inside one transaction."""


@commits_itself
async def several() -> None:
    """A handler with transactions of its own."""


def operation(**changes: Any) -> Any:
    """What Connexion makes of an operation."""
    made = {"operation_id": "make_x", "method": "post", "function": handler, "parameters": [KEY], "responses": GOOD}
    return SimpleNamespace(**{**made, **changes})


def test_an_operation_with_the_header_keeps_its_answers_and_no_other() -> None:
    assert promises_retries(operation(), {})
    assert promises_retries(operation(responses={"204": {}, "422": {}}), {})
    assert not promises_retries(operation(parameters=[]), {})


@pytest.mark.parametrize(
    "changes",
    [
        {"method": "get"},
        {"function": several},
        {"responses": {"201": GOOD["201"]}},
        {"responses": {"200": {"content": {"text/html": {}}}, "422": {}}},
    ],
    ids=["reads only", "several transactions", "no 422", "not JSON"],
)
def test_a_promise_that_cannot_be_kept_is_refused_at_the_start(changes: dict[str, Any]) -> None:
    with pytest.raises(ContractError, match="make_x: an Idempotency-Key goes with one transaction"):
        promises_retries(operation(**changes), {})
