"""Counts by a key that clients choose, with a bounded number of keys."""

from collections.abc import Mapping

MAX_KINDS = 1000
OTHER = "other"


def largest(numbers: Mapping[str, int], limit: int = MAX_KINDS) -> dict[str, int]:
    """`numbers` with at most `limit` keys: the largest, and `other` for the sum of the rest. Nothing is lost.

    A key that is called `other` already is part of it. Equal numbers are kept in the order of their keys.
    """
    if len(numbers) <= limit:
        return dict(numbers)
    ranked = sorted((key for key in numbers if key != OTHER), key=lambda key: (-numbers[key], key))
    kept = {key: numbers[key] for key in ranked[: limit - 1]}
    return kept | {OTHER: sum(numbers.values()) - sum(kept.values())}
