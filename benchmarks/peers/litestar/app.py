"""Litestar as its documentation shows it: msgspec structs for bodies and answers, guards, its own JWT support."""

import hmac
from typing import Annotated, Any

from litestar import Litestar, get, post
from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException, NotFoundException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler
from litestar.params import Parameter
from litestar.plugins.problem_details import ProblemDetailsConfig, ProblemDetailsPlugin
from litestar.security.jwt import JWTAuth, Token

from benchmarks.peers.litestar.structs import (
    ActiveSessionStatus,
    CreateSessionData,
    CreateSessionDataResponse,
    CreateSessionRequest,
    PageInfo,
    SessionListResponse,
    SessionResponse,
    SessionStatsResponse,
    TokenPairResponse,
)
from benchmarks.peers.session_store import SessionStore, as_text, utc_now
from benchmarks.peers.surroundings import ADMIN_ROLES, API_KEY, DATABASE, JWT_SECRET
from benchmarks.peers.token_pair import ACCESS_SECONDS

TenantId = Annotated[str, Parameter(header="X-Tenant-ID", pattern=r"^[A-Za-z0-9._:@|~+=-]{1,128}$")]
UserId = Annotated[str, Parameter(min_length=1, max_length=255, pattern=r"^\S([^\x00-\x1f\x7f]*\S)?$")]

store = SessionStore(DATABASE)


def require_api_key(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Refuse a caller without the key."""
    if not hmac.compare_digest(connection.headers.get("X-API-Key", "").encode(), API_KEY.encode()):
        raise NotAuthorizedException("Invalid API key")


def require_admin(connection: ASGIConnection[Any, Any, Token, Any], handler: BaseRouteHandler) -> None:
    """Refuse a caller who is no administrator."""
    if not ADMIN_ROLES.intersection(connection.auth.extras.get("roles", ())):
        raise PermissionDeniedException("Insufficient role")


@get("/internal/session/sessions/{user_id:str}/active", guards=[require_api_key], exclude_from_auth=True)
async def check_user_active(user_id: UserId, tenant: TenantId) -> ActiveSessionStatus:
    """Whether a user is signed in."""
    count = store.count_active(tenant, user_id, as_text(utc_now()))
    return ActiveSessionStatus(active=count > 0, session_count=count)


@get("/internal/session/sessions/{user_id:str}", guards=[require_api_key], exclude_from_auth=True)
async def list_user_sessions(
    user_id: UserId,
    tenant: TenantId,
    page: Annotated[int, Parameter(ge=1, le=2_147_483_647)] = 1,
    page_size: Annotated[int, Parameter(ge=1, le=500)] = 100,
) -> SessionListResponse:
    """One page of a user's active sessions."""
    now = as_text(utc_now())
    rows, total = store.list_active(tenant, user_id, now, page, page_size)
    pages = -(-total // page_size)
    return SessionListResponse(
        items=[SessionResponse(*row) for row in rows],
        total=total,
        pagination=PageInfo(page, page_size, total, pages, page < pages, page > 1 and total > 0),
        timestamp=now,
    )


@post("/internal/session/create", guards=[require_api_key], exclude_from_auth=True)
async def create_session(data: CreateSessionRequest, tenant: TenantId) -> CreateSessionDataResponse:
    """Record a sign-in."""
    now = utc_now()
    row, pair = store.create(tenant, data.given(), now)
    tokens = TokenPairResponse(pair.access, ACCESS_SECONDS, pair.refresh)
    return CreateSessionDataResponse(data=CreateSessionData(SessionResponse(*row), tokens), timestamp=as_text(now))


@get("/admin/sessions/stats", guards=[require_admin])
async def get_session_stats(request: Any) -> SessionStatsResponse:
    """A tenant's numbers."""
    now = as_text(utc_now())
    numbers = store.statistics(request.auth.extras["tenant_id"], now)
    if numbers is None:
        raise NotFoundException("Tenant not found")
    return SessionStatsResponse(
        user_id=request.user,
        total_sessions=numbers.total,
        active_sessions=numbers.active,
        expired_sessions=numbers.expired,
        revoked_sessions=numbers.revoked,
        device_breakdown=numbers.devices,
        updated_at=now,
    )


async def user_of(token: Token, connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    """The user that a token names; nothing to look up."""
    return token.sub


app = Litestar(
    [check_user_active, list_user_sessions, create_session, get_session_stats],
    on_app_init=[JWTAuth[str](retrieve_user_handler=user_of, token_secret=JWT_SECRET).on_app_init],
    plugins=[ProblemDetailsPlugin(ProblemDetailsConfig(enable_for_all_http_exceptions=True))],
    openapi_config=None,
    debug=False,
)
