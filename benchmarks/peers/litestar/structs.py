"""The bodies as msgspec structs: decoded, checked and encoded by msgspec."""

import ipaddress
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType, structs

Id = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^\S([^\x00-\x1f\x7f]*\S)?$")]
Text128 = Annotated[str, Meta(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$")]
Text1024 = Annotated[str, Meta(min_length=1, max_length=1024, pattern=r"^[^\x00-\x1f\x7f]+$")]
Method = Annotated[str, Meta(max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]*$")]
Address = Annotated[str, Meta(min_length=2, max_length=45)]


class CreateSessionRequest(Struct, forbid_unknown_fields=True):
    """A sign-in and its circumstances."""

    auth_user_id: Id
    username: Id | UnsetType = UNSET
    amr: Annotated[list[Method], Meta(min_length=1, max_length=16)] | UnsetType = UNSET
    role: Annotated[str, Meta(max_length=64, pattern=r"^[A-Za-z][A-Za-z0-9_.:-]*$")] | UnsetType = UNSET
    app_id: Id | UnsetType = UNSET
    device_id: Id | UnsetType = UNSET
    device_fingerprint: Id | UnsetType = UNSET
    device_type: Annotated[str, Meta(max_length=32, pattern=r"^[a-z][a-z0-9_-]*$")] | UnsetType = UNSET
    browser: Text128 | UnsetType = UNSET
    os: Text128 | UnsetType = UNSET
    ip: Address | UnsetType = UNSET
    user_agent: Text1024 | UnsetType = UNSET

    def __post_init__(self) -> None:
        """The one rule that msgspec has no word for."""
        if self.ip is not UNSET:
            ipaddress.ip_address(self.ip)

    def given(self) -> dict[str, Any]:
        """The members that were sent."""
        return {name: value for name, value in structs.asdict(self).items() if value is not UNSET}


class ActiveSessionStatus(Struct):
    """Whether a user is signed in."""

    active: bool
    session_count: int


class SessionResponse(Struct, omit_defaults=True):
    """A session; its members are in the order of the store's columns."""

    id: str
    tenant_id: str
    user_id: str
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
    status: str = ""

    def __post_init__(self) -> None:
        """Only active sessions are answered here."""
        self.status = "active"


class PageInfo(Struct):
    """Where a page stands."""

    page: int
    page_size: int
    total: int
    total_pages: int
    has_next: bool
    has_prev: bool


class SessionListResponse(Struct, kw_only=True):
    """One page of sessions."""

    code: int = 0
    message: str = "ok"
    items: list[SessionResponse]
    total: int
    pagination: PageInfo
    timestamp: str


class TokenPairResponse(Struct):
    """A session's tokens."""

    access_token: str
    expires_in: int
    refresh_token: str
    token_type: str = "Bearer"


class CreateSessionData(Struct):
    """What a creation yields."""

    session: SessionResponse
    tokens: TokenPairResponse


class CreateSessionDataResponse(Struct, kw_only=True):
    """A session was created."""

    code: int = 0
    message: str = "ok"
    data: CreateSessionData
    timestamp: str


class SessionStatsResponse(Struct):
    """A tenant's numbers."""

    user_id: str
    total_sessions: int
    active_sessions: int
    expired_sessions: int
    revoked_sessions: int
    device_breakdown: dict[str, int]
    updated_at: str
