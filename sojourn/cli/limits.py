"""The page on limits, written from the settings and the contract."""

from collections.abc import Iterator
from typing import Any

from sojourn.openapi.document import Operation, operations
from sojourn.openapi.loader import load_bundle
from sojourn.settings.settings import table, variable

SETTINGS = (
    "max_body_bytes",
    "max_uri_bytes",
    "max_header_bytes",
    "max_json_depth",
    "max_json_digits",
    "head_timeout",
    "body_timeout",
    "write_timeout",
    "busy_timeout",
    "max_connections",
    "database_pool",
    "max_sessions_per_user",
    "max_trusted_devices",
    "max_tenants",
    "refresh_limit",
    "api_key_guesses",
    "idle_timeout",
    "absolute_timeout",
    "access_expiry",
    "refresh_expiry",
    "sign_in_max_age",
    "session_retention",
    "jwt_leeway",
)
"""The settings that limit something, in the order of the page."""


def limits_page() -> str:
    """Every limit that a caller or an operator may meet."""
    contract = list(operations(load_bundle(), Operation))
    rows = {name: (default, about) for name, default, about in table()}
    settings = "\n".join(
        f"| `{variable(name)}` | `{rows[variable(name)][0]}` | {rows[variable(name)][1]} |" for name in SETTINGS
    )
    lists = "\n".join(_rows(_list_limits(contract)))
    members = "\n".join(_rows(_member_limits(contract)))
    rated = ", ".join(f"`{operation}`" for operation in contract if 429 in operation.responses)
    return f"""# Limits

All limits on one page. A request beyond a limit is refused with a problem that names it; nothing is shortened silently.

## Limits that an operator sets

| setting | default | meaning |
|---|---|---|
{settings}

## Lists

| parameter | default | most | operations |
|---|---|---|---|
{lists}

## Members of request bodies

| member | most | operations |
|---|---|---|
{members}

Texts are counted in characters. A bearer token may have 16,384 characters, 64 claims and 32 levels of JSON.

## How often

The response is 429 with `Retry-After` when a session is refreshed more often than `SOJOURN_REFRESH_LIMIT` allows, or
when an address sends more wrong API keys than `SOJOURN_API_KEY_GUESSES` allows. A valid API key is never refused for
this reason. Operations that may respond 429: {rated}.

This page is written by `python -m sojourn.cli.reference docs`.
"""


def _rows(found: Iterator[tuple[tuple[str, ...], str]]) -> Iterator[str]:
    """One row for each limit, with the operations that have it."""
    users: dict[tuple[str, ...], list[str]] = {}
    for limit, operation in found:
        names = users.setdefault(limit, [])
        if operation not in names:
            names.append(operation)
    for limit, names in sorted(users.items()):
        yield f"| {' | '.join(limit)} | {', '.join(f'`{name}`' for name in sorted(names))} |"


def _list_limits(contract: list[Operation]) -> Iterator[tuple[tuple[str, ...], str]]:
    for operation in contract:
        for parameter in operation.named("query"):
            schema = parameter["schema"]
            if schema.get("type") == "integer" and parameter["name"] in {"page_size", "limit"}:
                default = f"{schema['default']:,}" if "default" in schema else ""
                yield (f"`{parameter['name']}`", default, f"{schema['maximum']:,}"), operation.id


def _member_limits(contract: list[Operation]) -> Iterator[tuple[tuple[str, ...], str]]:
    for operation in contract:
        if operation.body_schema is not None:
            for name, most in _most(operation.body_schema):
                yield (f"`{name}`", most), operation.id


def _most(schema: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, member in sorted(schema.get("properties", {}).items()):
        if "maxLength" in member and "enum" not in member:
            yield name, f"{member['maxLength']:,} characters"
        if "maxItems" in member:
            yield name, f"{member['maxItems']:,} items"
