"""The refusals that rules, queries and handlers raise, as values that know nothing of HTTP.

DomainError
├── ValidationFailed        the request breaks the contract; carries every violation
├── AuthenticationRequired  no credentials
├── InvalidApiKey           an API key we do not know
├── InvalidToken            a bearer token we do not accept
│   └── TokenExpired
├── RefreshTokenInvalid     a refresh token that is none of ours or is past its end
├── RefreshTokenReused      an exchanged refresh token was sent again; its session was ended
├── InsufficientRole        the caller is known but lacks a role
├── InsufficientScope       the API key lacks a scope
├── TenantNotAllowed        the API key does not cover the tenant
├── NotYourResource         another user's session
├── RoleNotAllowed          the caller may not give a session a role
├── NotEntitledToVouch      the credential does not attest what the request says of a sign-in
├── SignInSuperseded        the user was ended after the sign-in
├── FirstTokensIssued       the session has had its first pair of tokens
├── CursorExpired           events behind a cursor are not kept any more, or are of another database
├── PlanExpired             a plan is too old to be applied
├── PlanDrifted             more sessions fit a plan than it may end
├── TenantLimitReached      no tenant more is made on first use
├── SessionLimitReached     the tenant's policy allows the user no session more
├── WebhookLimitReached     the tenant may have no webhook more
├── TenantExists            a tenant of this id is there already
├── LogoutClientExists      an application of this client id is there already
├── IdempotencyKeyReused    a retry's key that came with another request before
├── PreconditionFailed      what the caller saw before has changed
├── TenantMismatch          the body names another tenant than the credential
├── UnsupportedGrant        not the grant of token exchange
├── InvalidSubjectToken     a token that cannot be exchanged
├── InvalidSecurityEvent    a provider's security event token that is not accepted
├── InvalidLogoutToken      a provider's logout token that is not accepted
├── NotFound
│   ├── SessionNotFound
│   ├── TenantNotFound
│   ├── TokenNotFound
│   ├── DeviceNotFound
│   ├── BlacklistEntryNotFound
│   ├── ApiKeyNotFound
│   ├── StatusListNotFound
│   ├── MetadataNotFound
│   ├── LogoutClientNotFound
│   ├── PageFileNotFound
│   ├── WebhookNotFound
│   ├── DeliveryNotFound
│   ├── PlanNotFound
│   ├── RevocationNotFound
│   └── ProblemTypeNotFound
├── RateLimited             too often; try again later
├── Unavailable             a dependency does not answer now; try again
└── InternalError           our own fault; tells nothing

What only the transport can refuse (a method, a media type, a size) is in `sojourn.problems.http_errors`. One table in
`sojourn.problems.documents` maps `key` to status, code and type; the locale files hold the words.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any, ClassVar, Self

from sojourn.domain.values import Caller


@dataclasses.dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule of the contract.

    `field` is a dot/bracket path (`items[0].city`), `code` the broken keyword (`required`, `format`),
    `params` what the sentence about it needs (`{"limit": 100}`). `value` is what was sent; it is shown
    in development mode only and is None for anything the contract marks as a secret.
    """

    field: str
    code: str
    params: dict[str, Any] = dataclasses.field(default_factory=dict)
    value: Any = None


class DomainError(Exception):
    """A refusal. `key` names it everywhere; `params` fill the sentence; `persist` keeps what was written.

    A few refusals must be remembered (a replayed refresh token ends its session): those set
    `persist = True` and the unit of work commits before the refusal is answered.

    `why` (one word), `detail` (one line, without a secret), and `by` whom where that is known already, are for the
    operator's log: callers are told the key only.
    """

    key: ClassVar[str] = "internal"
    persist: ClassVar[bool] = False
    why: str = ""
    detail: str = ""
    by: Caller | None = None

    def __init__(self, **params: Any) -> None:
        super().__init__(self.key)
        self.params = params

    def because(self, why: str, detail: str = "") -> Self:
        """The same refusal, with the reason for the operator's log: one word, and a line where there is more to say."""
        self.why, self.detail = why, detail
        return self


