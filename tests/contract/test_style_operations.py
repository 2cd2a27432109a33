"""How an operation of this contract looks: one test for each rule of ours."""

import re

from sojourn.domain.scopes import SCOPES
from tests.contract.document import Operation, operations, resolved

# fmt: off
VERBS = {
    "add", "apply", "blacklist", "check", "count", "create", "elevate", "erase", "exchange", "export", "generate",
    "get", "introspect", "list", "purge", "reactivate", "receive", "record", "refresh", "remove", "replay", "reset",
    "revoke", "rotate", "set", "simulate", "start", "stream", "suspend", "test", "touch", "trust", "untrust", "update",
    "upgrade", "validate",
}
# fmt: on
EXTENSIONS = {"x-needs-import", "x-roles", "x-scope", "x-safe", "x-deprecation"}
"""Who may call, what only looks unsafe, what needs an import, since and until when: OpenAPI has no word for these."""
ADMIN_ROLES = ["admin", "security_admin"]
ALWAYS = {"400", "414", "431"}
DATABASE = {"500", "503"}
WITHOUT_DATABASE = {
    "get_liveness",
    "get_contract_json",
    "get_contract_yaml",
    "get_front_page",
    "get_favicon",
    "get_reference",
    "get_reference_script",
    *("get_console", "get_account", "get_console_script", "get_console_style"),
    "get_problem_catalogue",
    "list_problem_types",
    "get_problem_type",
    "get_oauth_metadata",
}
OF_MANY_TENANTS = {"list_events", "stream_events", "get_revocations"}
"""Operations that a service calls once for all tenants of its key."""
WITH_BODY = {"408", "413", "415"}


def offenders(*broken: Operation) -> list[str]:
    return [str(operation) for operation in broken]


def wears(answer: dict[str, object], name: str) -> bool:
    headers = answer.get("headers", {})
    return isinstance(headers, dict) and headers.get(name, {}).get("required") is True


def test_every_operation_has_an_id_of_a_verb_and_nouns() -> None:
    ids = [operation.definition["operationId"] for operation in operations()]

    assert [found for found in ids if not re.fullmatch(r"[a-z]+(_[a-z]+)+", found)] == []
    assert {found.partition("_")[0] for found in ids} <= VERBS


def test_every_operation_id_is_unique() -> None:
    ids = [operation.definition["operationId"] for operation in operations()]

    assert len(ids) == len(set(ids))


def test_every_operation_has_a_short_summary_without_a_full_stop() -> None:
    for operation in operations():
        summary = operation.definition["summary"]
        assert 0 < len(summary) <= 50
        assert not summary.endswith(".")
        assert summary[0].isupper()


def test_every_operation_has_a_description_of_at_least_two_sentences() -> None:
    assert offenders(*(o for o in operations() if o.definition["description"].count(".") < 2)) == []


def test_every_operation_has_one_tag_that_is_explained() -> None:
    explained = {tag["name"] for tag in resolved()["tags"] if tag["description"]}
    used = {tag for operation in operations() for tag in operation.definition["tags"]}

    assert offenders(*(o for o in operations() if len(o.definition["tags"]) != 1)) == []
    assert used == explained


def test_every_description_says_which_other_operation_to_use_for_what_this_one_is_not_for() -> None:
    ids = {str(operation) for operation in operations()}

    for operation in operations():
        named = set(re.findall(r"`([a-z_]+)`", operation.definition["description"]))
        assert named & (ids - {str(operation)}), operation


def test_every_request_has_named_examples() -> None:
    for operation in operations():
        for content in operation.definition.get("requestBody", {}).get("content", {}).values():
            assert content["examples"], operation
            assert all(example["summary"] for example in content["examples"].values()), operation


def test_every_tag_has_a_name_for_people_and_stands_in_one_group() -> None:
    grouped = [tag for group in resolved()["x-tagGroups"] for tag in group["tags"]]

    assert sorted(grouped) == sorted(tag["name"] for tag in resolved()["tags"])
    assert all(tag["x-displayName"] for tag in resolved()["tags"])


