"""Values held against schemas of the contract, with every format really checked."""

import re
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import Any
from uuid import UUID

from jsonschema import Draft4Validator, FormatChecker
from openapi_schema_validator import OAS30Validator

FORMATS = FormatChecker(formats=())
_URI_REFERENCE = re.compile(r"(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*")
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{3})?Z")
_CHECKED = frozenset({"date-time", "uuid", "ip-network", "ipv4", "ipv6", "uri-reference", "int32", "int64", "password"})


def violations(value: Any, schema: dict[str, Any]) -> list[str]:
    """What `value` breaks of a resolved schema. Fails on a format that nobody checks."""
    unknown = _formats_of(schema) - _CHECKED
    if unknown:
        raise AssertionError(f"formats that nobody checks: {unknown}")
    validator: Draft4Validator = OAS30Validator(schema, format_checker=FORMATS)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]


def _formats_of(value: Any) -> set[str]:
    if isinstance(value, list):
        return {name for item in value for name in _formats_of(item)}
    if not isinstance(value, dict):
        return set()
    found = {name for key, item in value.items() if key != "example" for name in _formats_of(item)}
    return found | ({value["format"]} if isinstance(value.get("format"), str) else set())


@FORMATS.checks("date-time", raises=ValueError)
def _is_instant(value: object) -> bool:
    if not isinstance(value, str):
        return True
    datetime.fromisoformat(value)
    return _INSTANT.fullmatch(value) is not None


@FORMATS.checks("uuid", raises=ValueError)
def _is_uuid(value: object) -> bool:
    return not isinstance(value, str) or str(UUID(value)) == value


@FORMATS.checks("ipv4", raises=ValueError)
def _is_ipv4(value: object) -> bool:
    return not isinstance(value, str) or bool(IPv4Address(value))


@FORMATS.checks("ipv6", raises=ValueError)
def _is_ipv6(value: object) -> bool:
    return not isinstance(value, str) or bool(IPv6Address(value))


@FORMATS.checks("ip-network", raises=ValueError)
def _is_ip_network(value: object) -> bool:
    return not isinstance(value, str) or bool(ip_network(value, strict=False))


@FORMATS.checks("uri-reference")
def _is_uri_reference(value: object) -> bool:
    return not isinstance(value, str) or _URI_REFERENCE.fullmatch(value) is not None


@FORMATS.checks("int32")
def _is_int32(value: object) -> bool:
    return not isinstance(value, int) or -(2**31) <= value < 2**31


@FORMATS.checks("int64")
def _is_int64(value: object) -> bool:
    return not isinstance(value, int) or -(2**63) <= value < 2**63
