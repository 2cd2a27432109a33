"""The bits of a Token Status List, held against the vectors of the draft (version 20, section 4 and appendix)."""

import json
import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from sojourn.domain.ids import SessionKey, uuid7
from sojourn.domain.status_lists import INVALID, SIZE, SUSPENDED, compressed, encoded, place, retires_at, week_of

VECTORS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "status_list_vectors.json").read_text())


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector['bits']} bits, {vector['size']} places")
def test_a_list_is_what_the_draft_says(vector: dict[str, Any]) -> None:
    statuses = {int(index): status for index, status in vector["statuses"].items()}

    assert encoded(statuses, size=vector["size"], bits=vector["bits"]) == vector["lst"]


def test_a_million_sessions_of_which_a_hundredth_ended_need_less_than_twenty_kilobytes() -> None:
    dice = random.Random(7)
    ended = dict.fromkeys(dice.sample(range(1_000_000), 10_000), INVALID) | {1: SUSPENDED}

    assert len(compressed(ended)) <= 16_000
    assert len(encoded(ended)) <= 20_000


def test_no_two_sessions_have_the_same_place() -> None:
    """A Feistel network is a permutation: tried for a stretch, and for positions from everywhere."""
    secret = b"0123456789abcdef"
    dice = random.Random(7)
    positions = {*range(20_000), *range(SIZE - 1000, SIZE), *dice.sample(range(SIZE), 20_000)}
    places = {place(secret, position) for position in positions}

    assert len(places) == len(positions)
    assert min(places) >= 0
    assert max(places) < SIZE


def test_a_place_does_not_tell_what_came_before_it() -> None:
    """Sessions that follow each other are spread over the list, and otherwise in each list."""
    secret, other = b"0123456789abcdef", b"fedcba9876543210"
    places = [place(secret, position) for position in range(4000)]
    eighths = [sum(index * 8 // SIZE == eighth for index in places) for eighth in range(8)]

    assert all(400 < count < 600 for count in eighths)
    assert sum(later > earlier for earlier, later in pairwise(places)) in range(1850, 2150)
    assert sum(place(other, position) == index for position, index in enumerate(places)) < 5


@pytest.mark.parametrize(
    ("began", "week"),
    [
        ("2026-04-13T00:00:00.000Z", "2026-04-13"),
        ("2026-04-19T23:59:59.999Z", "2026-04-13"),
        ("2026-04-20T00:00:00.000Z", "2026-04-20"),
        ("2027-01-01T12:00:00.000Z", "2026-12-28"),
    ],
)
def test_a_session_stands_in_the_list_of_the_week_it_began_in(began: str, week: str) -> None:
    assert week_of(SessionKey(uuid7(datetime.fromisoformat(began)))) == week


def test_a_list_goes_when_the_last_session_of_its_week_is_over() -> None:
    assert retires_at("2026-04-13", timedelta(hours=24)) == datetime(2026, 4, 21, tzinfo=UTC)