class ValidationFailed(DomainError):
    """The request breaks the contract in one or more places."""

    key = "validation_failed"

    def __init__(self, violations: Sequence[Violation]) -> None:
        super().__init__(count=len(violations))
        self.violations = tuple(violations)


class AuthenticationRequired(DomainError):
    """No credentials were sent."""

    key = "authentication_required"


class InvalidApiKey(DomainError):
    """The API key is unknown, revoked or expired; the response does not say which."""

    key = "invalid_api_key"


class InvalidToken(DomainError):
    """The bearer token is not acceptable (RFC 6750 §3.1 `invalid_token`)."""

    key = "invalid_token"


class TokenExpired(InvalidToken):
    """The bearer token was good once: its `exp` has passed."""

    key = "token_expired"


class RefreshTokenInvalid(DomainError):
    """The refresh token is not acceptable; the response does not say why. Nothing was changed."""

    key = "refresh_token_invalid"


class RefreshTokenReused(DomainError):
    """A spent refresh token was used again (RFC 9700 §4.14.2). The session was ended; that is committed."""

    key = "refresh_token_reused"
    persist = True


class InsufficientRole(DomainError):
    """The caller holds none of the roles that the operation asks for."""

    key = "insufficient_role"


class InsufficientScope(DomainError):
    """The API key does not have the `scope` that the operation asks for."""

    key = "insufficient_scope"


class TenantNotAllowed(DomainError):
    """The API key is limited to other tenants."""

    key = "tenant_not_allowed"


class NotYourResource(DomainError):
    """The resource belongs to another user of the same tenant."""

    key = "not_your_resource"


class RoleNotAllowed(DomainError):
    """Only internal callers and administrators give sessions a role."""

    key = "role_not_allowed"


class NotEntitledToVouch(DomainError):
    """The credential does not attest what the request says of a sign-in.

    `reason` is `own_token` (it proves a session, no sign-in), `stale` (the sign-in is too old, or lies in the future),
    `spent` (it was presented before), `beyond` (it does not say what `members` say) or `one_factor`.
    """

    key = "not_entitled_to_vouch"

    def __init__(self, reason: str, members: Sequence[str] = ()) -> None:
        super().__init__(reason=reason, members=", ".join(members))


class SignInSuperseded(DomainError):
    """The user was ended after the request or the sign-in began: nothing is begun by it any more."""

    key = "sign_in_superseded"


class FirstTokensIssued(DomainError):
    """The first pair of tokens of a session was issued before: nothing was issued."""

    key = "first_tokens_issued"


class CursorExpired(DomainError):
    """What follows a cursor of the feed is not kept any more, or the cursor is of another database."""

    key = "cursor_expired"


class PlanExpired(DomainError):
    """A plan was made too long ago to be applied. Nothing has ended."""

    key = "plan_expired"


class PlanDrifted(DomainError):
    """More sessions fit a plan (`sessions`) than may end (`max_sessions`). Nothing has ended."""

    key = "plan_drifted"


class TenantLimitReached(DomainError):
    """There are as many tenants as may be made on first use; `limit` is how many."""

    key = "tenant_limit_reached"


class SessionLimitReached(DomainError):
    """The tenant's policy allows `limit` sessions, and so many are open. Nothing was created, and none has ended."""

    key = "session_limit_reached"


class WebhookLimitReached(DomainError):
    """The tenant has as many webhooks as it may have; `limit` is how many."""

    key = "webhook_limit_reached"


class TenantExists(DomainError):
    """A tenant of this id is there already; it was left as it is."""

    key = "tenant_exists"


class LogoutClientExists(DomainError):
    """The tenant has an application of this client id already; it was left as it is."""

    key = "logout_client_exists"


class IdempotencyKeyReused(DomainError):
    """The key of a retry came with another request before, or its answer cannot be read any more: nothing was done."""

    key = "idempotency_key_reused"


