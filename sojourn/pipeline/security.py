"""Security of an operation as one closure: who is calling, and whether they may.

The contract names the scheme (`security`), the roles of users (`x-roles`) and the scope of API keys (`x-scope`); this
module turns them into one function that is called once per request. Authentication (401) comes before authorisation
(403), and both come before validation, so that unauthenticated callers do not learn what is valid.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from sojourn.domain.errors import (
    AuthenticationRequired,
    DomainError,
    InsufficientRole,
    InsufficientScope,
    InvalidApiKey,
    InvalidToken,
    TenantNotAllowed,
)
from sojourn.domain.refresh_tokens import RefreshToken
from sojourn.domain.scopes import SCOPES
from sojourn.domain.tokens import LogoutToken, PresentedToken, SecurityEvents
from sojourn.domain.values import Caller, Tenant, tenant
from sojourn.pipeline.clients import Client
from sojourn.pipeline.schemas import ContractError

TENANT_HEADER = b"x-tenant-id"
API_KEY_HEADER = b"x-api-key"
AUTHORIZATION = b"authorization"


class Identity(NamedTuple):
    """The caller. `tenant` is None while only the request itself can name it (an API key of several tenants)."""

    caller: Caller
    tenant: Tenant | None


Authenticate = Callable[[Mapping[bytes, bytes], datetime], Awaitable[Identity]]
AuthenticateForm = Callable[[Client, datetime], Awaitable[Identity]]
ANONYMOUS = Identity(Caller("user", ""), None)


class AcceptedKey(Protocol):
    """An API key that was accepted. `tenants` is None when it covers every tenant."""

    @property
    def caller(self) -> Caller: ...

    @property
    def tenants(self) -> frozenset[str] | None: ...

    @property
    def scopes(self) -> frozenset[str]: ...


class ApiKeyChecker(Protocol):
    """Finds the API key that a header value is: `recognise` without the database, else `authenticate`."""

    def recognise(self, header_value: bytes) -> AcceptedKey | None: ...

    async def authenticate(self, header_value: str, now: datetime) -> AcceptedKey: ...


class LogoutTokenReader(Protocol):
    """Reads a provider's logout token. Raises InvalidLogoutToken."""

    async def read(self, token: str, now: datetime) -> LogoutToken: ...


class SecurityEventReader(Protocol):
    """Reads a provider's security event token. Raises InvalidSecurityEvent."""

    async def read(self, token: str, now: datetime) -> SecurityEvents: ...


class TokenChecker(Protocol):
    """Reads a bearer token: who calls, and in which tenant."""

    @property
    def logout(self) -> LogoutTokenReader: ...

    @property
    def signals(self) -> SecurityEventReader: ...

    async def authenticate(self, token: str, now: datetime) -> tuple[Caller, Tenant]: ...

    async def authenticate_service(self, token: str, now: datetime) -> "AcceptedKey | None": ...

    async def authenticate_lapsed(self, token: str) -> tuple[Caller, Tenant]: ...

    async def admit(self, refresh_token: str, bearer: Caller, *, of: Tenant | None, now: datetime) -> RefreshToken: ...

    async def present(self, text: str, of: Tenant) -> PresentedToken: ...


@dataclass(frozen=True, slots=True)
class Security:
    """The security of one operation. `challenge` is the scheme named in a 401; None when all may call.

    `is_internal` says whether only services or administrators may call. Where the credentials may be parameters of the
    form, `by_form` takes the place of `authenticate`, once the form is read.
    """

    authenticate: Authenticate
    challenge: str | None
    is_internal: bool = False
    by_form: AuthenticateForm | None = None


def compile_security(
    requirements: list[dict[str, list[str]]] | None,
    schemes: Mapping[str, Mapping[str, Any]],
    *,
    roles: frozenset[str],
    scope: str | None,
    api_keys: ApiKeyChecker,
    tokens: TokenChecker,
    vouching_key: bool = False,
) -> Security:
    """The Security of an operation. Raises ContractError for a scheme that this program does not know.

    `scope` is what an API key must be good for; an operation that takes a key and names none is a ContractError.
    `vouching_key` lets an API key come beside a bearer token: its holder vouches for what the request says.
    """
    names = [name for requirement in requirements or [] for name in requirement]
    if not names:
        return Security(_anyone, None)
    if len(names) > 1:
        raise ContractError("an operation has one security scheme")
    scheme = schemes[names[0]]
    if scheme["type"] == "apiKey" and scheme["in"] == "header" and scheme["name"].lower() == "x-api-key":
        return Security(_api_key(api_keys, _known(scope), tokens=tokens), "ApiKey", True)
    if scheme["type"] == "http" and scheme["scheme"].lower() == "basic":
        return Security(_anyone, "Basic", True, _client(api_keys, _known(scope)))
    if scheme["type"] == "http" and scheme["scheme"].lower() == "bearer":
        if {} in (requirements or []):
            return Security(_lapsed_bearer(tokens), "Bearer")
        authenticate = _bearer(tokens, roles)
        if vouching_key:
            authenticate = _vouched(authenticate, _api_key(api_keys, _known(scope), tokens=tokens))
        return Security(authenticate, "Bearer", bool(roles))
    raise ContractError(f"security scheme {names[0]!r} is not one we serve")


