"""Whether a value is what a schema of the contract says (OpenAPI 3.0.3)."""

from functools import cache
from typing import Any

from openapi_schema_validator import OAS30ReadValidator, oas30_format_checker

from sojourn.conformance.contract import Operation
from sojourn.conformance.wire import Reply

_MOST = 5


def violations(schema: dict[str, Any], value: Any) -> list[str]:
    """What is wrong with a value, a sentence each; nothing when it is right."""
    errors = sorted(_validator(_Key(schema)).iter_errors(value), key=lambda error: str(error.json_path))
    return [f"{error.json_path}: {error.message[:200]}" for error in errors[:_MOST]]


def answer_violations(operation: Operation, reply: Reply) -> list[str]:
    """What is wrong with an answer of an operation: status, media type, body, headers."""
    documented = operation.responses.get(reply.status)
    if documented is None:
        return [f"the status {reply.status} is not documented for {operation.id}"]
    return [*_body_violations(documented, reply), *_header_violations(documented, reply)]


def _body_violations(documented: dict[str, Any], reply: Reply) -> list[str]:
    content = documented.get("content")
    if not content:
        return ["a body where none is documented"] if reply.body else []
    media = content.get(reply.media_type)
    if media is None:
        return [f"the media type {reply.media_type!r} is none of {', '.join(content)}"]
    if "json" not in reply.media_type:
        return [] if reply.body else ["an empty body"]
    return violations(media["schema"], reply.json)


def _header_violations(documented: dict[str, Any], reply: Reply) -> list[str]:
    found = []
    for name, header in documented.get("headers", {}).items():
        value = reply.headers.get(name.lower())
        if value is None:
            if header.get("required"):
                found.append(f"the header {name} is missing")
            continue
        kind = header["schema"].get("type")
        wrong = violations(header["schema"], int(value) if kind == "integer" and value.isdigit() else value)
        found += [f"header {name}: {sentence}" for sentence in wrong]
    return found


class _Key:
    """A schema as the key of a cache: the contract keeps its schemas, so their identity will do."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self.schema = schema

    def __hash__(self) -> int:
        return id(self.schema)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and other.schema is self.schema


@cache
def _validator(key: _Key) -> Any:
    return OAS30ReadValidator(key.schema, format_checker=oas30_format_checker)
