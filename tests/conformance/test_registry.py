"""The checks as a body: each has an address of its own, a requirement with its source, and a place."""

import importlib
import pkgutil
import re
from typing import Any

import sojourn.conformance.chapters
from sojourn.conformance.checks import FEATURES, Check, check_of


def check_functions() -> list[Any]:
    """Every check of every chapter, as the function that it is."""
    found: list[Any] = []
    for info in pkgutil.iter_modules(sojourn.conformance.chapters.__path__):
        if info.name == "conftest":
            continue
        module = importlib.import_module(f"sojourn.conformance.chapters.{info.name}")
        for name, value in vars(module).items():
            if name.startswith("test_") and value.__module__ == module.__name__:
                found.append(value)
    return found


def judged_checks() -> list[Check]:
    """What each of them is."""
    found = [check_of(function) for function in check_functions()]
    assert None not in found, "a test function of a chapter is no check"
    return [check for check in found if check is not None]


def test_every_check_has_an_address_of_its_own() -> None:
    ids = [check.id for check in judged_checks()]

    assert len(ids) == len(set(ids)) > 100
    assert [name for name in ids if not re.fullmatch(r"[A-Z]{3}-\d{3}", name)] == []


def test_every_requirement_is_a_sentence_with_a_must_and_a_source() -> None:
    for check in judged_checks():
        assert "MUST" in check.requirement, check.id
        assert check.requirement.endswith("."), check.id
        assert check.source, check.id
        assert check.feature is None or check.feature in FEATURES, check.id


def test_the_seed_profile_asks_for_nothing_but_a_key_and_a_token() -> None:
    assert [check.id for check in judged_checks() if check.profile == "seed" and check.needs] == []
