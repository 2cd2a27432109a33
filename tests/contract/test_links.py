"""Links lead somewhere: to operations that exist, with everything these need, taken from where it is."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.document import Operation, operations

PROMISED = {
    ("create_session", "get_session"),
    ("create_session", "list_user_sessions"),
    ("create_session", "touch_session"),
    ("create_session", "revoke_session"),
    ("create_session", "check_user_active"),
    ("create_session", "revoke_user_sessions"),
    ("trust_device", "list_trusted_devices"),
    ("trust_device", "untrust_device"),
    ("get_session", "touch_session"),
    ("get_session", "revoke_session"),
    ("list_problem_types", "get_problem_type"),
    ("start_session", "get_session"),
    ("start_session", "validate_session"),
    ("list_tokens", "get_token"),
    ("list_blacklisted_tokens", "remove_blacklist_entry"),
    ("list_user_trusted_devices", "remove_trusted_device"),
    ("list_own_trusted_devices", "untrust_own_device"),
}


def links() -> Iterator[tuple[Operation, dict[str, Any]]]:
    for operation in operations():
        for link in operation.success.get("links", {}).values():
            yield operation, link


def operation_named(name: str) -> Operation:
    return next(operation for operation in operations() if str(operation) == name)


LINKS = list(links())


def id_of(item: Any) -> str:
    return item["operationId"] if isinstance(item, dict) else str(item)


def test_the_links_are_those_that_were_promised() -> None:
    assert {(str(operation), link["operationId"]) for operation, link in LINKS} == PROMISED


@pytest.mark.parametrize(("operation", "link"), LINKS, ids=id_of)
def test_every_link_is_explained_and_gives_parameters_that_its_target_has(
    operation: Operation, link: dict[str, Any]
) -> None:
    target = operation_named(link["operationId"])

    assert link["description"].endswith(".")
    assert set(link["parameters"]) <= {item["name"] for item in target.parameters}


@pytest.mark.parametrize(("operation", "link"), LINKS, ids=id_of)
def test_every_link_gives_all_that_its_target_requires(operation: Operation, link: dict[str, Any]) -> None:
    target = operation_named(link["operationId"])
    required = {item["name"] for item in target.parameters if item["required"]}

    assert required <= set(link["parameters"])


@pytest.mark.parametrize(("operation", "link"), LINKS, ids=id_of)
def test_every_link_points_into_the_answer_at_something_its_target_accepts(
    operation: Operation, link: dict[str, Any]
) -> None:
    target = operation_named(link["operationId"])
    schema = operation.success["content"]["application/json"]["schema"]
    for name, expression in link["parameters"].items():
        source = pointed_at(schema, expression)
        parameter = next(item for item in target.parameters if item["name"] == name)["schema"]
        assert {key: source.get(key) for key in ("type", "pattern", "maxLength")} == {
            key: parameter.get(key) for key in ("type", "pattern", "maxLength")
        }


def pointed_at(schema: dict[str, Any], expression: str) -> dict[str, Any]:
    """The schema of what a runtime expression picks from the answer. Every step has to come always."""
    match = re.fullmatch(r"\$response\.body#/(.+)", expression)
    assert match
    for step in match[1].split("/"):
        if step.isdecimal():
            schema = schema["items"]
        else:
            assert step in schema["required"]
            schema = schema["properties"][step]
    return schema
