"""A run of generated requests that reached nothing does not pass."""

from collections.abc import Callable
from typing import Any

import pytest

from sojourn.conformance.fuzzing.gate import unfollowed_links, unreached_operations
from sojourn.conformance.fuzzing.runner import Run


@pytest.mark.parametrize("gate", [unreached_operations, unfollowed_links])
def test_a_run_that_reached_nothing_does_not_pass_the_gate(gate: Callable[..., Any]) -> None:
    silent = Run(0, "", {"complete": True}, [])
    contract = {
        "paths": {"/a": {"get": {"operationId": "a", "responses": {"200": {"links": {"next": {}}}}}}},
    }

    assert gate([silent], contract)