class PreconditionFailed(DomainError):
    """What is to be changed is not what `If-Match` says any more (RFC 9110 §13.1.1): nothing was changed."""

    key = "precondition_failed"


class TenantMismatch(DomainError):
    """The body names another tenant than the credential does."""

    key = "tenant_mismatch"


class UnsupportedGrant(DomainError):
    """The grant type or token type is not one of token exchange as served here (RFC 8693)."""

    key = "unsupported_grant"


class InvalidSubjectToken(DomainError):
    """The token to be exchanged is not good (RFC 8693 §2.2.2)."""

    key = "invalid_subject_token"


class InvalidLogoutToken(DomainError):
    """A logout token breaks a rule of OpenID Connect Back-Channel Logout 1.0 §2.6. Nothing has ended.

    `rule` is the claim, header parameter or property that is wrong (`exp`, `alg`, `signature`, `replayed`).
    """

    key = "invalid_logout_token"

    def __init__(self, rule: str) -> None:
        super().__init__(rule=rule)
        self.why = rule


class InvalidSecurityEvent(DomainError):
    """A security event token breaks a rule of RFC 8417 or RFC 8935. Nothing has ended.

    `rule` is the claim, header parameter or property that is wrong (`aud`, `alg`, `signature`).
    """

    key = "invalid_security_event"

    def __init__(self, rule: str) -> None:
        super().__init__(rule=rule)
        self.why = rule


class NotFound(DomainError):
    """Root of everything that is absent."""


class SessionNotFound(NotFound):
    """No such session in the caller's tenant."""

    key = "session_not_found"


class TenantNotFound(NotFound):
    """The tenant does not exist."""

    key = "tenant_not_found"


class TokenNotFound(NotFound):
    """No such token in the tenant's inventory."""

    key = "token_not_found"


class DeviceNotFound(NotFound):
    """No such device in the tenant."""

    key = "device_not_found"


class BlacklistEntryNotFound(NotFound):
    """No such entry in the tenant's blacklist."""

    key = "blacklist_entry_not_found"


class ApiKeyNotFound(NotFound):
    """No such API key, or none that the caller's key may manage."""

    key = "api_key_not_found"


class StatusListNotFound(NotFound):
    """There is no status list with this id, or it is needed no longer."""

    key = "status_list_not_found"


class LogoutClientNotFound(NotFound):
    """The tenant has no application of this client id."""

    key = "logout_client_not_found"


class MetadataNotFound(NotFound):
    """The service has no public URL, of which the metadata of OAuth consists."""

    key = "metadata_not_found"


class PageFileNotFound(NotFound):
    """This release has no such file for its pages: the page is of another release."""

    key = "page_file_not_found"


class WebhookNotFound(NotFound):
    """No such endpoint in the tenant."""

    key = "webhook_not_found"


class DeliveryNotFound(NotFound):
    """The endpoint was never to be told of such an event, or the event is not kept any more."""

    key = "delivery_not_found"


class PlanNotFound(NotFound):
    """No such plan in the tenant, or it is kept no longer."""

    key = "plan_not_found"


class RevocationNotFound(NotFound):
    """No plan of the tenant was applied under this id, or it is kept no longer."""

    key = "revocation_not_found"


class ProblemTypeNotFound(NotFound):
    """No problem type has this name."""

    key = "problem_type_not_found"


class RateLimited(DomainError):
    """Too many requests of a kind. `retry_after` is in seconds."""

    key = "rate_limited"

    def __init__(self, retry_after: int = 1) -> None:
        super().__init__(retry_after=retry_after)


class Unavailable(DomainError):
    """A dependency, such as the database, does not respond. `retry_after` is in seconds."""

    key = "unavailable"

    def __init__(self, retry_after: int = 1) -> None:
        super().__init__(retry_after=retry_after)


class InternalError(DomainError):
    """A fault of the server. Carries no detail."""
