"""The refusals that exist only because requests arrive over HTTP. Rules, queries and handlers never raise them.

ValidationFailed
├── MalformedBody           the body is no JSON at all
└── MalformedRequest        the request cannot be read (a credential sent twice)
NotFound
└── RouteNotFound           no operation has this path
DomainError
├── MethodNotAllowed        405
├── NotAcceptable           406
├── RequestTimeout          408
├── ContentTooLarge         413
├── UriTooLong              414
├── UnsupportedMediaType    415
├── HeadersTooLarge         431
├── TransferCodingUnknown   501
└── VersionNotSupported     505

All others are in `sojourn.domain.errors`; `sojourn.problems.documents` has the one table for both.
"""

from collections.abc import Sequence

from sojourn.domain.errors import DomainError, NotFound, ValidationFailed


class MalformedBody(ValidationFailed):
    """The body is not the JSON text (RFC 8259) it claims to be."""

    key = "malformed_body"


class MalformedRequest(ValidationFailed):
    """The request has no single meaning: the request line or a credential cannot be read one way."""

    key = "malformed_request"


class RouteNotFound(NotFound):
    """No operation at this path."""

    key = "route_not_found"


class MethodNotAllowed(DomainError):
    """The path exists, the method does not; `allow` lists those that do."""

    key = "method_not_allowed"

    def __init__(self, allow: Sequence[str]) -> None:
        super().__init__(allow=", ".join(allow))


class NotAcceptable(DomainError):
    """The `Accept` header excludes every form this operation can answer in."""

    key = "not_acceptable"


class RequestTimeout(DomainError):
    """The request did not arrive in time."""

    key = "request_timeout"


class ContentTooLarge(DomainError):
    """The body is larger than the limit."""

    key = "content_too_large"


class UriTooLong(DomainError):
    """Path and query together are longer than the limit."""

    key = "uri_too_long"


class UnsupportedMediaType(DomainError):
    """The body's media type, charset or content coding is not accepted."""

    key = "unsupported_media_type"


class HeadersTooLarge(DomainError):
    """The header section is larger than the limit."""

    key = "headers_too_large"


class TransferCodingUnknown(DomainError):
    """The body has a transfer coding other than `chunked`."""

    key = "transfer_coding_unknown"


class VersionNotSupported(DomainError):
    """The request is in another version of HTTP than 1.0 and 1.1."""

    key = "version_not_supported"
