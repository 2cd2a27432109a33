"""Who calls in a benchmark: the key, the secret and the administrators' tokens that every server believes."""

import time

import jwt

from benchmarks import dataset

API_KEY = "benchmark-key-0123456789abcdef0123456789abcdef"
JWT_SECRET = "benchmark-secret-0123456789abcdef0123456789abcdef"
ADMIN = "usr_admin"
_DAY = 86_400


def token(tenant: str, *, roles: tuple[str, ...] = ("admin",), secret: str = JWT_SECRET) -> str:
    """A bearer token of one of the tenant's administrators, good for a day."""
    now = int(time.time())
    claims = {"sub": ADMIN, "tenant_id": tenant, "roles": list(roles), "iat": now, "exp": now + _DAY}
    return jwt.encode(claims, secret, algorithm="HS256")


def admin_tokens() -> list[str]:
    """One token for each tenant."""
    return [token(dataset.tenant_of(number)) for number in range(dataset.TENANTS)]


def internal_headers(user: int) -> dict[str, str]:
    """The headers of a service that asks about a user."""
    return {"X-API-Key": API_KEY, "X-Tenant-ID": dataset.tenant_of(user)}
