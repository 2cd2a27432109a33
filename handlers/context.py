"""What a handler is given besides the contract's arguments."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol, TypeVar

from sojourn.domain.clock import Clock, Instant
from sojourn.domain.ids import SessionKey
from sojourn.domain.limits import Limits
from sojourn.domain.refresh_tokens import RefreshKeys, RefreshToken
from sojourn.domain.risk import RiskThresholds
from sojourn.domain.sessions import Timeouts
from sojourn.domain.token_lifetimes import Lifetimes
from sojourn.domain.token_validity import TokenFacts
from sojourn.domain.tokens import AccessToken, LogoutToken, PresentedToken, SecurityEvents, SignedToken
from sojourn.domain.values import Caller, Tenant
from sojourn.handlers.feed import Feed
from sojourn.handlers.sending import Sending
from sojourn.handlers.status_places import StatusLists
from sojourn.storage.touches import Touch
from sojourn.storage.unit_of_work import UnitOfWork

H = TypeVar("H", bound=Callable[..., Awaitable[Any]])
T = TypeVar("T")


def reads_at_length(handler: H) -> H:
    """Marks a handler that may read very many rows: its reads hold up no other request."""
    handler.reads_at_length = True  # type: ignore[attr-defined]  # a mark on a function
    return handler


def prepared_by(step: Callable[..., Awaitable[Any]]) -> Callable[[H], H]:
    """Marks a handler that writes and has to look at very many rows before.

    `step` takes what the handler takes, and only reads: it holds up no other request. What it returns, the handler
    finds in `ctx.prepared`.
    """

    def mark(handler: H) -> H:
        handler.prepared_by = step  # type: ignore[attr-defined]  # a mark on a function
        return handler

    return mark


def commits_itself(handler: H) -> H:
    """Marks a handler that opens its own write transactions; it gets a read-only unit of work."""
    handler.commits_itself = True  # type: ignore[attr-defined]  # a mark on a function
    return handler


def takes_token(argument: str) -> Callable[[H], H]:
    """Marks a handler that receives a token, in a parameter or in a member of the body.

    The text is verified before the unit of work opens, which may ask the issuer's key set; the handler finds the
    result in `ctx.presented`.
    """

    def mark(handler: H) -> H:
        handler.token_argument = argument  # type: ignore[attr-defined]  # a mark on a function
        return handler

    return mark


def takes_actor(argument: str) -> Callable[[H], H]:
    """Marks a handler that may receive the token of somebody who acts for another; it finds it in `ctx.actor`."""

    def mark(handler: H) -> H:
        handler.actor_argument = argument  # type: ignore[attr-defined]  # a mark on a function
        return handler

    return mark


def takes_vouching_key(handler: H) -> H:
    """Marks a handler of an operation for bearer tokens beside which an API key may come: its holder vouches.

    The handler finds the key's id in `ctx.caller.vouched_by`. A key that is not good is refused.
    """
    handler.vouching_key = True  # type: ignore[attr-defined]  # a mark on a function
    return handler


def takes_refresh_credential(argument: str) -> Callable[[H], H]:
    """Marks a handler whose credential is a refresh token in the body: it names the tenant and the session.

    A handler so marked is called with a token of ours only, at most as often as a session may refresh, and never with
    the bearer token of another tenant or session. The handler finds it in `ctx.refresh_token`.
    """

    def mark(handler: H) -> H:
        handler.credential_argument = argument  # type: ignore[attr-defined]  # a mark on a function
        return handler

    return mark


def takes_logout_token(argument: str) -> Callable[[H], H]:
    """Marks a handler whose credential is a provider's logout token in the body; it finds it in `ctx.logout_token`."""

    def mark(handler: H) -> H:
        handler.logout_token_argument = argument  # type: ignore[attr-defined]  # a mark on a function
        return handler

    return mark


def takes_security_events(handler: H) -> H:
    """Marks a handler whose body is a provider's security event token; it finds it in `ctx.security_events`."""
    handler.security_events = True  # type: ignore[attr-defined]  # a mark on a function
    return handler


class AgentFacts(Protocol):
    """What a User-Agent text says; None where it says nothing."""

    @property
    def browser(self) -> str | None: ...

    @property
    def os(self) -> str | None: ...

    @property
    def device_type(self) -> str | None: ...


class Network(Protocol):
    """The network that an address is in: its number (RFC 6793), and who runs it where that is known."""

    @property
    def number(self) -> int: ...

    @property
    def organisation(self) -> str | None: ...


