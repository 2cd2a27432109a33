"""The checks as a body: each has an address of its own, a requirement with its source, and a place."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from sojourn.conformance import catalogue
from sojourn.conformance.checks import FEATURES, Check, check_of


def check_functions() -> list[Any]:
    """Every check of every chapter, as the function that it is."""
    return list(catalogue.functions())


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


def test_the_page_of_all_checks_is_what_they_say() -> None:
    written = Path("docs/conformance/CHECKS.md").read_text("utf-8")

    assert written == catalogue.page(), "run python -m sojourn.conformance.catalogue docs/conformance/CHECKS.md"


def test_the_list_of_checks_needs_no_server() -> None:
    command = [sys.executable, "-m", "sojourn.conformance", "--list"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.splitlines()

    assert [line[:7] for line in said[:-1]] == sorted(check.id for check in judged_checks())
    assert all(check.requirement in line for check, line in zip(sorted(judged_checks(), key=_id), said, strict=False))


def _id(check: Check) -> str:
    return check.id
