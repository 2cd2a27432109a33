"""What a set of differences requires of a release: which version it needs, and what the changelog must say."""

import re
from collections.abc import Iterable

from sojourn.openapi.changes.differences import Difference, Kind

_SECTION = re.compile(r"^## Unreleased$(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_CONTRACT = re.compile(r"^### Contract$(.*?)(?=^###? |\Z)", re.MULTILINE | re.DOTALL)


def breaks_its_word(differences: Iterable[Difference], old: tuple[int, ...], *, new: tuple[int, ...]) -> bool:
    """Whether something breaks although the major version stayed."""
    return new[0] <= old[0] and any(difference.kind is Kind.BREAKING for difference in differences)


def least_version(differences: Iterable[Difference], old: tuple[int, ...]) -> tuple[int, ...]:
    """The smallest version that a release with these differences may have (Semantic Versioning 2.0.0)."""
    major, minor, patch = old
    kind = max((difference.kind for difference in differences), default=None)
    if kind is Kind.BREAKING:
        return major + 1, 0, 0
    if kind is Kind.ADDITIVE:
        return major, minor + 1, 0
    return (major, minor, patch + 1) if kind is Kind.CLARIFICATION else old


def unsaid(differences: Iterable[Difference], changelog: str) -> list[Kind]:
    """The kinds of difference that the changelog's section Unreleased, under Contract, has no line for."""
    section = _SECTION.search(changelog)
    contract = _CONTRACT.search(section[1]) if section else None
    text = contract[1] if contract else ""
    kinds = sorted({difference.kind for difference in differences}, reverse=True)
    return [kind for kind in kinds if not re.search(rf"^- {kind}:", text, re.MULTILINE | re.IGNORECASE)]
