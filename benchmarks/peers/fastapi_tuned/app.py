"""FastAPI as somebody who measures would write it: the driver instead of an ORM, blocking reads of microseconds in
the event loop, answers straight from orjson. Validation is FastAPI's own.
"""

import hmac
from typing import Annotated, Any

import jwt
import orjson
from fastapi import Depends, FastAPI, Header, HTTPException, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException as StarletteHTTPException

from benchmarks.peers.creation_model import CreateSessionRequest
from benchmarks.peers.session_store import SessionStore, as_text, utc_now
from benchmarks.peers.session_views import creation_view, list_view, problem, statistics_view
from benchmarks.peers.surroundings import ADMIN_ROLES, API_KEY, DATABASE, JWT_SECRET

TenantId = Annotated[str, Header(alias="X-Tenant-ID", pattern=r"^[A-Za-z0-9._:@|~+=-]{1,128}$")]
UserId = Annotated[str, Path(min_length=1, max_length=255, pattern=r"^\S([^\x00-\x1f\x7f]*\S)?$")]

app = FastAPI(openapi_url=None)
store = SessionStore(DATABASE)


async def require_api_key(x_api_key: Annotated[str, Header()] = "") -> None:
    """Refuse a caller without the key."""
    if not hmac.compare_digest(x_api_key.encode(), API_KEY.encode()):
        raise HTTPException(401, "Invalid API key")


async def admin(authorization: Annotated[str, Header()] = "") -> dict[str, Any]:
    """The claims of an administrator's token."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise HTTPException(401, "Authentication required", {"WWW-Authenticate": "Bearer"})
    try:
        claims = jwt.decode(token, JWT_SECRET, algorithms=["HS256"], options={"require": ["exp", "sub"]})
    except jwt.PyJWTError:
        raise HTTPException(401, "Invalid token", {"WWW-Authenticate": "Bearer"}) from None
    if not ADMIN_ROLES.intersection(claims.get("roles", ())):
        raise HTTPException(403, "Insufficient role")
    return claims


@app.get("/internal/session/sessions/{user_id}/active", dependencies=[Depends(require_api_key)])
async def check_user_active(user_id: UserId, tenant: TenantId) -> Response:
    """Whether a user is signed in."""
    count = store.count_active(tenant, user_id, as_text(utc_now()))
    return _json({"active": count > 0, "session_count": count})


@app.get("/internal/session/sessions/{user_id}", dependencies=[Depends(require_api_key)])
async def list_user_sessions(
    user_id: UserId,
    tenant: TenantId,
    page: Annotated[int, Query(ge=1, le=2_147_483_647)] = 1,
    page_size: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Response:
    """One page of a user's active sessions."""
    now = as_text(utc_now())
    rows, total = store.list_active(tenant, user_id, now, page, page_size)
    return _json(list_view(rows, total, page, page_size, now))


@app.post("/internal/session/create", dependencies=[Depends(require_api_key)])
async def create_session(body: CreateSessionRequest, tenant: TenantId) -> Response:
    """Record a sign-in."""
    now = utc_now()
    row, pair = store.create(tenant, body.model_dump(mode="json"), now)
    return _json(creation_view(row, pair, as_text(now)), 201)


@app.get("/admin/sessions/stats")
async def get_session_stats(claims: Annotated[dict[str, Any], Depends(admin)]) -> Response:
    """A tenant's numbers."""
    now = as_text(utc_now())
    numbers = store.statistics(claims["tenant_id"], now)
    if numbers is None:
        raise HTTPException(404, "Tenant not found")
    return _json(statistics_view(numbers, claims["sub"], now))


@app.exception_handler(StarletteHTTPException)
async def refused(request: Request, error: StarletteHTTPException) -> Response:
    """A refusal as a problem document."""
    return _json(problem(error.status_code, str(error.detail)), error.status_code, error.headers)


@app.exception_handler(RequestValidationError)
async def invalid(request: Request, error: RequestValidationError) -> Response:
    """A request that breaks a rule."""
    first = error.errors()[0]
    return _json(problem(400, "Validation failed", f"{first['loc']}: {first['msg']}"), 400)


def _json(view: dict[str, Any], status: int = 200, headers: Any = None) -> Response:
    media_type = "application/json" if status < 400 else "application/problem+json"
    return Response(orjson.dumps(view), status, headers, media_type)