class Tokens(Protocol):
    """The token operations that handlers need: sign, read, check."""

    lifetimes: Lifetimes
    reuse_interval: timedelta
    issuer: str
    audience: str

    def refresh_keys(self, epoch: str | None) -> RefreshKeys: ...

    def readable_refresh_keys(self, epoch: str | None) -> tuple[RefreshKeys, ...]: ...

    async def key_set(self) -> dict[str, Any]: ...

    def sign_head(self, head: bytes) -> str: ...

    async def sign(
        self, unit: UnitOfWork, claims: Mapping[str, Any], *, now: datetime, key_id: str | None
    ) -> SignedToken: ...

    async def judge(
        self,
        unit: UnitOfWork,
        token: AccessToken,
        *,
        now: datetime,
        audience: str | None = None,
        device_fingerprint: str | None = None,
    ) -> TokenFacts: ...


class Purge(Protocol):
    """Deletes what a tenant keeps no longer; how many sessions went. `note` is called in the first transaction."""

    def __call__(
        self, tenant: Tenant, now: datetime, *, note: Callable[[UnitOfWork], Awaitable[None]]
    ) -> Awaitable[int]: ...


class Revoking(Protocol):
    """Carries plans out."""

    def look(self, tenant: Tenant) -> None:
        """A plan of the tenant was applied."""


class Toucher(Protocol):
    """Records an activity of an active session; False when it is not active any more."""

    def __call__(self, unit: UnitOfWork, key: SessionKey, *, at: datetime, touch: Touch) -> Awaitable[bool]: ...


class Writer(Protocol):
    """Runs `work` in a transaction of its own and returns its result once that is durable. Raises what `work` raises.

    It is for handlers that open their own write transactions.
    """

    def __call__(self, tenant: Tenant, work: Callable[[UnitOfWork], Awaitable[T]]) -> Awaitable[T]: ...


class SecurityLog(Protocol):
    """Records a security event of the request, by its name in the catalogue and with the members it has there."""

    def __call__(self, name: str, **members: Any) -> None: ...


@dataclass(frozen=True, slots=True)
class Service:
    """What every handler may use; one instance per process."""

    tokens: Tokens
    tag_of: Callable[[Any], str]
    timeouts: Timeouts
    sign_in_max_age: timedelta
    session_retention: timedelta
    clock: Clock
    device_trust_window: timedelta
    risk: RiskThresholds
    limits: Limits
    tenants_provisioned: bool
    describe_agent: Callable[[str], AgentFacts]
    locate: Callable[[str], str | None]
    network: Callable[[str], Network | None]
    is_ready: Callable[[], Awaitable[bool]]
    purge: Purge
    touch: Toucher
    write: Writer
    feed: Feed
    status_lists: StatusLists
    stream_max_age: timedelta
    sending: Sending
    public_url: str | None
    revoking: Revoking
    contract: Callable[[Literal["json", "yaml"]], bytes]
    problem_pages: "ProblemPages"
    documentation: "Documentation"
    console: "Console"


class ProblemPages(Protocol):
    """The documentation of problem types, by slug and locale."""

    def index(self, locale: str, media_type: str) -> bytes: ...

    def page(self, slug: str, locale: str, *, media_type: str) -> bytes | None: ...


class Console(Protocol):
    """The pages of the console, and their files by release and name."""

    def page(self, name: Literal["console", "account"], locale: str) -> tuple[bytes, bytes]: ...

    def file(self, release: str, name: str) -> bytes | None: ...


class Documentation(Protocol):
    """The front page, and the pages below `/docs`."""

    def front(self, locale: str, media_type: str) -> bytes: ...

    def mark(self) -> bytes: ...

    def reference(self, locale: str) -> tuple[bytes, bytes]: ...

    def script(self) -> bytes: ...

    def script_hash(self) -> str: ...

    def problems(self, locale: str) -> bytes: ...


@dataclass(slots=True)
class Context:
    """One request. `now` is the instant its unit of work began; `now_text` is the same in the stored text form. `began`
    is when its head had arrived.

    `presented` is what the token turned out to be that the request shows, where it shows one. `prepared` is what was
    read before, where the handler is marked `prepared_by`.
    """

    tenant: Tenant
    caller: Caller
    db: UnitOfWork
    now: datetime
    now_text: Instant
    locale: str
    media_type: str
    service: Service
    began: datetime
    security_event: SecurityLog
    presented: PresentedToken | None = None
    actor: PresentedToken | None = None
    request_id: str | None = None
    prepared: Any = None

    @property
    def refresh_token(self) -> RefreshToken:
        """The refresh token that is the request's credential. Raises RuntimeError where the operation takes none."""
        if not isinstance(self.presented, RefreshToken):
            raise RuntimeError("the operation has no refresh token as its credential")
        return self.presented

    @property
    def logout_token(self) -> LogoutToken:
        """The logout token that is the request's credential. Raises RuntimeError where the operation takes none."""
        if not isinstance(self.presented, LogoutToken):
            raise RuntimeError("the operation has no logout token as its credential")
        return self.presented

    @property
    def security_events(self) -> SecurityEvents:
        """The security event token that the request is. Raises RuntimeError where the operation takes none."""
        if not isinstance(self.presented, SecurityEvents):
            raise RuntimeError("the operation takes no security event token")
        return self.presented
