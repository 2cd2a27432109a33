"""Refusals on the wire: the one table from a domain error's key to status, code and type, and the documents.

Documents follow RFC 9457. Titles and details are in the reader's language; `status`, `code`, `type` and
`i18n_key` never change with it. What was sent is shown in development only. Tokens and keys are shown never: wherever
they were sent (in a path, as a name, as a value), `***` stands in their place.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from sojourn.domain.clock import to_text
from sojourn.domain.errors import DomainError, InvalidToken, ValidationFailed, Violation
from sojourn.domain.secret_texts import masked
from sojourn.problems import i18n

SERVICE = "sojourn"
REALM = "sojourn"
MAX_VIOLATIONS = 100
MAX_FIELD_LENGTH = 200
MAX_SHOWN_LENGTH = 200
_MAX_INSTANCE_LENGTH = 1000
_SAFE_INTEGER = 2**53

_URI_PATH = re.compile(r"/(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})*")
_LONE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CUT_ESCAPE = re.compile(r"%[0-9A-Fa-f]?$")


@dataclass(frozen=True, slots=True)
class ProblemType:
    """One kind of refusal: its HTTP status and its eight-digit business code."""

    key: str
    status: int
    code: int

    @property
    def slug(self) -> str:
        """The last segment of the type's URI: the key with hyphens."""
        return self.key.replace("_", "-")

    @property
    def path(self) -> str:
        """The URI reference of the type, answered by this very server."""
        return f"/problems/{self.slug}"


CATALOGUE: Mapping[str, ProblemType] = {
    key: ProblemType(key, status, code)
    for key, status, code in (
        ("validation_failed", 400, 30100001),
        ("malformed_body", 400, 30100002),
        ("malformed_request", 400, 30100003),
        ("tenant_mismatch", 400, 30100004),
        ("unsupported_grant", 400, 30100005),
        ("invalid_subject_token", 400, 30100006),
        ("invalid_logout_token", 400, 30100007),
        ("invalid_security_event", 400, 30100008),
        ("authentication_required", 401, 30101001),
        ("invalid_api_key", 401, 30101002),
        ("invalid_token", 401, 30101003),
        ("token_expired", 401, 30101004),
        ("refresh_token_invalid", 401, 30101005),
        ("refresh_token_reused", 401, 30101006),
        ("insufficient_role", 403, 30103001),
        ("tenant_not_allowed", 403, 30103002),
        ("not_your_resource", 403, 30103003),
        ("role_not_allowed", 403, 30103004),
        ("not_entitled_to_vouch", 403, 30103005),
        ("insufficient_scope", 403, 30103006),
        ("route_not_found", 404, 30104001),
        ("session_not_found", 404, 30104002),
        ("tenant_not_found", 404, 30104003),
        ("problem_type_not_found", 404, 30104004),
        ("token_not_found", 404, 30104005),
        ("device_not_found", 404, 30104006),
        ("blacklist_entry_not_found", 404, 30104007),
        ("api_key_not_found", 404, 30104020),
        ("status_list_not_found", 404, 30104030),
        ("metadata_not_found", 404, 30104040),
        ("logout_client_not_found", 404, 30104041),
        ("webhook_not_found", 404, 30104031),
        ("delivery_not_found", 404, 30104032),
        ("page_file_not_found", 404, 30104050),
        ("plan_not_found", 404, 30104060),
        ("revocation_not_found", 404, 30104061),
        ("method_not_allowed", 405, 30105001),
        ("not_acceptable", 406, 30106001),
        ("request_timeout", 408, 30108001),
        ("sign_in_superseded", 409, 30109001),
        ("tenant_limit_reached", 409, 30109002),
        ("session_limit_reached", 409, 30109003),
        ("tenant_exists", 409, 30109020),
        ("webhook_limit_reached", 409, 30109021),
        ("logout_client_exists", 409, 30109041),
        ("plan_drifted", 409, 30109030),
        ("first_tokens_issued", 409, 30109040),
        ("cursor_expired", 410, 30110001),
        ("plan_expired", 410, 30110010),
        ("precondition_failed", 412, 30112001),
        ("content_too_large", 413, 30113001),
        ("uri_too_long", 414, 30114001),
        ("unsupported_media_type", 415, 30115001),
        ("idempotency_key_reused", 422, 30122001),
        ("rate_limited", 429, 30129001),
        ("headers_too_large", 431, 30131001),
        ("internal", 500, 30150001),
        ("transfer_coding_unknown", 501, 30151001),
        ("unavailable", 503, 30153001),
        ("version_not_supported", 505, 30155001),
    )
}
BY_SLUG: Mapping[str, ProblemType] = {kind.slug: kind for kind in CATALOGUE.values()}


@dataclass(frozen=True, slots=True)
class Facts:
    """What a problem document says about the request. `instance` is its raw path, without the query."""

    instance: str
    request_id: str
    trace_id: str
    span_id: str
    locale: str
    now: datetime
    public_url: str | None = None
    development: bool = False


def status_of(error: DomainError) -> int:
    """The HTTP status of a refusal."""
    return CATALOGUE[error.key].status


