"""The lists of the five reads, from reads alone: pages, walks, and that two lists tell the same of one session."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from sojourn.conformance.chapters.reading import PAGED, maximum, takes
from sojourn.conformance.chapters.seed import NOBODY, ask, some_users, statistics, steady
from sojourn.conformance.checks import NotApplicable, check
from sojourn.conformance.world import World, expect

MOST_ROWS = 60
"""A list is walked in single rows up to so many."""


@check(
    "SED-023",
    "The pages of a list together MUST be the whole list, in its order, whatever their size.",
    source="the seed pages, pagination",
    profile="seed",
)
@pytest.mark.parametrize("seed_operation", PAGED)
def test_the_pages_of_a_list_are_the_whole(world: World, seed_operation: str) -> None:
    if not takes(world, seed_operation, page="1"):
        raise NotApplicable("the list has no pages")
    largest = maximum(world, seed_operation, name="page_size")
    for user in [*some_users(world), NOBODY]:

        def read(user: str = user) -> Iterator[str]:
            whole = expect(ask(world, seed_operation, user=user, page=1, page_size=largest), 200).json
            yield from ids_differ(
                whole["items"], [ask(world, seed_operation, user=user).json["items"]], what="no page named"
            )
            for size in (1, 2, 3, max(1, len(whole["items"]) - 1)):
                if len(whole["items"]) > MOST_ROWS * size:
                    continue
                pages = [
                    expect(ask(world, seed_operation, user=user, page=number, page_size=size), 200).json["items"]
                    for number in range(1, len(whole["items"]) // size + 3)
                ]
                yield from ids_differ(whole["items"], pages, what=f"pages of {size}")

        steady(read)


def ids_differ(whole: list[dict[str, Any]], pages: list[list[dict[str, Any]]], *, what: str) -> Iterator[str]:
    """What is wrong with pages of a list; a whole that is longer than a page of no name is cut."""
    found = [row for page in pages for row in page]
    wanted = whole[: len(found)] if what == "no page named" and len(whole) > len(found) else whole
    if found != wanted:
        yield f"{what}: {len(found)} rows are not the {len(wanted)} of the whole list"
    if what == "no page named" and whole and not found:
        yield f"{what}: nothing of {len(whole)}"


@check(
    "SED-024",
    "All sessions, walked with `limit` and `cursor`, MUST be the rows of the whole list, whatever the limit.",
    source="the contract, list_all_sessions",
    profile="seed",
)
def test_all_sessions_are_walked(world: World) -> None:
    if not takes(world, "list_all_sessions", limit="1"):
        raise NotApplicable("the list has no limit")
    largest = maximum(world, "list_all_sessions", name="limit")

    def read() -> Iterator[str]:
        plain = expect(ask(world, "list_all_sessions"), 200).json
        whole = expect(ask(world, "list_all_sessions", limit=largest), 200).json
        rows = whole["sessions"]
        if plain["total"] != whole["total"] or plain["sessions"] != rows[: len(plain["sessions"])]:
            yield "with the largest limit it is another list"
        if len(plain["sessions"]) < min(plain["total"], 100):
            yield f"{len(plain['sessions'])} rows of {plain['total']} without a limit"
        for limit in (1, 3, max(1, len(rows) // 2)):
            yield from walk_differs(world, rows[: MOST_ROWS * limit], limit=limit, total=whole["total"])

    steady(read)


def walk_differs(world: World, rows: list[Any], *, limit: int, total: int) -> Iterator[str]:
    """What is wrong with a walk in steps of `limit` that should meet these rows."""
    seen: list[Any] = []
    known: dict[str, Any] = {"limit": limit}
    for _ in range(len(rows) // limit + 2):
        answer = expect(ask(world, "list_all_sessions", **known), 200).json
        seen += answer["sessions"]
        if answer["total"] != total:
            yield f"the total is {answer['total']} in a walk, {total} else"
        if not answer["sessions"] or len(seen) >= len(rows):
            break
        known["cursor"] = answer["sessions"][-1]["session_id"]
    if seen[: len(rows)] != rows:
        yield f"in steps of {limit} it is another list"


@check(
    "SED-025",
    "The sessions of a user's list MUST be those that the list of all shows of that user, and be counted by kind.",
    source="seed GET /internal/session/sessions/{user_id}, GET /api/sessions/all, GET /admin/sessions/stats",
    profile="seed",
)
def test_a_users_sessions_are_those_of_the_list_of_all(world: World) -> None:
    def read() -> Iterator[str]:
        everything = expect(ask(world, "list_all_sessions"), 200).json
        rows, kinds = everything["sessions"], Counter[str]()
        for user in some_users(world):
            listed = expect(ask(world, "list_user_sessions", user=user), 200).json
            mine = {item["id"].removeprefix("sess_"): item for item in listed["items"]}
            shown = {row["session_id"]: row for row in rows}
            kinds.update(item["device_type"] for item in mine.values() if "device_type" in item)
            there = [shown[key] for key in mine if key in shown]
            for key in set(mine) & set(shown):
                yield from row_differs(mine[key], shown[key])
            numbers = {row["user_id"] for row in there}
            if len(numbers) > 1:
                yield f"{user} has the numbers {sorted(numbers)} in the list of all"
            if len(rows) == everything["total"] and len(there) != listed["total"]:
                yield f"{user} has {listed['total']} sessions, of which the list of all shows {len(there)}"
            strangers = [row for row in rows if row["user_id"] in numbers and row["session_id"] not in mine]
            if strangers and listed["total"] == len(mine):
                yield f"the list of all shows {len(strangers)} more sessions of {user}"
            if len({row["username"] for row in there}) > 1:
                yield f"{user} has several names in the list of all"
        told = statistics(world)["device_breakdown"]
        for kind, count in kinds.items():
            if told.get(kind, 0) < count:
                yield f"{count} sessions on a {kind} are listed, the statistics count {told.get(kind, 0)}"

    steady(read)


def row_differs(item: dict[str, Any], row: dict[str, Any]) -> Iterator[str]:
    """What the two lists tell otherwise of one session; a row writes what is not known as an empty text."""
    for name, other, unknown in (
        ("created_at", "created_at", ""),
        ("expires_at", "expires_at", ""),
        ("last_active_at", "last_activity", ""),
        ("ip", "ip_address", ""),
        ("user_agent", "user_agent", ""),
        ("amr", "auth_method", "unknown"),
    ):
        if item.get(name, unknown) != row[other]:
            yield f"{name} of {item['id']} is {item.get(name)!r}, and {row[other]!r} in the list of all"
