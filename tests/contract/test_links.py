"""Links lead somewhere: to operations that exist, with everything these need, taken from where it is."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from sojourn.openapi.document import link_body
from tests.contract.checking import violations
from tests.contract.document import Operation, operations

OF_A_NEW_SESSION = (
    "get_session touch_session upgrade_session_mfa validate_session get_risk_score get_device_fingerprint "
    "revoke_session refresh_tokens rotate_access_token"
)
PROMISED = {
    "create_session": f"{OF_A_NEW_SESSION} list_user_sessions check_user_active revoke_user_sessions "
    "record_session_usage get_session_usage generate_tokens exchange_token elevate_session "
    "get_session_as_service touch_session_as_service revoke_session_as_service",
    "start_session": OF_A_NEW_SESSION,
    "get_session": "update_session touch_session upgrade_session_mfa validate_session get_risk_score "
    "get_device_fingerprint revoke_session",
    "get_session_as_service": "update_session_as_service touch_session_as_service revoke_session_as_service",
    "list_own_sessions": "get_session",
    "list_tenant_sessions": "get_session",
    "list_devices_of_user": "get_session",
    "generate_tokens": "refresh_tokens rotate_access_token validate_access_token introspect_token blacklist_token",
    "refresh_tokens": "refresh_tokens rotate_access_token introspect_token",
    "rotate_access_token": "introspect_token",
    "list_tokens": "get_token",
    "list_blacklisted_tokens": "remove_blacklist_entry",
    "trust_device": "list_trusted_devices untrust_device remove_trusted_device",
    "list_user_trusted_devices": "remove_trusted_device",
    "list_own_trusted_devices": "untrust_own_device",
    "suspend_session": "reactivate_session",
    "list_webhooks": "get_webhook",
    "create_webhook": "get_webhook update_webhook test_webhook rotate_webhook_secret list_webhook_deliveries "
    "replay_webhook_deliveries remove_webhook",
    "list_logout_clients": "get_logout_client",
    "create_logout_client": "get_logout_client update_logout_client remove_logout_client",
    "create_revocation_plan": "get_revocation_plan apply_revocation_plan",
    "apply_revocation_plan": "get_revocation",
    "list_api_keys": "revoke_api_key",
    "create_api_key": "rotate_api_key revoke_api_key",
    "list_problem_types": "get_problem_type",
}
KEYWORDS = ("type", "pattern", "maxLength")


def links() -> Iterator[tuple[Operation, dict[str, Any]]]:
    for operation in operations():
        for link in operation.good_answer.get("links", {}).values():
            yield operation, link


def operation_named(name: str) -> Operation:
    return next(operation for operation in operations() if str(operation) == name)


LINKS = list(links())


def id_of(item: Any) -> str:
    return item["operationId"] if isinstance(item, dict) else str(item)


every_link = pytest.mark.parametrize(("operation", "link"), LINKS, ids=id_of)


def test_the_links_are_those_that_were_promised() -> None:
    found: dict[str, set[str]] = {}
    for operation, link in LINKS:
        found.setdefault(str(operation), set()).add(link["operationId"])

    assert found == {name: set(targets.split()) for name, targets in PROMISED.items()}


@every_link
def test_every_link_is_explained_and_gives_what_its_target_takes(operation: Operation, link: dict[str, Any]) -> None:
    target = operation_named(link["operationId"])

    assert link["description"].endswith(".")
    assert set(link.get("parameters", {})) <= {item["name"] for item in target.parameters}
    assert set(link_body(link)) <= set(body_of(target).get("properties", {}))


@every_link
def test_every_link_gives_all_that_its_target_requires(operation: Operation, link: dict[str, Any]) -> None:
    target = operation_named(link["operationId"])

    assert {item["name"] for item in target.parameters if item["required"]} <= set(link.get("parameters", {}))
    assert set(body_of(target).get("required", [])) <= set(link_body(link))


@every_link
def test_every_link_points_at_something_its_target_accepts(operation: Operation, link: dict[str, Any]) -> None:
    target = operation_named(link["operationId"])
    parameters = {item["name"]: item["schema"] for item in target.parameters}
    members = body_of(target).get("properties", {})
    given = [(parameters[name], value) for name, value in link.get("parameters", {}).items()]
    given += [(members[name], value) for name, value in link_body(link).items()]

    for wanted, value in given:
        if isinstance(value, str) and value.startswith("$"):
            source = pointed_at(operation, value)
            assert {key: source.get(key) for key in KEYWORDS} == {key: wanted.get(key) for key in KEYWORDS}
        else:
            assert violations(value, wanted) == []


@every_link
def test_the_body_of_a_link_is_one_expression_or_absent(operation: Operation, link: dict[str, Any]) -> None:
    assert isinstance(link.get("requestBody", ""), str), "expressions inside of an object are literals (OpenAPI 3.0.3)"


def body_of(operation: Operation) -> dict[str, Any]:
    """The schema of a request's body; empty where there is none."""
    content = operation.definition.get("requestBody", {}).get("content", {})
    found: dict[str, Any] = content.get("application/json", {}).get("schema", {})
    return found


def pointed_at(operation: Operation, expression: str) -> dict[str, Any]:
    """The schema of what a runtime expression picks from a request or its answer. Every step has to come always."""
    match = re.fullmatch(r"\$(request\.header\.|request\.body#/|response\.body#/)(.+)", expression)
    assert match
    if match[1] == "request.header.":
        header = next(item for item in operation.parameters if item["name"] == match[2])
        assert header["required"]
        return dict(header["schema"])
    answer = operation.good_answer["content"]["application/json"]["schema"]
    schema: dict[str, Any] = body_of(operation) if match[1].startswith("request") else answer
    for step in match[2].split("/"):
        if step.isdecimal():
            schema = schema["items"]
        else:
            assert step in schema["required"]
            schema = schema["properties"][step]
    return schema
