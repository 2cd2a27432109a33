"""The contract has every operation of the fixed list, as it stands there; any other one has a name and a reason."""

import re
from typing import Any, NamedTuple

import pytest

from tests.contract.document import Operation, bundle, operations
from tests.contract.documented_operations import OUR_404, OUR_OPERATIONS, OUR_PARAMETERS, OUR_REFUSALS, TABLE

SECURITY: dict[str, list[dict[str, list[str]]]] = {
    "key": [{"apiKeyAuth": []}],
    "user": [{"bearerAuth": []}],
    "admin": [{"bearerAuth": []}],
    "refresh": [{}, {"bearerAuth": []}],
}
TYPES = {"page": "integer", "page_size": "integer"}
DEFAULTS = {"page": 1, "page_size": 20}


class Parameter(NamedTuple):
    """A documented parameter and where it is sent."""

    place: str
    name: str
    required: bool
    type: str


class Row(NamedTuple):
    """A documented operation. `body` and `schema` are empty where there is none."""

    method: str
    path: str
    caller: str
    parameters: frozenset[Parameter]
    body: str
    body_required: bool
    status: str
    schema: str
    refusals: frozenset[str]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def row(line: str) -> Row:
    """A line of the table, taken apart."""
    address, caller, parameters, body, success, refusals = (column.strip() for column in line.split("|"))
    method, path = address.split()
    status, _, schema = success.partition(" ")
    in_path = {Parameter("path", name, True, "string") for name in re.findall(r"{(\w+)}", path)}
    others = {parameter(word) for word in parameters.split()}
    return Row(
        method=method,
        path=path,
        caller=caller,
        parameters=frozenset(in_path | others),
        body=body.removesuffix("*"),
        body_required=body.endswith("*"),
        status=status,
        schema=schema,
        refusals=frozenset(refusals.split()),
    )


def parameter(word: str) -> Parameter:
    name = word.partition("=")[0].removesuffix("*")
    place = "header" if name.startswith("X-") else "query"
    return Parameter(place, name, word.endswith("*"), TYPES.get(name, "string"))


ROWS = [row(line) for line in TABLE.splitlines() if line]
BY_ADDRESS = {(operation.method, operation.path): operation for operation in operations()}


def operation_of(documented: Row) -> Operation:
    return BY_ADDRESS[documented.method, documented.path]


def definition_of(documented: Row) -> dict[str, Any]:
    """The operation as it is written, with its references."""
    found: dict[str, Any] = bundle()["paths"][documented.path][documented.method.lower()]
    return found


def schema_named_in(content: dict[str, Any], media_type: str = "application/json") -> str:
    """The name of the schema that is all a content has."""
    assert list(content) == [media_type]
    return str(content[media_type]["schema"]["$ref"].rpartition("/")[2])


def answer_of(documented: Row, status: str) -> dict[str, Any]:
    answer: dict[str, Any] = definition_of(documented)["responses"][status]
    if "$ref" in answer:
        answer = bundle()["components"]["responses"][answer["$ref"].rpartition("/")[2]]
    return answer


every_row = pytest.mark.parametrize("documented", ROWS, ids=str)


def test_the_table_has_fifty_operations_and_none_of_them_twice() -> None:
    assert len({str(documented) for documented in ROWS}) == len(ROWS) == 50


def test_the_contract_has_no_operation_beyond_the_table_but_those_we_name() -> None:
    addresses = {(documented.method, documented.path) for documented in ROWS}

    assert {str(found) for address, found in BY_ADDRESS.items() if address not in addresses} == set(OUR_OPERATIONS)
    assert {(documented.method, documented.path) for documented in ROWS} <= set(BY_ADDRESS)


@every_row
def test_every_documented_operation_is_secured_as_documented(documented: Row) -> None:
    definition = operation_of(documented).definition

    assert definition["security"] == SECURITY[documented.caller]
    assert ("x-roles" in definition) == (documented.caller == "admin")


@every_row
def test_every_documented_operation_takes_the_documented_parameters_and_of_ours_those_we_name(documented: Row) -> None:
    operation = operation_of(documented)
    found = {
        Parameter(item["in"], item["name"], item["required"], item["schema"]["type"]) for item in operation.parameters
    }
    ours = found - documented.parameters

    assert documented.parameters <= found
    assert {item.name for item in ours} == OUR_PARAMETERS.get(str(operation), (set(), ""))[0]
    assert not any(item.required for item in ours)


@every_row
def test_every_documented_page_has_the_documented_default(documented: Row) -> None:
    defaults = {item["name"]: item["schema"].get("default") for item in operation_of(documented).parameters}

    for item in documented.parameters:
        assert defaults[item.name] == DEFAULTS.get(item.name)


@every_row
def test_every_documented_operation_takes_the_documented_body(documented: Row) -> None:
    body = definition_of(documented).get("requestBody")

    assert (body is not None) == bool(documented.body)
    if body:
        assert schema_named_in(body["content"]) == documented.body
        assert body["required"] == documented.body_required


@every_row
def test_every_documented_operation_answers_a_success_as_documented(documented: Row) -> None:
    answer = answer_of(documented, documented.status)

    assert [status for status in operation_of(documented).answers if status[0] == "2"] == [documented.status]
    assert (schema_named_in(answer["content"]) if "content" in answer else "") == documented.schema


@every_row
def test_every_documented_operation_declares_the_documented_refusals(documented: Row) -> None:
    envelope = "ErrorEnvelope" if documented.path.startswith("/api/") else "Problem"

    assert documented.refusals <= set(operation_of(documented).problems)
    for status in operation_of(documented).problems:
        content = answer_of(documented, status)["content"]
        assert schema_named_in(content, "application/problem+json") == envelope, status


@every_row
def test_every_refusal_that_is_not_documented_has_a_reason(documented: Row) -> None:
    operation = operation_of(documented)
    ours = set(operation.problems) - documented.refusals
    explained = set(OUR_REFUSALS)
    explained |= {"400"} if documented.path == "/api/sessions/all" else set()
    explained |= {"404"} if str(operation) in OUR_404 else set()

    assert ours <= explained


def test_everything_that_we_name_as_ours_is_there() -> None:
    by_name = {str(operation): operation for operation in operations()}
    for name, (names, _) in OUR_PARAMETERS.items():
        assert names <= {item["name"] for item in by_name[name].parameters}
    for name in OUR_404:
        assert "404" in by_name[name].answers


def test_what_the_usage_of_a_session_says_is_at_least_a_simple_answer() -> None:
    schemas = bundle()["components"]["schemas"]

    for name, schema in schemas["SimpleResponse"]["properties"].items():
        assert schemas["SessionUsageResponse"]["properties"][name]["type"] == schema["type"]


def test_as_many_sessions_are_revoked_at_once_as_documented() -> None:
    ids = bundle()["components"]["schemas"]["BulkRevokeRequest"]["properties"]["session_ids"]

    assert (ids["minItems"], ids["maxItems"]) == (1, 100)
