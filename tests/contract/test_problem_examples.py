"""The examples of problems are in step with one another: one catalogue can be read from them."""

from typing import Any

from tests.contract.document import operations, resolved

CATALOGUE = {
    "validation_failed": (400, 30100001),
    "malformed_body": (400, 30100002),
    "malformed_request": (400, 30100003),
    "authentication_required": (401, 30101001),
    "invalid_api_key": (401, 30101002),
    "invalid_token": (401, 30101003),
    "token_expired": (401, 30101004),
    "insufficient_role": (403, 30103001),
    "insufficient_scope": (403, 30103006),
    "tenant_not_allowed": (403, 30103002),
    "not_your_resource": (403, 30103003),
    "session_not_found": (404, 30104002),
    "tenant_not_found": (404, 30104003),
    "problem_type_not_found": (404, 30104004),
    "status_list_not_found": (404, 30104030),
    "metadata_not_found": (404, 30104040),
    "logout_client_not_found": (404, 30104041),
    "logout_client_exists": (409, 30109041),
    "page_file_not_found": (404, 30104050),
    "not_acceptable": (406, 30106001),
    "request_timeout": (408, 30108001),
    "content_too_large": (413, 30113001),
    "uri_too_long": (414, 30114001),
    "unsupported_media_type": (415, 30115001),
    "headers_too_large": (431, 30131001),
    "internal": (500, 30150001),
    "unavailable": (503, 30153001),
    "tenant_mismatch": (400, 30100004),
    "unsupported_grant": (400, 30100005),
    "invalid_subject_token": (400, 30100006),
    "refresh_token_invalid": (401, 30101005),
    "refresh_token_reused": (401, 30101006),
    "role_not_allowed": (403, 30103004),
    "not_entitled_to_vouch": (403, 30103005),
    "sign_in_superseded": (409, 30109001),
    "first_tokens_issued": (409, 30109040),
    "tenant_limit_reached": (409, 30109002),
    "cursor_expired": (410, 30110001),
    "token_not_found": (404, 30104005),
    "device_not_found": (404, 30104006),
    "blacklist_entry_not_found": (404, 30104007),
    "api_key_not_found": (404, 30104020),
    "webhook_not_found": (404, 30104031),
    "delivery_not_found": (404, 30104032),
    "plan_not_found": (404, 30104060),
    "revocation_not_found": (404, 30104061),
    "plan_drifted": (409, 30109030),
    "plan_expired": (410, 30110010),
    "session_limit_reached": (409, 30109003),
    "tenant_exists": (409, 30109020),
    "precondition_failed": (412, 30112001),
    "idempotency_key_reused": (422, 30122001),
    "webhook_limit_reached": (409, 30109021),
    "rate_limited": (429, 30129001),
}
"""What operations declare; a path or a method that no operation has can be declared by none."""


def examples() -> list[tuple[str, str, dict[str, Any]]]:
    """Status, name and value of every problem example in its place."""
    return [
        (status, name, example["value"])
        for operation in operations()
        for status, answer in operation.problems.items()
        for name, example in answer["content"]["application/problem+json"]["examples"].items()
    ]


def problems() -> list[tuple[str, str, dict[str, Any]]]:
    return [found for found in examples() if "code" in found[2]]


def envelopes() -> list[tuple[str, str, dict[str, Any]]]:
    return [found for found in examples() if "code" not in found[2]]


def test_every_problem_of_the_catalogue_has_an_example_and_every_example_is_of_the_catalogue() -> None:
    shown = {name: (value["status"], value["code"]) for _, name, value in problems()}

    assert shown == CATALOGUE


def test_every_problem_example_has_the_status_of_the_answer_it_illustrates() -> None:
    assert [name for status, name, value in examples() if str(value["status"]) != status] == []


def test_every_problem_example_is_named_after_its_key_and_its_page() -> None:
    for _, name, value in examples():
        assert value["type"] == f"/problems/{name.replace('_', '-')}"
    for _, name, value in problems():
        assert value["i18n_key"] == f"error.{name}"


def test_every_problem_example_is_signed_and_dated() -> None:
    for _, name, value in problems():
        assert value["service"] == "sojourn", name
        assert value["request_id"].startswith("req_"), name
        assert value["timestamp"].endswith("Z"), name


def test_every_example_of_broken_rules_names_them_and_no_other_does() -> None:
    for _, name, value in problems():
        broken = name in ("validation_failed", "malformed_body", "malformed_request")
        assert ("errors" in value) == broken, name
        assert ("retry_after" in value) == (name in ("unavailable", "rate_limited")), name


def test_both_shapes_use_the_same_words() -> None:
    titles = {name: value["title"] for _, name, value in problems()}

    assert envelopes()
    for _, name, value in envelopes():
        assert value["title"] == titles[name]
        assert value["error"] == value["detail"]


def test_one_type_has_one_title() -> None:
    titles: dict[str, set[str]] = {}
    for _, _, value in examples():
        titles.setdefault(value["type"], set()).add(value["title"])

    assert [found for found in titles.values() if len(found) > 1] == []


def test_the_example_of_a_problem_type_is_one_of_the_problems() -> None:
    page = resolved()["components"]["examples"]["problem_type"]["value"]
    problem = next(value for _, name, value in problems() if name == "validation_failed")

    assert {key: page[key] for key in ("type", "title", "status", "code", "i18n_key")} == {
        key: problem[key] for key in ("type", "title", "status", "code", "i18n_key")
    }
