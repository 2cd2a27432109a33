"""What a handler is given besides the contract's arguments."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol, TypeVar

from domain.risk import RiskThresholds
from domain.sessions import Timeouts
from domain.token_validity import TokenFacts
from domain.tokens import AccessToken, Lifetimes, RefreshKeys
from domain.values import Caller, Tenant
from storage.touches import Touch
from storage.unit_of_work import UnitOfWork

H = TypeVar("H", bound=Callable[..., Awaitable[Any]])


def commits_itself(handler: H) -> H:
    """Marks a handler whose work is many transactions: its unit only reads, what it writes is lent by the service."""
    handler.commits_itself = True  # type: ignore[attr-defined]  # a mark on a function
    return handler


class AgentFacts(Protocol):
    """What a User-Agent text tells; None where it tells nothing."""

    @property
    def browser(self) -> str | None: ...

    @property
    def os(self) -> str | None: ...

    @property
    def device_type(self) -> str | None: ...


class Tokens(Protocol):
    """Tokens, as far as handlers need to know: signed, read and judged; never how."""

    lifetimes: Lifetimes
    reuse_interval: timedelta
    issuer: str
    audience: str

    @property
    def refresh_keys(self) -> RefreshKeys: ...

    async def key_set(self) -> dict[str, Any]: ...

    async def sign(self, unit: UnitOfWork, claims: Mapping[str, Any]) -> str: ...

    async def read(self, token: str) -> AccessToken | None: ...

    async def judge(
        self,
        unit: UnitOfWork,
        token: AccessToken,
        now: datetime,
        device_fingerprint: str | None = None,
    ) -> TokenFacts: ...

    def permit_refresh(self, tenant: str, session: str, now: datetime) -> None: ...


@dataclass(frozen=True, slots=True)
class Service:
    """What the program lends to every handler; the same for all requests of a process."""

    tokens: Tokens
    timeouts: Timeouts
    device_trust_window: timedelta
    risk: RiskThresholds
    tenants_provisioned: bool
    describe_agent: Callable[[str], AgentFacts]
    locate: Callable[[str], str | None]
    is_ready: Callable[[], Awaitable[bool]]
    purge: Callable[[Tenant, datetime], Awaitable[int]]
    touch: Callable[[UnitOfWork, str, datetime, Touch], Awaitable[bool]]
    contract: Callable[[Literal["json", "yaml"]], bytes]
    problem_pages: "ProblemPages"
    documentation: "Documentation"


class ProblemPages(Protocol):
    """The documentation of problem types, by slug and locale."""

    def index(self, locale: str, media_type: str) -> bytes: ...

    def page(self, slug: str, locale: str, media_type: str) -> bytes | None: ...


class Documentation(Protocol):
    """The pages below `/docs`."""

    def reference(self) -> tuple[bytes, bytes]: ...

    def script(self) -> bytes: ...

    def problems(self, locale: str) -> bytes: ...


@dataclass(slots=True)
class Context:
    """One request. `now` is the instant its unit of work began; `now_text` is the same in the stored text form."""

    tenant: Tenant
    caller: Caller
    db: UnitOfWork
    now: datetime
    now_text: str
    locale: str
    media_type: str
    service: Service
