"""A pattern in the contract is that of the reader in `domain/`: what one takes, the other takes too."""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sojourn.domain.durations import (
    DURATION_PATTERN,
    MAX_DURATION,
    DurationTooLong,
    format_duration,
    parse_duration,
)
from sojourn.domain.ids import TENANT_ID_PATTERN, USER_ID_PATTERN, is_tenant_id, is_user_id
from sojourn.pipeline.schemas import Schema
from tests.contract import texts
from tests.contract.document import all_schemas, operations, resolved

DURATIONS = st.one_of(
    st.from_regex(DURATION_PATTERN, fullmatch=True),
    st.from_regex(r"([0-9]{0,17}(\.[0-9]{0,11})?(ns|us|µs|ms|s|m|h|d)?){1,3}", fullmatch=True),
    st.timedeltas(min_value=MAX_DURATION * 0, max_value=MAX_DURATION).map(format_duration),
)
SAYS = {"minLength", "maxLength", "pattern", "format", "enum", "anyOf"}
LONGEST = 1_000_000
"""Longer is a stream, which nobody validates as one text."""
NAMED_BY_OTHERS = {"user_id", "auth_user_id", "device_fingerprint", "device_id", "sub"}


def member(schema: str, name: str) -> dict[str, object]:
    found: dict[str, object] = resolved()["components"]["schemas"][schema]["properties"][name]
    return found


def takes(schema: dict[str, object], text: str) -> bool:
    found: bool = Schema(schema).accepts(text)
    return found


@pytest.mark.parametrize("schema", ["TenantJWTConfigResponse", "UpdateTenantJWTConfigRequest"])
@pytest.mark.parametrize("name", ["access_expiry", "refresh_expiry", "leeway"])
def test_every_duration_of_the_contract_is_one_of_the_reader(schema: str, name: str) -> None:
    assert member(schema, name)["pattern"] == DURATION_PATTERN


@given(DURATIONS)
def test_the_reader_of_durations_takes_what_the_contract_takes_and_nothing_else(text: str) -> None:
    is_taken = takes(member("TenantJWTConfigResponse", "leeway"), text)

    assert not (2 <= len(text) <= 32) or is_taken == (is_read(text) or is_too_long(text))


def is_read(text: str) -> bool:
    try:
        parse_duration(text)
    except ValueError:
        return False
    return True


def is_too_long(text: str) -> bool:
    """Whether the reader finds fault with nothing but the hundred years, which are a bound and no notation."""
    try:
        parse_duration(text)
    except DurationTooLong:
        return True
    except ValueError:
        return False
    return False


@pytest.mark.parametrize("text", ["1ns", "0ns", "0.0000000000s", "0000000000000005s", "0.1us", "1.0000001s"])
def test_what_no_reader_takes_is_no_duration_of_the_contract(text: str) -> None:
    assert not takes(member("UpdateTenantJWTConfigRequest", "leeway"), text)


def test_every_id_that_others_give_has_the_one_definition() -> None:
    found = {
        name: schema["pattern"]
        for place, schema in all_schemas()
        if (name := re.split(r"[ .]", place)[-1]) in NAMED_BY_OTHERS and "pattern" in schema
    }
    parameters = {
        item["name"]: item["schema"]["pattern"]
        for o in operations()
        for item in o.parameters
        if "pattern" in item["schema"]
    }
    found |= {name: pattern for name, pattern in parameters.items() if name in NAMED_BY_OTHERS}

    assert set(found) == NAMED_BY_OTHERS
    assert set(found.values()) == {USER_ID_PATTERN}
    assert parameters["X-Tenant-ID"] == TENANT_ID_PATTERN


@given(st.one_of(st.text(st.sampled_from("a. \t\x85\xa0\x7f\u2028\n/"), max_size=6), st.text(max_size=300)))
def test_the_reader_of_users_ids_takes_what_the_contract_takes_and_nothing_else(text: str) -> None:
    assert is_user_id(text) == takes(member("CreateSessionRequest", "auth_user_id"), text)


@given(st.one_of(st.from_regex(TENANT_ID_PATTERN, fullmatch=True), st.text(max_size=140)))
def test_the_reader_of_tenants_ids_takes_what_the_contract_takes_and_nothing_else(text: str) -> None:
    header = next(item for o in operations() for item in o.parameters if item["name"] == "X-Tenant-ID")

    assert is_tenant_id(text) == takes(header["schema"], text)


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb"])
def test_an_unpaired_surrogate_is_in_no_id(text: str) -> None:
    assert not is_user_id(text)


def test_no_id_in_a_path_means_another_path() -> None:
    offenders = [
        (operation, item["name"], text)
        for operation in operations()
        for item in operation.parameters
        if item["in"] == "path"
        for text in (".", "..")
        if takes(item["schema"], text)
    ]

    assert offenders == []


def constraints() -> list[dict[str, object]]:
    """Every schema of strings with something to say about them, each once, without its annotations."""
    found = {
        json.dumps({key: value for key, value in schema.items() if key in SAYS}, sort_keys=True)
        for _, schema in all_schemas()
        if schema.get("type") == "string" and schema.keys() & SAYS and schema.get("maxLength", 0) <= LONGEST
    }
    return [json.loads(text) | {"type": "string"} for text in sorted(found)]


@pytest.mark.parametrize("schema", constraints(), ids=str)
def test_what_the_contract_says_of_a_text_is_what_both_validators_do(schema: dict[str, object]) -> None:
    compiled = Schema(schema)

    @settings(max_examples=150, deadline=None, derandomize=True, database=None)
    @given(texts.texts(schema))
    def agree(text: str) -> None:
        assert compiled.accepts(text) == texts.takes(schema, text)
        assert (not compiled.explain(text, "text")) == texts.takes(schema, text)

    agree()
