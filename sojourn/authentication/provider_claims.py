"""Reads tenant and roles from a token of an identity provider: claims by path, and mapped names."""

from collections.abc import Mapping
from typing import Any

from sojourn.domain.errors import InvalidToken
from sojourn.domain.ids import TenantId, is_tenant_id
from sojourn.settings import Settings


class ProviderClaims:
    """Reads and writes the claims that the settings name."""

    def __init__(self, settings: Settings) -> None:
        self._tenant = settings.jwt_tenant
        self._tenant_claim = settings.jwt_tenant_claim
        self._roles_claim = settings.jwt_roles_claim
        self._tenants = _mapping(settings.jwt_tenant_map)
        self._roles = _mapping(settings.jwt_role_map)

    def tenant(self, claims: Mapping[str, Any]) -> TenantId:
        """The tenant of a token. Raises InvalidToken when it names none."""
        if self._tenant is not None:
            return TenantId(self._tenant)
        name = self._tenant_claim
        value = claim(claims, name)
        if value is None:
            raise InvalidToken().because("claim_tenant", f"tenant: the claim {name} is missing")
        tenant = self._tenants.get(value) if self._tenants and isinstance(value, str) else value
        if tenant is None:
            raise InvalidToken().because(
                "claim_tenant", f"tenant: {name} is {shown(value)}, which SOJOURN_JWT_TENANT_MAP does not have"
            )
        if not isinstance(tenant, str) or not is_tenant_id(tenant):
            raise InvalidToken().because(
                "claim_tenant", f"tenant: {name} is {shown(value)}, which is not one tenant id"
            )
        return TenantId(tenant)

    def tenants_of_service(self, claims: Mapping[str, Any]) -> frozenset[str] | None:
        """The one tenant that a machine's token is for; None, which is every tenant, where it names none.

        Raises InvalidToken for a claim that names no tenant.
        """
        return frozenset({self.tenant(claims)}) if self.names_tenant(claims) else None

    def names_tenant(self, claims: Mapping[str, Any]) -> bool:
        """Whether a token names a tenant, or every token is of one."""
        return self._tenant is not None or claim(claims, self._tenant_claim) is not None

    def roles(self, claims: Mapping[str, Any]) -> frozenset[str]:
        """The roles of a token, in our words. Raises InvalidToken when the claim lists none of a readable form."""
        names = _names(claim(claims, self._roles_claim))
        if names is None:
            raise InvalidToken().because(
                "claim_roles", f"roles: {self._roles_claim} is neither a list of texts nor a text"
            )
        if not self._roles:
            return frozenset(names)
        return frozenset(self._roles[name] for name in names if name in self._roles)

    def written(self, tenant: str, roles: tuple[str, ...]) -> dict[str, Any]:
        """The claims that `tenant` and `roles` read back from. Raises ValueError where no claim would say them."""
        claims: dict[str, Any] = {}
        if self._tenant is None:
            claims[self._tenant_claim] = _origin(self._tenants, tenant, setting="SOJOURN_JWT_TENANT_MAP")
        elif self._tenant != tenant:
            raise ValueError(f"SOJOURN_JWT_TENANT says that every token is of the tenant {self._tenant}")
        claims[self._roles_claim] = [_origin(self._roles, role, setting="SOJOURN_JWT_ROLE_MAP") for role in roles]
        return claims


def claim(claims: Mapping[str, Any], path: str) -> Any:
    """The claim of this name, or the member that a path with dots leads to; None where there is none.

    A claim that is called like the whole path comes first, so names such as `https://example.com/roles` need no care.
    """
    if path in claims:
        return claims[path]
    for place, character in enumerate(path):
        inner = claims.get(path[:place]) if character == "." else None
        if isinstance(inner, Mapping) and (found := claim(inner, path[place + 1 :])) is not None:
            return found
    return None


def shown(value: Any) -> str:
    """A claim's value as a line of the log may show it; what would be invisible there is "nothing" or in quotes."""
    items = value if isinstance(value, list) else [] if value is None else [value]
    text = ", ".join(str(item) if str(item).strip() else f'"{item}"' for item in items) or "nothing"
    return text if len(text) <= 100 else text[:100] + "…"


def _mapping(items: tuple[str, ...]) -> dict[str, str]:
    parted = (item.rpartition("=") for item in items)
    return {before.strip(): after.strip() for before, _, after in parted}


def _origin(mapping: Mapping[str, str], wanted: str, *, setting: str) -> str:
    """What is mapped to `wanted`. Raises ValueError."""
    if not mapping:
        return wanted
    for name, meant in mapping.items():
        if meant == wanted:
            return name
    raise ValueError(f"{setting} maps nothing to {wanted}")


def _names(value: Any) -> list[str] | None:
    """Roles as a list, as one text separated by spaces, or as the names of an object whose members are objects."""
    if value is None:
        return []
    if isinstance(value, str):
        return [name for name in value.split(" ") if name]
    if isinstance(value, Mapping) and all(isinstance(member, Mapping) for member in value.values()):
        return list(value)
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return [name for name in value if name]
    return None
