"""The numbers of a page, and the contradictions between them."""

import math
from typing import Any


def step_violations(answer: dict[str, Any], asked: dict[str, str]) -> list[str]:
    """What does not add up in a step of a walk by cursor, or in a list whose rows nobody counted."""
    info, items = answer["pagination"], answer["items"]
    found = []
    if len(items) > info["page_size"]:
        found.append(f"{len(items)} items, where {info['page_size']} were asked for")
    if answer["total"] != info["total"]:
        found.append(f"total is {answer['total']} and {info['total']}")
    if asked.keys() & {"limit", "cursor"} and info["has_next"] != ("next_cursor" in info):
        found.append(f"has_next is {info['has_next']}, next_cursor is {info.get('next_cursor')!r}")
    if asked.get("limit", str(info["page_size"])) != str(info["page_size"]):
        found.append(f"page_size is {info['page_size']}, limit was {asked['limit']}")
    return found


def is_a_step(asked: dict[str, str]) -> bool:
    """Whether a request is for a step of a walk by cursor, or for a list without a count."""
    return bool(asked.keys() & {"limit", "cursor"}) or asked.get("count") == "none"


def page_violations(answer: dict[str, Any]) -> list[str]:
    """What does not add up in a list answer."""
    info, items = answer["pagination"], answer["items"]
    page, size, total = info["page"], info["page_size"], info["total"]
    pages = math.ceil(total / size) if size else 0
    left = max(0, min(size, total - (page - 1) * size))
    found = []
    for name, said, true in (
        ("total", answer["total"], total),
        ("total_pages", info["total_pages"], pages),
        ("has_next", info["has_next"], page < pages),
        ("has_prev", info["has_prev"], page > 1 and total > 0),
        ("the number of items", len(items), left),
    ):
        if said != true or type(said) is not type(true):
            found.append(f"{name} is {said!r}, should be {true!r}")
    return found
