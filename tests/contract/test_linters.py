"""The linters find nothing in the contract, and would find something."""

import copy
import json
from pathlib import Path

import pytest

from sojourn.openapi.lint.__main__ import TOOLS, ToolFailed, main, redocly, spec_validator, spectral
from sojourn.openapi.lint.findings import Finding, Waiver, judge, waivers
from tests.contract.document import bundle

needs_node = pytest.mark.skipif(not TOOLS.exists(), reason="the linters are not installed; `npm ci` installs them")


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    document = copy.deepcopy(bundle())
    operation = document["paths"]["/health/live"]["get"]
    del operation["summary"]
    del operation["description"]
    operation["responses"]["200"]["content"]["application/json"]["examples"] = {"odd": {"value": {"status": 1}}}
    file = tmp_path / "broken.json"
    file.write_text(json.dumps(document), "utf-8")
    return file


@needs_node
def test_the_linters_find_nothing_that_is_not_waived_and_no_waiver_is_idle(
    capsys: pytest.CaptureFixture[str],
) -> None:
    status = main()

    said = capsys.readouterr()
    assert status == 0, said.out + said.err


@needs_node
def test_redocly_finds_what_is_wrong_in_a_broken_contract(broken: Path) -> None:
    found = rules(redocly(broken))

    assert {"operation-summary", "no-invalid-media-type-examples"} <= found


@needs_node
def test_spectral_finds_what_is_wrong_in_a_broken_contract(broken: Path) -> None:
    found = rules(spectral(broken))

    assert {"operation-description", "oas3-valid-media-example"} <= found


@needs_node
def test_the_owasp_rules_find_what_is_unsafe_in_a_broken_contract(tmp_path: Path) -> None:
    document = copy.deepcopy(bundle())
    del document["components"]["parameters"]["ProblemSlug"]["schema"]["maxLength"]
    file = tmp_path / "unsafe.json"
    file.write_text(json.dumps(document), "utf-8")

    found, _ = judge(spectral(file), waivers())

    assert [finding.rule for finding in found] == ["owasp:api4:2023-string-limit"]


@needs_node
def test_a_linter_that_breaks_is_not_taken_for_one_that_finds_nothing(tmp_path: Path) -> None:
    with pytest.raises(ToolFailed):
        spectral(tmp_path / "there-is-none.json")


def test_the_spec_validator_finds_what_is_wrong_in_a_broken_contract() -> None:
    document = copy.deepcopy(bundle())
    del document["paths"]["/health/live"]["get"]["responses"]

    assert spec_validator(bundle()) == []
    assert "responses" in str(spec_validator(document)[0])


def test_every_waiver_has_a_reason_and_covers_its_own_places_only() -> None:
    waiver = Waiver("spectral", "a-rule", ("#/paths/~1a/*",), "because")

    assert all(len(waiver.reason) > 40 for waiver in waivers())
    assert waiver.covers(Finding("spectral", "a-rule", "#/paths/~1a/get", "odd"))
    assert not waiver.covers(Finding("spectral", "a-rule", "#/paths/~1b/get", "odd"))
    assert not waiver.covers(Finding("spectral", "another-rule", "#/paths/~1a/get", "odd"))
    assert judge([], [waiver]) == ([], [waiver])


def rules(found: list[Finding]) -> set[str]:
    return {finding.rule for finding in found}
