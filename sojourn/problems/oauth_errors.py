"""Refusals of forms, as OAuth 2.0 has them (RFC 6749 §5.2): a word of its registry, and a sentence in English."""

import re
from collections.abc import Mapping

from sojourn.domain.errors import DomainError, ValidationFailed, Violation
from sojourn.domain.secret_texts import masked
from sojourn.problems import documents, i18n

_ERRORS: Mapping[str, str] = {
    "authentication_required": "invalid_client",
    "invalid_api_key": "invalid_client",
    "insufficient_scope": "unauthorized_client",
    "unsupported_grant": "unsupported_grant_type",
    "refresh_token_invalid": "invalid_grant",
    "refresh_token_reused": "invalid_grant",
    "session_not_found": "invalid_grant",
    "not_your_resource": "invalid_grant",
}
"""The word for a refusal by its key; `invalid_request` for every other."""
_BY_PARAMETER: Mapping[str, str] = {
    "scope": "invalid_scope",
    "resource": "invalid_target",
    "audience": "invalid_target",
}
"""The word where one of these parameters is wrong (RFC 6749 §5.2, RFC 8693 §2.2.2)."""
_UNKNOWN_CLIENT = ("authentication_required", "invalid_api_key")
_SHOWN = 5
_LONGEST = 1024
_NOT_ALLOWED = re.compile(r"[^\x20-\x21\x23-\x5b\x5d-\x7e]+")


def status_of(error: DomainError) -> int:
    """The HTTP status of a refusal where refusals are OAuth errors: a client that may not is 400 (RFC 6749 §5.2)."""
    status = documents.status_of(error)
    return 400 if status in (401, 403, 404) and error.key not in _UNKNOWN_CLIENT else status


def document(error: DomainError) -> dict[str, str]:
    """`error` and `error_description`, in the characters that the standard allows."""
    if isinstance(error, ValidationFailed):
        text = " ".join(_sentence(violation) for violation in error.violations[:_SHOWN])
    else:
        text = i18n.sentence(i18n.DEFAULT, f"{error.key}.detail", params=error.params)
    return {
        "error": _word(error),
        "error_description": _NOT_ALLOWED.sub("'", text)[:_LONGEST],
    }


_OF_RULES: Mapping[str, str] = {
    "alg": "invalid_key",
    "signature": "invalid_key",
    "iss": "invalid_issuer",
    "aud": "invalid_audience",
}
"""The word where a security event token breaks one of these rules (RFC 8935 §2.4); `invalid_request` for any other."""


def of_security_event(error: DomainError) -> dict[str, str]:
    """`err` and `description`, as RFC 8935 §2.3 has them."""
    said = document(error)
    return {
        "err": _OF_RULES.get(str(error.params.get("rule")), "invalid_request"),
        "description": said["error_description"],
    }


def _word(error: DomainError) -> str:
    if isinstance(error, ValidationFailed):
        return _BY_PARAMETER.get(error.violations[0].field.partition("[")[0], "invalid_request")
    return _ERRORS.get(error.key, "invalid_request")


def _sentence(violation: Violation) -> str:
    return f"{masked(violation.field)[:100]}: {i18n.violation(i18n.DEFAULT, violation)}"