def test_the_paths_stand_in_reading_order_group_by_group_and_tag_by_tag() -> None:
    grouped = [tag for group in resolved()["x-tagGroups"] for tag in group["tags"]]
    tags = [operation.definition["tags"][0] for operation in operations()]

    assert [tag["name"] for tag in resolved()["tags"]] == grouped
    assert list(dict.fromkeys(tags)) == grouped
    assert tags == sorted(tags, key=grouped.index)


def test_the_contract_says_once_how_credentials_travel_and_that_there_is_no_cookie() -> None:
    assert "Credentials** travel in headers and bodies; no cookie is read or set." in resolved()["info"]["description"]
    assert [item for operation in operations() for item in operation.parameters if item["in"] == "cookie"] == []
    assert [o for o in operations() for a in o.answers.values() if "Set-Cookie" in a.get("headers", {})] == []


def test_every_operation_declares_exactly_one_success() -> None:
    assert offenders(*(o for o in operations() if sum(s.startswith("2") for s in o.answers) != 1)) == []


def test_every_operation_declares_what_can_happen_to_any_request() -> None:
    assert offenders(*(o for o in operations() if not set(o.answers) >= ALWAYS)) == []


def test_406_is_declared_where_there_is_something_to_negotiate() -> None:
    for operation in operations():
        assert ("406" in operation.answers) == ("content" in operation.good_answer), operation


def test_what_can_happen_to_a_database_is_declared_where_one_is_asked_and_nowhere_else() -> None:
    for operation in operations():
        name = operation.definition["operationId"]
        expected = {"503"} if name == "get_readiness" else set() if name in WITHOUT_DATABASE else DATABASE
        assert DATABASE & set(operation.answers) == expected, operation


def test_every_operation_with_a_body_declares_what_can_happen_to_a_body_and_no_other_does() -> None:
    for operation in operations():
        expected = WITH_BODY if "requestBody" in operation.definition else set()
        assert WITH_BODY & set(operation.answers) == expected, operation


ON_NOTHING_BUT_ONES_OWN = {
    "list_own_devices",
    "revoke_other_sessions",
    "list_own_trusted_devices",
    "trust_own_device",
    "untrust_own_device",
}
"""Operations of users that can name nobody else: there is nothing to forbid."""


def test_every_secured_operation_declares_401_and_403_and_no_open_one_does() -> None:
    for operation in operations():
        expected = {"401", "403"} if operation.schemes else set()
        expected -= {"403"} if operation.definition["operationId"] in ON_NOTHING_BUT_ONES_OWN else set()
        expected -= {"403"} if operation.schemes == ("clientAuth",) else set()  # 400 (RFC 6749 section 5.2)
        assert {"401", "403"} & set(operation.answers) == expected, operation


def test_no_operation_declares_405_or_a_default_response() -> None:
    assert offenders(*(o for o in operations() if {"405", "default"} & set(o.answers))) == []


def test_every_operation_says_itself_how_it_is_secured() -> None:
    assert offenders(*(o for o in operations() if "security" not in o.definition)) == []
    assert offenders(*(o for o in operations() if len(o.schemes) > 1)) == []


def test_every_internal_operation_takes_an_api_key_and_a_tenant_and_no_other_does() -> None:
    for operation in operations():
        internal = operation.path.startswith("/internal/")
        tenant = [item for item in operation.parameters if item["name"] == "X-Tenant-ID"]
        assert (operation.schemes == ("apiKeyAuth",)) == (internal or manages(operation)), operation
        wanted = [str(operation) not in OF_MANY_TENANTS] if internal else []
        assert [item["required"] for item in tenant] == wanted, operation


def test_every_operation_of_users_and_administrators_takes_a_bearer_token() -> None:
    for operation in operations():
        personal = operation.path.startswith(("/sessions", "/tokens", "/trusted-devices", "/admin/", "/api/"))
        assert (operation.schemes == ("bearerAuth",)) == (personal and not manages(operation)), operation


