"""Deprecations that the contract does not date, or does not declare, stop the server at start-up."""

from typing import Any

import pytest

from sojourn.pipeline.deprecations import compile_deprecations
from sojourn.pipeline.schemas import ContractError

GOOD = {"since": "2026-03-01T00:00:00Z", "sunset": "2027-03-01T12:30:00Z"}
SUCCESS = {"headers": {"Deprecation": {}, "Sunset": {}}}


def deprecated(**more: Any) -> dict[str, Any]:
    return {"deprecated": True, "x-deprecation": GOOD, **more}


def test_what_is_not_deprecated_costs_nothing() -> None:
    assert compile_deprecations("get_x", {}, parameters=[{"in": "query", "name": "page"}], success={}) is None


@pytest.mark.parametrize(
    "instants",
    [
        {},
        {"since": GOOD["since"]},
        {"since": "2026-03-01", "sunset": "2027-03-01"},
        {"since": "soon", "sunset": "later"},
        {"since": 2026, "sunset": 2027},
        {"since": GOOD["sunset"], "sunset": GOOD["since"]},
    ],
)
def test_a_deprecation_has_two_instants_in_order(instants: Any) -> None:
    with pytest.raises(ContractError, match="get_x: what is deprecated needs x-deprecation"):
        compile_deprecations("get_x", deprecated(**{"x-deprecation": instants}), parameters=[], success=SUCCESS)


def test_the_answer_declares_the_headers() -> None:
    with pytest.raises(ContractError, match="must declare the headers Sunset"):
        compile_deprecations("get_x", deprecated(), parameters=[], success={"headers": {"Deprecation": {}}})


def test_a_date_needs_something_to_date() -> None:
    with pytest.raises(ContractError, match="stands beside"):
        compile_deprecations("get_x", deprecated(deprecated=False), parameters=[], success=SUCCESS)


def test_a_part_of_a_path_cannot_go_alone() -> None:
    with pytest.raises(ContractError, match="goes with its operation"):
        compile_deprecations("get_x", {}, parameters=[deprecated(**{"in": "path", "name": "user_id"})], success=SUCCESS)
