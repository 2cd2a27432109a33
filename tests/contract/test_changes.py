"""Change control: each difference from the last release is weighed for those who call, and a broken word is noticed."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sojourn.openapi.changes import __main__ as command
from sojourn.openapi.changes.differences import Difference, Kind
from sojourn.openapi.changes.operations import differences
from sojourn.openapi.changes.release import breaks_its_word, least_version, unsaid
from sojourn.openapi.loader import bundle_json
from tests.contract.document import bundle

BREAKING, ADDITIVE, CLARIFICATION = Kind.BREAKING, Kind.ADDITIVE, Kind.CLARIFICATION
Edit = Callable[[dict[str, Any]], None]


def put(place: str, value: Any) -> Edit:
    """Puts a value at a place; steps are separated by a blank, and a new one is made."""

    def edit(document: dict[str, Any]) -> None:
        *steps, last = place.split()
        _walk(document, steps)[last] = value

    return edit


def drop(place: str) -> Edit:
    """Takes away what is at a place."""

    def edit(document: dict[str, Any]) -> None:
        *steps, last = place.split()
        target = _walk(document, steps)
        target.pop(int(last) if isinstance(target, list) else last)

    return edit


def append(place: str, value: Any) -> Edit:
    """Appends a value to the list at a place."""
    return lambda document: _walk(document, place.split()).append(value)


def _walk(value: Any, steps: list[str]) -> Any:
    for step in steps:
        value = value[int(step) if isinstance(value, list) else step]
    return value


def edited(*edits: Edit) -> dict[str, Any]:
    """The contract after some edits."""
    document = copy.deepcopy(bundle())
    for edit in edits:
        edit(document)
    return document


def kinds(old: dict[str, Any], new: dict[str, Any]) -> set[Kind]:
    return {difference.kind for difference in differences(old, new)}


LIST = "paths /internal/session/sessions/{user_id} get"
ONE = "paths /sessions/{session_id}"
LIVE = "paths /health/live"
ADMIN = "paths /admin/sessions get"
PAGE_SIZE = "components parameters PageSize"
SENT = "components schemas CreateSessionRequest"
NAME = f"{SENT} properties username"
GOT = "components schemas SessionResponse"
COLOUR = {"in": "query", "name": "colour", "schema": {"type": "string"}}
TEXT = {"type": "string"}
GOOD = {"description": "Good."}
REMOVED = drop(f"{GOT} properties user_id")
ADDED = put(f"{GOT} properties x", TEXT)

FIELDS = "components parameters ShownFields schema pattern"
MORE_FIELDS = bundle()["components"]["parameters"]["ShownFields"]["schema"]["pattern"].replace("|idp|", "|idp|other|")
CASES: dict[str, tuple[Edit, Kind, Kind]] = {
    "an operation": (put("paths /new", {"get": {"responses": {"200": GOOD}}}), ADDITIVE, BREAKING),
    "no such operation": (drop(f"{LIVE} get"), BREAKING, ADDITIVE),
    "another operation id": (put(f"{LIST} operationId", "get_sessions"), BREAKING, BREAKING),
    "another summary": (put(f"{LIST} summary", "Other words"), CLARIFICATION, CLARIFICATION),
    "another tag": (put(f"{LIST} tags", ["risk"]), CLARIFICATION, CLARIFICATION),
    "other words about the whole": (put("info description", "Other."), CLARIFICATION, CLARIFICATION),
    "a deprecated operation": (put(f"{LIST} deprecated", True), ADDITIVE, CLARIFICATION),
    "another way to authenticate": (append(f"{LIST} security", {"bearerAuth": []}), ADDITIVE, BREAKING),
    "an operation open to anybody": (put(f"{LIST} security", []), ADDITIVE, BREAKING),
    "a key in another header": (put("components securitySchemes apiKeyAuth name", "X"), BREAKING, BREAKING),
    "one more role": (append(f"{ADMIN} x-roles", "support"), ADDITIVE, BREAKING),
    "an optional parameter": (append(f"{LIST} parameters", COLOUR), ADDITIVE, BREAKING),
    "a required parameter": (append(f"{LIST} parameters", COLOUR | {"required": True}), BREAKING, BREAKING),
    "a parameter that is required now": (put(f"{PAGE_SIZE} required", True), BREAKING, ADDITIVE),
    "a smaller page": (put(f"{PAGE_SIZE} schema maximum", 50), BREAKING, ADDITIVE),
    "another default": (put(f"{PAGE_SIZE} schema default", 10), BREAKING, BREAKING),
    "no such member of a request": (drop(NAME), BREAKING, ADDITIVE),
    "an optional member of a request": (put(f"{SENT} properties x", TEXT), ADDITIVE, BREAKING),
    "a member of a request, required now": (append(f"{SENT} required", "username"), BREAKING, ADDITIVE),
    "a shorter text in a request": (put(f"{NAME} maxLength", 20), BREAKING, ADDITIVE),
    "any length of text in a request": (drop(f"{NAME} minLength"), ADDITIVE, BREAKING),
    "another pattern in a request": (put(f"{NAME} pattern", "^a+$"), BREAKING, BREAKING),
    "one more name that a list of names may have": (put(FIELDS, MORE_FIELDS), ADDITIVE, BREAKING),
    "no pattern in a request": (drop(f"{NAME} pattern"), ADDITIVE, BREAKING),
    "null in a request": (put(f"{NAME} nullable", True), ADDITIVE, BREAKING),
    "a choice in a request": (put(f"{NAME} enum", ["a", "b"]), BREAKING, ADDITIVE),
    "another type in a request": (put(f"{NAME} type", "integer"), BREAKING, BREAKING),
    "any member in a request": (put(f"{SENT} additionalProperties", True), ADDITIVE, BREAKING),
    "other items in a request": (put(f"{SENT} properties amr items maxLength", 1), BREAKING, ADDITIVE),
    "alternatives in a request": (put(f"{NAME} anyOf", [{"minLength": 2}, TEXT]), BREAKING, ADDITIVE),
    "a body that is required now": (put(f"{ONE} delete requestBody required", True), BREAKING, ADDITIVE),
    "no body": (drop(f"{ONE} delete requestBody"), BREAKING, ADDITIVE),
    "no such member of an answer": (drop(f"{GOT} properties user_id"), BREAKING, ADDITIVE),
    "an optional member of an answer": (put(f"{GOT} properties x", TEXT), ADDITIVE, BREAKING),
    "a member of an answer, optional now": (drop(f"{GOT} required 0"), BREAKING, ADDITIVE),
    "one more word in an answer": (append(f"{GOT} properties status enum", "asleep"), BREAKING, ADDITIVE),
    "null in an answer": (put(f"{GOT} properties id nullable", True), BREAKING, ADDITIVE),
    "a longer text in an answer": (put(f"{GOT} properties id maxLength", 9000), BREAKING, ADDITIVE),
    "other words about a member": (put(f"{GOT} properties id description", "x"), CLARIFICATION, CLARIFICATION),
    "a keyword nobody here knows": (put(f"{GOT} properties id xml", {}), BREAKING, BREAKING),
    "no such success": (drop(f"{LIST} responses 200"), BREAKING, BREAKING),
    "one more refusal": (put(f"{LIST} responses 409", GOOD), ADDITIVE, CLARIFICATION),
    "no such header": (drop(f"{LIST} responses 200 headers X-Request-ID"), BREAKING, ADDITIVE),
    "one more media type": (put(f"{LIST} responses 200 content text/csv", {}), ADDITIVE, BREAKING),
    "no links": (drop(f"{ONE} get responses 200 links"), CLARIFICATION, CLARIFICATION),
    "another example": (put("components examples session_found value", {}), CLARIFICATION, CLARIFICATION),
}


@pytest.mark.parametrize(("edit", "there", "back"), CASES.values(), ids=CASES.keys())
def test_an_edit_is_weighed_there_and_back(edit: Edit, there: Kind, back: Kind) -> None:
    assert (kinds(bundle(), edited(edit)), kinds(edited(edit), bundle())) == ({there}, {back})


def test_a_word_that_only_a_new_operation_brings_is_additive() -> None:
    """Nobody meets it who does not use the operation; one that an old operation brings breaks."""
    status, new = f"{GOT} properties status", put("paths /new", {"get": {"operationId": "new", "responses": {}}})
    for operation, kind in (("new", ADDITIVE), ("get_session", BREAKING)):
        announced = put(f"{status} x-only-after", {"asleep": operation})
        changed = edited(append(f"{status} enum", "asleep"), announced, new)
        assert max(kinds(bundle(), changed)) == kind


def test_the_same_contract_has_no_differences() -> None:
    assert differences(bundle(), copy.deepcopy(bundle())) == []


def test_a_difference_names_the_component_the_direction_and_the_member() -> None:
    found = differences(bundle(), edited(REMOVED))

    assert found == [Difference(BREAKING, "SessionResponse (response).user_id", "property removed")]
    assert str(found[0]) == "breaking      SessionResponse (response).user_id: property removed"


def test_what_changes_in_a_shared_component_is_told_once() -> None:
    header = edited(drop("components headers ContentLanguage schema pattern"))
    page = edited(put(f"{PAGE_SIZE} schema maximum", 50))

    assert [str(found) for found in differences(bundle(), header)] == [
        "breaking      headers/ContentLanguage: pattern ^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$ → nothing"
    ]
    assert [found.place for found in differences(bundle(), page)] == ["parameters/PageSize"]


@pytest.mark.parametrize(
    ("kind", "least"), [(None, (1, 2, 3)), (CLARIFICATION, (1, 2, 4)), (ADDITIVE, (1, 3, 0)), (BREAKING, (2, 0, 0))]
)
def test_a_version_moves_as_far_as_the_worst_difference(kind: Kind | None, least: tuple[int, ...]) -> None:
    found = [] if kind is None else [Difference(kind, "x", "y")]

    assert least_version(found, (1, 2, 3)) == least


def test_only_another_major_version_may_break() -> None:
    found = [Difference(BREAKING, "x", "y")]

    assert breaks_its_word(found, (0, 1, 0), new=(0, 2, 0))
    assert not breaks_its_word(found, (0, 1, 0), new=(1, 0, 0))
    assert not breaks_its_word([Difference(ADDITIVE, "x", "y")], (0, 1, 0), new=(0, 1, 0))


def test_the_changelog_has_to_say_what_changed() -> None:
    changelog = "## Unreleased\n\n### Contract\n\n- Additive: x.\n\n### Server\n\n- Breaking: y.\n\n## 0.1.0\n"
    found = [Difference(ADDITIVE, "x", "y"), Difference(BREAKING, "x", "y")]

    assert unsaid(found, changelog) == [BREAKING]
    assert unsaid(found, "") == [BREAKING, ADDITIVE]


def numbered(version: str) -> Edit:
    return put("info version", version)


@pytest.fixture(autouse=True)
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder where the present contract was released, and the changelog knows of two kinds of change since."""
    released = tmp_path / command.RELEASED
    released.parent.mkdir(parents=True)
    released.write_bytes(bundle_json(bundle()))
    (tmp_path / command.CHANGELOG).write_text("## Unreleased\n\n### Contract\n\n- Breaking: x.\n- Additive: y.\n")
    monkeypatch.chdir(tmp_path)


def test_the_command_fails_when_a_member_of_an_answer_is_removed(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main([], edited(REMOVED)) == 1

    said = capsys.readouterr()
    assert "breaking      SessionResponse (response).user_id: property removed" in said.out
    assert said.err == "something breaks: info.version must be 1.0.0 or later\n"


def test_the_command_passes_when_the_major_version_moved_with_it() -> None:
    assert command.main([], edited(REMOVED, numbered("1.0.0"))) == 0


def test_the_command_passes_when_a_member_of_an_answer_is_added() -> None:
    assert command.main([], edited(ADDED)) == 0


def test_the_command_fails_when_the_changelog_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main([], edited(put(f"{LIST} summary", "Other words"))) == 1
    assert "- clarification:" in capsys.readouterr().err


def test_a_release_needs_the_version_that_its_differences_ask_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["release"], edited(ADDED)) == 1
    assert "ask for 0.2.0 or later" in capsys.readouterr().err

    assert command.main(["release"], edited(ADDED, numbered("0.2.0"))) == 0
    assert json.loads(command.RELEASED.read_text())["info"]["version"] == "0.2.0"