def manages(operation: Operation) -> bool:
    """Whether keys or tenants are managed: with an API key, and for no tenant in particular."""
    return operation.path.startswith(("/admin/api-keys", "/admin/tenants"))


def test_managing_keys_and_tenants_asks_for_a_scope_that_nothing_else_asks_for() -> None:
    for operation in operations():
        assert (operation.definition.get("x-scope") == "manage") == manages(operation), operation


def test_every_administrative_operation_names_its_roles_and_no_other_does() -> None:
    for operation in operations():
        administrative = operation.path.startswith(("/admin/", "/api/")) and not manages(operation)
        reads = ["auditor"] if operation.method == "GET" else []
        expected = ADMIN_ROLES + reads if administrative else None
        assert operation.definition.get("x-roles") == expected, operation


def test_every_operation_that_takes_an_api_key_names_its_scope_and_no_other_does() -> None:
    beside_a_bearer = {"upgrade_session_mfa"}
    for operation in operations():
        takes = (
            operation.schemes in (("apiKeyAuth",), ("clientAuth",))
            or operation.definition["operationId"] in beside_a_bearer
        )
        assert (operation.definition.get("x-scope") in SCOPES) == takes, operation
        assert ("x-scope" in operation.definition) == takes, operation


def test_no_operation_carries_an_extension_that_we_do_not_know() -> None:
    for operation in operations():
        assert {key for key in operation.definition if key.startswith("x-")} <= EXTENSIONS


def test_only_operations_that_look_unsafe_are_marked_as_safe() -> None:
    for operation in operations():
        if "x-safe" in operation.definition:
            assert operation.definition["x-safe"] is True
            assert operation.method != "GET"


def test_no_reading_operation_takes_a_body() -> None:
    assert offenders(*(o for o in operations() if o.method == "GET" and "requestBody" in o.definition)) == []


FORMS = {"generate_oauth_tokens", "introspect_oauth_token", "revoke_oauth_token", "revoke_provider_sessions"}
"""Operations that other software calls as OAuth and OpenID Connect have it: with a form."""
TOKENS = {"receive_security_events"}
"""Operations whose body is a token (RFC 8935)."""
AS_A_STANDARD_HAS_IT = {"revoke_oauth_token", "revoke_provider_sessions", "receive_security_events"}
"""Operations whose success has no content under 200 or 202, because their standard says so."""


def test_forms_alone_are_refused_as_oauth_has_it_and_that_is_not_to_be_stored() -> None:
    for operation in operations():
        expected = {"400", "401"} & set(operation.answers) if str(operation) in FORMS | TOKENS else set()
        assert set(operation.oauth_errors) == expected, operation
        for status, answer in operation.oauth_errors.items():
            words = ["err", "description"] if str(operation) in TOKENS else ["error", "error_description"]
            assert list(answer["content"]["application/json"]["schema"]["required"]) == words
            assert wears(answer, "Cache-Control"), (operation, status)


def test_every_body_is_json_or_a_standards_form_and_explained() -> None:
    for operation in operations():
        body = operation.definition.get("requestBody")
        if body:
            expected = "application/x-www-form-urlencoded" if str(operation) in FORMS else "application/json"
            expected = "application/secevent+jwt" if str(operation) in TOKENS else expected
            assert list(body["content"]) == [expected]
            assert body["description"]
            assert isinstance(body["required"], bool)


def test_every_parameter_is_explained_and_has_an_example_and_a_literal_type() -> None:
    for operation in operations():
        for parameter in operation.parameters:
            assert parameter["description"], (operation, parameter["name"])
            assert "example" in parameter, (operation, parameter["name"])
            assert isinstance(parameter["schema"]["type"], str), (operation, parameter["name"])
            assert isinstance(parameter["required"], bool), (operation, parameter["name"])


