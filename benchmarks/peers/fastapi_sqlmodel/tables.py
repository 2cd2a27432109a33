"""The tables as SQLModel classes. They exist already: the runner makes the file."""

from sqlmodel import Field, SQLModel


class SessionCounter(SQLModel, table=True):
    """A maintained number."""

    __tablename__ = "session_counters"

    tenant_id: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    device_type: str = Field(primary_key=True)
    value: int


class SessionToken(SQLModel, table=True):
    """The refresh state of a session."""

    __tablename__ = "session_tokens"

    tenant_id: str = Field(primary_key=True)
    session_id: str = Field(primary_key=True)
    first_generation: int = 0
    generation: int = 0
    nonce: str
    token_hash: str
    previous_hash: str | None = None
    rotated_at: str
    expires_at: str
    successor_used: int = 0
    client_id: str | None = None


class IssuedToken(SQLModel, table=True):
    """A token that was issued, by its hash."""

    __tablename__ = "issued_tokens"

    tenant_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    session_id: str | None
    user_id: str
    token_type: str
    token_hash: str
    created_at: str
    expires_at: str
    revoked_at: str | None = None
    ip: str | None = None
    user_agent: str | None = None


class Session(SQLModel, table=True):
    """A session."""

    __tablename__ = "sessions"

    id: str = Field(primary_key=True)
    tenant_id: str
    user_id: str
    created_at: str
    authenticated_at: str
    last_active_at: str
    expires_at: str
    idle_expires_at: str
    revoked_at: str | None = None
    due_at: str | None = None
    amr: str | None = None
    role: str | None = None
    app_id: str | None = None
    device_id: str | None = None
    device_fingerprint: str | None = None
    device_type: str | None = None
    browser: str | None = None
    os: str | None = None
    ip: str | None = None
    user_agent: str | None = None
    geoip: str | None = None