def document(error: DomainError, facts: Facts) -> dict[str, Any]:
    """The `Problem` of a refusal, with every field that has a value."""
    kind = CATALOGUE[error.key]
    result: dict[str, Any] = {
        "type": type_uri(kind, facts.public_url),
        "title": i18n.sentence(facts.locale, error.key),
        "status": kind.status,
        "detail": i18n.sentence(facts.locale, f"{error.key}.detail", params=error.params),
        "code": kind.code,
        "i18n_key": f"error.{error.key}",
        "i18n_args": {name: _json(value) for name, value in error.params.items()},
        "instance": instance(facts.instance),
        "request_id": facts.request_id,
        "trace_id": facts.trace_id,
        "span_id": facts.span_id,
        "service": SERVICE,
        "timestamp": to_text(facts.now),
    }
    if isinstance(error, ValidationFailed):
        shown = error.violations[:MAX_VIOLATIONS]
        result["errors"] = [_violation(violation, facts) for violation in shown]
    if "retry_after" in error.params:
        result["retry_after"] = error.params["retry_after"]
    return result


def error_envelope(error: DomainError, facts: Facts) -> dict[str, Any]:
    """The same refusal as an `ErrorEnvelope`, which adds the older fields `error` and `details`."""
    kind = CATALOGUE[error.key]
    detail = i18n.sentence(facts.locale, f"{error.key}.detail", params=error.params)
    result: dict[str, Any] = {
        "type": type_uri(kind, facts.public_url),
        "title": i18n.sentence(facts.locale, error.key),
        "status": kind.status,
        "detail": detail,
        "instance": instance(facts.instance),
        "error": detail,
        "requestId": facts.request_id,
    }
    if isinstance(error, ValidationFailed):
        details: dict[str, str] = {}
        for violation in error.violations[:MAX_VIOLATIONS]:
            details.setdefault(_field(violation.field), i18n.violation(facts.locale, violation))
        result["details"] = details
    return result


def headers(
    error: DomainError, challenge: str | None = None, *, credentials_sent: bool = False
) -> list[tuple[bytes, bytes]]:
    """The headers a refusal must carry: WWW-Authenticate on 401, Allow on 405, Connection on 408 and 413, Retry-After.

    `challenge` is the scheme of the operation, `Bearer` or `ApiKey`. A bearer challenge tells what is wrong
    with a token only to those who sent one (RFC 6750 §3).
    """
    result: list[tuple[bytes, bytes]] = []
    if CATALOGUE[error.key].status == 401:
        value = f'{challenge or "Bearer"} realm="{REALM}"'
        if isinstance(error, InvalidToken) and credentials_sent:
            about = i18n.sentence("en", f"{error.key}.detail").replace('"', "'")
            value += f', error="invalid_token", error_description="{about}"'
        result.append((b"www-authenticate", value.encode("ascii", "replace")))
    if CATALOGUE[error.key].status in (
        408,
        413,
    ):  # what still comes of the body has no use (RFC 9110 §15.5.9, §15.5.14)
        result.append((b"connection", b"close"))
    if "allow" in error.params:
        result.append((b"allow", error.params["allow"].encode()))
    if "retry_after" in error.params:
        result.append((b"retry-after", b"%d" % error.params["retry_after"]))
    return result


def type_uri(kind: ProblemType, public_url: str | None) -> str:
    """The type's URI: absolute when the public URL is known, else a reference to this server."""
    return (public_url or "") + kind.path


def instance(raw_path: str) -> str:
    """A path as a URI reference, whatever bytes were sent in its place; tokens in it are masked."""
    raw_path = masked(raw_path)
    if len(raw_path) > _MAX_INSTANCE_LENGTH:
        raw_path = _CUT_ESCAPE.sub("", raw_path[:_MAX_INSTANCE_LENGTH])
    if _URI_PATH.fullmatch(raw_path) and not raw_path.startswith("//"):
        return raw_path
    mended = quote(_LONE_PERCENT.sub("%25", raw_path), safe="/%-._~!$&'()*+,;=:@", errors="replace")
    return "/" + mended.lstrip("/")


def _violation(violation: Violation, facts: Facts) -> dict[str, Any]:
    result = {
        "field": _field(violation.field),
        "code": violation.code,
        "description": i18n.violation(facts.locale, violation),
    }
    if facts.development and violation.value is not None:
        result["value"] = _json(violation.value)
    return result


def _field(name: str) -> str:
    """A field's path, short enough to show and always valid text (it may hold what a client made up, even a token)."""
    name = masked(name)
    if len(name) > MAX_FIELD_LENGTH:
        name = name[: MAX_FIELD_LENGTH - 1] + "…"
    return name.encode("utf-8", "replace").decode().replace("\x00", "?") or '""'


def _json(value: Any) -> Any:
    """A value that every JSON reader takes: big integers and nested values become short texts."""
    if value is None or isinstance(value, (bool, float)):
        return value
    if isinstance(value, int) and abs(value) < _SAFE_INTEGER:
        return value
    text = masked(value if isinstance(value, str) else repr(value))
    return text[:MAX_SHOWN_LENGTH].encode("utf-8", "replace").decode()
