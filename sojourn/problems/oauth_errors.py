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
}
"""The word for a refusal by its key; `invalid_request` for every other."""
_STATUSES: Mapping[str, int] = {"insufficient_scope": 400}
_SHOWN = 5
_LONGEST = 1024
_NOT_ALLOWED = re.compile(r"[^\x20-\x21\x23-\x5b\x5d-\x7e]+")


def status_of(error: DomainError) -> int:
    """The HTTP status of a refusal where refusals are OAuth errors: a client that may not is 400 (RFC 6749 §5.2)."""
    return _STATUSES.get(error.key, documents.status_of(error))


def document(error: DomainError) -> dict[str, str]:
    """`error` and `error_description`, in the characters that the standard allows."""
    if isinstance(error, ValidationFailed):
        text = " ".join(_sentence(violation) for violation in error.violations[:_SHOWN])
    else:
        text = i18n.sentence(i18n.DEFAULT, f"{error.key}.detail", params=error.params)
    return {
        "error": _ERRORS.get(error.key, "invalid_request"),
        "error_description": _NOT_ALLOWED.sub("'", text)[:_LONGEST],
    }


def _sentence(violation: Violation) -> str:
    return f"{masked(violation.field)[:100]}: {i18n.violation(i18n.DEFAULT, violation)}"
