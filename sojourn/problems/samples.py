"""One refusal of each type, with parameters as they could be: what the pages and the tests make documents of."""

from collections.abc import Mapping

from sojourn.domain import errors
from sojourn.problems import http_errors

SAMPLES: Mapping[str, errors.DomainError] = {
    sample.key: sample
    for sample in (
        errors.ValidationFailed([errors.Violation("page_size", "maximum", {"limit": 100})]),
        http_errors.MalformedBody([errors.Violation("body", "json_syntax", {"line": 1, "column": 17})]),
        http_errors.MalformedRequest([errors.Violation("X-API-Key", "repeated_parameter")]),
        errors.AuthenticationRequired(),
        errors.InvalidApiKey(),
        errors.InvalidToken(),
        errors.TokenExpired(),
        errors.RefreshTokenInvalid(),
        errors.RefreshTokenReused(),
        errors.InsufficientRole(roles="admin, security_admin"),
        errors.InsufficientScope(scope="tokens"),
        errors.TenantNotAllowed(),
        errors.NotYourResource(),
        errors.RoleNotAllowed(),
        errors.NotEntitledToVouch("own_token"),
        errors.SignInSuperseded(),
        errors.FirstTokensIssued(),
        errors.CursorExpired(),
        errors.PlanExpired(),
        errors.PlanDrifted(sessions=72, max_sessions=42),
        errors.TenantLimitReached(limit=10_000, tenant="acme"),
        errors.TenantExists(),
        errors.IdempotencyKeyReused(),
        errors.PreconditionFailed(),
        errors.TenantMismatch(),
        errors.UnsupportedGrant(),
        errors.InvalidSubjectToken(),
        errors.InvalidLogoutToken("exp"),
        http_errors.RouteNotFound(),
        errors.SessionNotFound(),
        errors.TenantNotFound(),
        errors.TokenNotFound(),
        errors.DeviceNotFound(),
        errors.BlacklistEntryNotFound(),
        errors.ApiKeyNotFound(),
        errors.StatusListNotFound(),
        errors.MetadataNotFound(),
        errors.PageFileNotFound(),
        errors.WebhookLimitReached(limit=1_000),
        errors.WebhookNotFound(),
        errors.DeliveryNotFound(),
        errors.PlanNotFound(),
        errors.RevocationNotFound(),
        errors.ProblemTypeNotFound(),
        http_errors.MethodNotAllowed(["DELETE", "GET"]),
        http_errors.NotAcceptable(offers="application/json"),
        http_errors.RequestTimeout(),
        http_errors.ContentTooLarge(limit=65536),
        http_errors.UriTooLong(limit=8192),
        http_errors.UnsupportedMediaType(accepted="application/json"),
        http_errors.HeadersTooLarge(limit=16384),
        errors.RateLimited(retry_after=30),
        errors.InternalError(),
        http_errors.TransferCodingUnknown(),
        errors.Unavailable(retry_after=2),
        http_errors.VersionNotSupported(),
    )
}
"""One refusal of each type, as it could happen."""