def _known(scope: str | None) -> str:
    if scope not in SCOPES:
        raise ContractError(f"an operation that takes an API key names its scope (x-scope): one of {', '.join(SCOPES)}")
    return scope


async def _anyone(headers: Mapping[bytes, bytes], now: datetime) -> Identity:
    return ANONYMOUS


def _api_key(keys: ApiKeyChecker, scope: str, *, tokens: TokenChecker) -> Authenticate:
    async def authenticate(headers: Mapping[bytes, bytes], now: datetime) -> Identity:
        value = headers.get(API_KEY_HEADER)
        if value:
            key: AcceptedKey = keys.recognise(value) or await keys.authenticate(value.decode("latin-1"), now)
        else:
            key = await _service(headers, now, tokens=tokens)
        if scope not in key.scopes:
            held = ", ".join(sorted(key.scopes)) or "none"
            raise _refusal(InsufficientScope(scope=scope).because("", f"scopes: got {held}, want {scope}"), key)
        if key.tenants is not None:
            tenant = headers.get(TENANT_HEADER)
            if tenant is not None and tenant.decode("latin-1") not in key.tenants:
                raise _refusal(TenantNotAllowed(), key)
        return Identity(key.caller, None)

    return authenticate


def _client(keys: ApiKeyChecker, scope: str) -> AuthenticateForm:
    """An API key as the secret of an OAuth client, whose id is the tenant (RFC 6749 §2.3.1)."""

    async def authenticate(client: Client, now: datetime) -> Identity:
        key: AcceptedKey = keys.recognise(client.secret) or await keys.authenticate(client.secret.decode(), now)
        if key.tenants is not None and client.tenant not in key.tenants:
            raise _refusal(InvalidApiKey().because("tenant", "client: the key is not for this tenant"), key)
        if scope not in key.scopes:
            held = ", ".join(sorted(key.scopes)) or "none"
            raise _refusal(InsufficientScope(scope=scope).because("", f"scopes: got {held}, want {scope}"), key)
        return Identity(key.caller, tenant(client.tenant))

    return authenticate


async def _service(headers: Mapping[bytes, bytes], now: datetime, *, tokens: TokenChecker) -> AcceptedKey:
    """The service that sends a bearer token in place of an API key. Raises AuthenticationRequired where none does."""
    value = headers.get(AUTHORIZATION)
    found = await tokens.authenticate_service(_token(value), now) if value else None
    if found is None:
        raise AuthenticationRequired()
    return found


def _refusal(error: DomainError, key: AcceptedKey) -> DomainError:
    error.by = key.caller
    return error


def _bearer(tokens: TokenChecker, roles: frozenset[str]) -> Authenticate:
    async def authenticate(headers: Mapping[bytes, bytes], now: datetime) -> Identity:
        value = headers.get(AUTHORIZATION)
        if not value:
            raise AuthenticationRequired()
        token = _token(value)
        caller, tenant = await tokens.authenticate(token, now)
        if roles and roles.isdisjoint(caller.roles):
            wanted = ", ".join(sorted(roles))
            held = ", ".join(sorted(caller.roles))[:200] or "none"
            refusal = InsufficientRole(roles=wanted).because("", f"roles: got {held}, want one of {wanted}")
            refusal.by = caller
            raise refusal
        return Identity(caller, tenant)

    return authenticate


def _vouched(bearer: Authenticate, key: Authenticate) -> Authenticate:
    """A bearer token, and perhaps an API key that covers its tenant: refused where it is sent and not good."""

    async def authenticate(headers: Mapping[bytes, bytes], now: datetime) -> Identity:
        caller, tenant = await bearer(headers, now)
        if not headers.get(API_KEY_HEADER) or tenant is None:
            return Identity(caller, tenant)
        voucher = await key({**headers, TENANT_HEADER: tenant.id.encode("latin-1")}, now)
        return Identity(caller._replace(vouched_by=voucher.caller.id), tenant)

    return authenticate


def _lapsed_bearer(tokens: TokenChecker) -> Authenticate:
    """For operations whose credential is in the body: a bearer token may come too, and may have expired."""

    async def authenticate(headers: Mapping[bytes, bytes], now: datetime) -> Identity:
        value = headers.get(AUTHORIZATION)
        if not value:
            return ANONYMOUS
        return Identity(*await tokens.authenticate_lapsed(_token(value)))

    return authenticate


def _token(value: bytes) -> str:
    """The token of an Authorization header. Raises AuthenticationRequired for another scheme."""
    scheme, _, token = value.decode("latin-1").partition(" ")
    if scheme.lower() != "bearer":
        raise AuthenticationRequired()
    token = token.strip(" ")
    if not token:
        raise InvalidToken().because("form", "form: no token after Bearer")
    return token
