"""The linters find nothing in the contract, and would find something."""

import copy
import json
from pathlib import Path

import pytest

from openapi.lint.__main__ import TOOLS, redocly, spec_validator, spectral
from openapi.loader import bundle_json
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
def test_redocly_and_spectral_find_nothing_in_the_contract(tmp_path: Path) -> None:
    document = tmp_path / "openapi.json"
    document.write_bytes(bundle_json(bundle()))

    assert (redocly(document), spectral(document)) == ("", "")


@needs_node
def test_redocly_finds_what_is_wrong_in_a_broken_contract(broken: Path) -> None:
    found = redocly(broken)

    assert "operation-summary" in found
    assert "no-invalid-media-type-examples" in found


@needs_node
def test_spectral_finds_what_is_wrong_in_a_broken_contract(broken: Path) -> None:
    found = spectral(broken)

    assert "operation-description" in found
    assert "oas3-valid-media-example" in found


def test_the_spec_validator_finds_what_is_wrong_in_a_broken_contract() -> None:
    document = copy.deepcopy(bundle())
    del document["paths"]["/health/live"]["get"]["responses"]

    assert spec_validator(bundle()) == ""
    assert "responses" in spec_validator(document)
