"""What the operations depend on: a database session, an API key, an administrator's token."""

import secrets
from collections.abc import AsyncIterator
from typing import Annotated, Any

import jwt
from fastapi import Depends, Header, HTTPException
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import event
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

from benchmarks.peers.surroundings import ADMIN_ROLES, API_KEY, DATABASE, JWT_SECRET

_ON_POSTGRESQL = DATABASE.startswith("postgresql://")
_ADDRESS = (
    DATABASE.replace("postgresql://", "postgresql+asyncpg://") if _ON_POSTGRESQL else f"sqlite+aiosqlite:///{DATABASE}"
)
# As many connections as the runner keeps requests under way, and none beyond: those would be opened per request.
engine = create_async_engine(_ADDRESS, pool_size=16, max_overflow=0)

api_key_header = APIKeyHeader(name="X-API-Key", auto_error=False)
bearer = HTTPBearer(auto_error=False)

TenantId = Annotated[str, Header(alias="X-Tenant-ID", pattern=r"^[A-Za-z0-9._:@|~+=-]{1,128}$")]


@event.listens_for(engine.sync_engine, "connect")
def set_pragmas(connection: Any, record: Any) -> None:
    """The settings that every server of a run has."""
    if _ON_POSTGRESQL:
        return
    cursor = connection.cursor()
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "cache_size = -16384", "mmap_size = 268435456"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


async def get_session() -> AsyncIterator[AsyncSession]:
    """A database session for one request."""
    async with AsyncSession(engine, expire_on_commit=False) as session:
        yield session


async def require_api_key(key: Annotated[str | None, Depends(api_key_header)]) -> None:
    """Refuse a caller without the key."""
    if key is None or not secrets.compare_digest(key.encode(), API_KEY.encode()):
        raise HTTPException(401, "Invalid API key")


async def get_admin(
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> dict[str, Any]:
    """The claims of an administrator's token."""
    headers = {"WWW-Authenticate": "Bearer"}
    if credentials is None:
        raise HTTPException(401, "Authentication required", headers)
    try:
        claims = jwt.decode(
            credentials.credentials, JWT_SECRET, algorithms=["HS256"], options={"require": ["exp", "sub"]}
        )
    except jwt.PyJWTError:
        raise HTTPException(401, "Invalid token", headers) from None
    if not ADMIN_ROLES.intersection(claims.get("roles", ())):
        raise HTTPException(403, "Insufficient role")
    return claims


SessionDep = Annotated[AsyncSession, Depends(get_session)]
AdminDep = Annotated[dict[str, Any], Depends(get_admin)]
