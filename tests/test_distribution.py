"""How the tests are shared out: the longest files first, and no name of a file that is gone."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.distribution import APART, SECONDS, SHARES, left_out, longest_first

ROOT = Path(__file__).parents[1]


def test_every_file_that_is_named_is_there() -> None:
    assert [name for name in sorted(SECONDS.keys() | SHARES.keys() | APART) if not (ROOT / name).is_file()] == []


def test_a_long_file_comes_first_and_the_tests_of_each_stay_in_their_order() -> None:
    long = "tests/test_contributing.py"
    names = ["tests/a.py::one", "tests/b.py::one", "tests/b.py::two", f"{long}::one", f"{long}::two"]
    items: list[Any] = [SimpleNamespace(nodeid=name) for name in names]

    longest_first(items)

    assert [item.nodeid for item in items] == [*names[3:], *names[1:3], names[0]]


def test_of_a_file_that_is_sampled_about_its_share_is_drawn_and_the_same_with_each_seed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file, share = next(iter(SHARES.items()))
    items: list[Any] = [SimpleNamespace(nodeid=f"{file}::test[{number}]") for number in range(1000)]
    others: list[Any] = [SimpleNamespace(nodeid=f"tests/a.py::test[{number}]") for number in range(1000)]
    monkeypatch.delenv("TESTS_SAMPLED", raising=False)
    assert left_out([*items, *others]) == []

    monkeypatch.setenv("TESTS_SAMPLED", "yes")

    assert abs(len(left_out([*items, *others])) - 1000 * (1 - share)) < 60
    assert left_out(items) == left_out(items)
