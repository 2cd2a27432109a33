"""The numbers of a page, and the contradictions between them."""

import math
from typing import Any


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
