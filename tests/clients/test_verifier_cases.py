"""The Python verifier comes to the verdicts of `clients/cases`, as the server does."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from sojourn_verify.judgement import Terms, is_ours, is_whole, judge
from sojourn_verify.outcomes import refusal
from sojourn_verify.refusals import Refusals

CASES = Path(__file__).parents[2] / "clients/cases"


def cases() -> list[Any]:
    found = []
    for file in sorted(CASES.glob("*.json")):
        of_file = json.loads(file.read_text("utf-8"))
        for case in of_file["cases"]:
            found.append(pytest.param(of_file["base"], case, id=f"{file.stem}: {case['name']}"))
    return found


def merged(base: dict[str, Any], case: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in (base[name] | case.get(name, {})).items() if value is not None}


@pytest.mark.parametrize(("base", "case"), cases())
def test_the_verifier_comes_to_the_verdict_of_the_case(base: dict[str, Any], case: dict[str, Any]) -> None:
    header, claims, settings, known = (merged(base, case, name) for name in ("header", "claims", "settings", "known"))
    refusals = Refusals(tenants=known.get("tenants"))
    for item in known["items"]:
        refusals.take_item(item)
    now = datetime.fromisoformat(case.get("now", base["now"])).timestamp()
    terms = Terms(settings["audience"], settings["leeway"], settings.get("tenant"))

    is_signed = is_ours(header) and is_whole(claims) and header["kid"] in known["keys"]
    if is_signed:
        reason = judge(header["kid"], claims, known=refusals, terms=terms, now=now)
    else:
        reason = "key_retired" if is_ours(header) and header["kid"] in refusals.keys else "invalid_token"

    verdict = case["verdict"]
    assert (reason or "good") == verdict.get("reason", verdict["verdict"])
    if verdict["verdict"] == "refused":
        assert refusal(verdict["reason"]).reason == verdict["reason"]


def test_there_is_a_class_of_its_own_for_what_an_application_does_differently() -> None:
    names = ["invalid_token", "expired", "tenant_mismatch", "audience_mismatch", "session_revoked", "assurance_raised"]

    assert len({type(refusal(name)) for name in names}) == len(names)
    assert type(refusal("a reason of a later release")) is type(refusal("session_revoked"))