def test_what_excludes_other_parameters_names_those_of_its_operation() -> None:
    for operation in operations():
        query = {item["name"]: item for item in operation.parameters if item["in"] == "query"}
        for name, parameter in query.items():
            assert set(parameter.get("x-not-with", ())) <= set(query) - {name}, (operation, name)
            assert not (parameter["required"] and "x-not-with" in parameter), (operation, name)


def test_fields_are_the_members_of_a_session() -> None:
    schemas = resolved()["components"]["schemas"]
    names = "|".join(schemas["SessionResponse"]["properties"])
    patterns = {
        item["schema"]["pattern"]
        for operation in operations()
        for item in operation.parameters
        if item["name"] == "fields"
    }

    assert patterns == {f"^({names})(,({names}))*$"}


def test_no_parameter_has_a_name_that_the_seam_needs() -> None:
    names = {item["name"] for operation in operations() for item in operation.parameters}

    assert names & {"ctx", "body"} == set()


def test_every_path_parameter_is_declared_and_every_declared_one_is_in_the_path() -> None:
    for operation in operations():
        declared = {item["name"] for item in operation.parameters if item["in"] == "path"}
        assert set(re.findall(r"{(\w+)}", operation.path)) == declared, operation


def test_every_list_is_paged_and_every_page_has_a_default_and_a_limit() -> None:
    for operation in operations():
        query = {item["name"]: item["schema"] for item in operation.parameters if item["in"] == "query"}
        content = operation.good_answer.get("content", {}).get("application/json", {})
        assert ("pagination" in content.get("schema", {}).get("properties", {})) == ("page" in query), operation
        if "page" in query:
            assert (query["page"]["default"], query["page"]["minimum"]) == (1, 1)
            wide = str(operation) == "list_user_sessions"
            size = query["page_size"]
            assert (size["default"], size["maximum"]) == ((100, 500) if wide else (20, 100))


def test_no_path_but_the_root_ends_in_a_slash() -> None:
    assert [path for path in resolved()["paths"] if path.endswith("/")] == ["/"]


def test_every_answer_is_explained_and_carries_the_request_id() -> None:
    for operation in operations():
        for status, answer in operation.answers.items():
            assert answer["description"].endswith("."), (operation, status)
            assert wears(answer, "X-Request-ID"), (operation, status)


def test_every_answer_with_content_has_named_examples() -> None:
    for operation in operations():
        for status, answer in operation.answers.items():
            for media_type, content in answer.get("content", {}).items():
                assert content["examples"], (operation, status, media_type)
                assert "example" not in content, (operation, status, media_type)
                assert all(example["summary"] for example in content["examples"].values())


def test_every_success_has_content_unless_it_is_a_204() -> None:
    for operation in operations():
        empty = "204" in operation.answers or str(operation) in AS_A_STANDARD_HAS_IT
        assert empty == ("content" not in operation.good_answer), operation


def test_every_secured_answer_and_every_problem_is_not_to_be_stored() -> None:
    for operation in operations():
        for status, answer in operation.answers.items():
            if operation.schemes or status in operation.problems:
                assert wears(answer, "Cache-Control"), (operation, status)


def test_every_problem_is_a_problem_document_and_says_its_language() -> None:
    for operation in operations():
        for status, answer in operation.problems.items():
            assert list(answer["content"]) == ["application/problem+json"], (operation, status)
            assert wears(answer, "Content-Language"), (operation, status)


def test_every_401_names_the_way_to_authenticate() -> None:
    for operation in operations():
        answer = operation.answers.get("401")
        if answer:
            assert wears(answer, "WWW-Authenticate"), operation
            scheme = {"apiKeyAuth": "ApiKey", "clientAuth": "Basic"}.get(operation.schemes[0], "Bearer")
            assert answer["headers"]["WWW-Authenticate"]["example"].startswith(f"{scheme} "), operation


def test_every_429_and_503_says_when_to_come_back() -> None:
    for operation in operations():
        for status in {"429", "503"} & set(operation.answers):
            assert wears(operation.answers[status], "Retry-After"), (operation, status)
