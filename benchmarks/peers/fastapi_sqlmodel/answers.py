"""The answers as models: FastAPI filters and serialises through them."""

from pydantic import BaseModel


class ActiveSessionStatus(BaseModel):
    """Whether a user is signed in."""

    active: bool
    session_count: int


class SessionResponse(BaseModel):
    """A session."""

    id: str
    tenant_id: str
    user_id: str
    status: str = "active"
    created_at: str
    authenticated_at: str
    last_active_at: str
    expires_at: str
    idle_expires_at: str
    amr: str | None = None
    device_id: str | None = None
    device_type: str | None = None
    ip: str | None = None
    user_agent: str | None = None
    geoip: str | None = None


class PageInfo(BaseModel):
    """Where a page stands."""

    page: int
    page_size: int
    total: int
    total_pages: int
    has_next: bool
    has_prev: bool


class SessionListResponse(BaseModel):
    """One page of sessions."""

    code: int = 0
    message: str = "ok"
    items: list[SessionResponse]
    total: int
    pagination: PageInfo
    timestamp: str


class TokenPairResponse(BaseModel):
    """A session's tokens."""

    access_token: str
    expires_in: int
    refresh_token: str
    token_type: str


class CreateSessionData(BaseModel):
    """What a creation yields."""

    session: SessionResponse
    tokens: TokenPairResponse


class CreateSessionDataResponse(BaseModel):
    """A session was created."""

    code: int = 0
    message: str = "ok"
    data: CreateSessionData
    timestamp: str


class SessionStatsResponse(BaseModel):
    """A tenant's numbers."""

    user_id: str
    total_sessions: int
    active_sessions: int
    expired_sessions: int
    revoked_sessions: int
    device_breakdown: dict[str, int]
    updated_at: str
