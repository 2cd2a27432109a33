"""The caller and the tenant of a request."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

from sojourn.domain.ids import TenantId
from sojourn.domain.tokens import AccessToken

ADMIN_ROLES = frozenset({"admin", "security_admin"})

CallerKind = Literal["internal", "user"]


@dataclass(frozen=True, slots=True)
class Tenant:
    """The tenant of a request. There is no default tenant and none that means all; an empty id raises ValueError."""

    id: TenantId

    def __post_init__(self) -> None:
        if not self.id:
            raise ValueError("a tenant needs an id")


SERVICE_TRAIL = Tenant(TenantId("<service>"))
"""The owner of the audit trail for acts that concern the service or several tenants. No tenant id has this form."""
NO_TENANT = Tenant(TenantId("<none>"))
"""The tenant of operations that concern none (health, contract, API keys): no tenant id has this form."""


@lru_cache(maxsize=4096)
def tenant(tenant_id: TenantId) -> Tenant:
    """The tenant of an id; the same few ask again and again. Raises ValueError for an empty id."""
    return Tenant(tenant_id)


class Caller(NamedTuple):
    """The caller of an operation. `internal` callers hold an API key, `user` callers a bearer token.

    `id` is the API key's id or the token's `sub`; `session_id` is the token's `sid`, if it has one. `token` is the
    bearer token itself, `vouched_by` the id of the API key that came beside it where an operation allows that.
    `tenants` are those to which an API key is limited, None for a key that covers every tenant.
    """

    kind: CallerKind
    id: str
    roles: frozenset[str] = frozenset()
    session_id: str | None = None
    token: AccessToken | None = None
    vouched_by: str | None = None
    tenants: frozenset[str] | None = None

    @property
    def is_admin(self) -> bool:
        """Whether one of the administrative roles is held."""
        return not ADMIN_ROLES.isdisjoint(self.roles)
