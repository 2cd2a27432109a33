"""A long list in an answer is checked and written in parts, and comes out as if it had not been."""

import asyncio
from typing import Any

import pytest

from sojourn.pipeline.responses import AT_ONCE, parts_of, to_json, to_json_in_turns

VIEWS: list[Any] = [
    {},
    [],
    {"items": []},
    {"items": list(range(AT_ONCE))},
    {"items": list(range(AT_ONCE + 1)), "total": AT_ONCE + 1},
    {"a": [{"é": n} for n in range(3 * AT_ONCE)], 'b"': None, "c": [[n] for n in range(AT_ONCE + 7)], "d": {"e": []}},
]


@pytest.mark.parametrize("view", VIEWS)
def test_an_answer_written_in_turns_is_the_same_text(view: Any) -> None:
    assert asyncio.run(to_json_in_turns(view)) == to_json(view)


@pytest.mark.parametrize("view", VIEWS)
def test_the_parts_of_an_answer_hold_every_item_and_every_other_member(view: Any) -> None:
    parts = list(parts_of(view))

    if not isinstance(view, dict):
        assert parts == [view]
        return
    for name, value in view.items():
        if isinstance(value, list) and len(value) > AT_ONCE:
            assert [item for part in parts for item in part[name]] == value
            assert all(len(part[name]) <= AT_ONCE for part in parts)
        else:
            assert all(part[name] == value for part in parts)
