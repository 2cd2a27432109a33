"""The tables: the one description of the data, for statements, migrations and administration alike.

Every tenant's table has a key that begins with the tenant. Facts are nullable instants (`revoked_at`), never a flag
beside a date. No index holds a column that an activity changes: measured, one such index makes every touch rewrite it.
"""

from sqlalchemy import BigInteger, Column, Index, Integer, text
from sqlmodel import Field

from sojourn.domain.clock import Instant
from sojourn.domain.ids import SessionKey, TenantId
from sojourn.storage.schema.columns import Stored, instant, key_text, long_text, partial_index, session_key, short_text

_BY_OTHERS = text("revoked_by <> user_id")


class TenantTable(Stored, table=True):
    """A tenant, created on first use or by an operator."""

    __tablename__ = "tenants"

    id: str = Field(sa_column=key_text(128))
    name: str | None = Field(sa_column=short_text())
    created_at: Instant = Field(sa_column=instant())


class UserTable(Stored, table=True):
    """A user of a tenant: the caller's opaque id beside an integer key of ours."""

    __tablename__ = "users"
    __table_args__ = (Index("ix_users_key", "tenant_id", "key", unique=True),)

    tenant_id: TenantId = Field(sa_column=key_text(128))
    user_id: str = Field(sa_column=key_text())
    key: int = Field(sa_column=Column(BigInteger, nullable=False))
    username: str | None = Field(sa_column=short_text())
    created_at: Instant = Field(sa_column=instant())


class SessionTable(Stored, table=True):
    """A session, ended or not. `due_at` is explained in `sojourn.storage.queries.statistics`.

    `acr` is the authentication context class, `elevations` counts how often its assurance was raised. `recorded_by` is
    the API key that recorded the sign-in, `impersonator` the administrator who did: null where the user did.
    `idp_session_id` is the session at the identity provider `idp_issuer` that the sign-in came from.
    `status_index` is its place in the status lists of its tenant and week: null where it stands in none. `asn` is the
    number of the network that the user signed in from. `factors` and `details` are JSON, null for most sessions: the
    methods with the time of each, and what few sessions have (`as_org`, `name`, `metadata`), as responses show it.
    `suspended_until` is when its suspension ends, null where it is not suspended; what becomes of it then is
    `suspended_then`. Of a suspended session `due_at` has passed.
    """

    __tablename__ = "sessions"
    __table_args__ = (
        Index("ix_sessions_user", "tenant_id", "user_id", "id"),
        partial_index(
            "ix_sessions_active", "tenant_id", "user_id", "expires_at", null="revoked_at", only_on="postgresql"
        ),
        partial_index("ix_sessions_open", "tenant_id", "user_id", "due_at", not_null="due_at", only_on="sqlite"),
        partial_index("ix_sessions_revoked", "tenant_id", "id", not_null="revoked_at"),
        partial_index("ix_sessions_due", "tenant_id", "due_at", not_null="due_at"),
        partial_index("ix_sessions_device", "tenant_id", "device_id", not_null="device_id"),
        partial_index("ix_sessions_impersonator", "tenant_id", "impersonator", not_null="impersonator"),
        partial_index("ix_sessions_provider", "tenant_id", "idp_session_id", not_null="idp_session_id"),
        Index("ix_sessions_ended_by", "tenant_id", "revoked_by", sqlite_where=_BY_OTHERS, postgresql_where=_BY_OTHERS),
        {"sqlite_with_rowid": False, "postgresql_partition_by": "RANGE (id)"},
    )

    tenant_id: TenantId = Field(sa_column=key_text(128))
    id: SessionKey = Field(sa_column=session_key(primary_key=True))
    user_id: str = Field(sa_column=short_text(nullable=False))
    created_at: Instant = Field(sa_column=instant())
    authenticated_at: Instant = Field(sa_column=instant())
    last_active_at: Instant = Field(sa_column=instant())
    expires_at: Instant = Field(sa_column=instant())
    idle_expires_at: Instant = Field(sa_column=instant())
    due_at: Instant | None = Field(sa_column=instant(nullable=True))
    revoked_at: Instant | None = Field(sa_column=instant(nullable=True))
    revoked_by: str | None = Field(sa_column=short_text())
    revoke_reason: str | None = Field(sa_column=short_text())
    reason_code: str | None = Field(sa_column=short_text(32))
    amr: str | None = Field(sa_column=short_text(2048))
    role: str | None = Field(sa_column=short_text())
    app_id: str | None = Field(sa_column=short_text())
    device_id: str | None = Field(sa_column=short_text())
    device_fingerprint: str | None = Field(sa_column=short_text(512))
    device_type: str | None = Field(sa_column=short_text(32))
    browser: str | None = Field(sa_column=short_text())
    os: str | None = Field(sa_column=short_text())
    ip: str | None = Field(sa_column=short_text(45))
    user_agent: str | None = Field(sa_column=long_text())
    geoip: str | None = Field(sa_column=short_text())
    acr: str | None = Field(sa_column=short_text())
    elevations: int = Field(sa_column=Column(Integer, nullable=False, server_default=text("0")))
    last_ip: str | None = Field(sa_column=short_text(45))
    last_user_agent: str | None = Field(sa_column=long_text())
    recorded_by: str | None = Field(sa_column=short_text())
    impersonator: str | None = Field(sa_column=short_text())
    idp_issuer: str | None = Field(sa_column=short_text())
    idp_session_id: str | None = Field(sa_column=short_text())
    status_index: int | None = Field(sa_column=Column(BigInteger))
    asn: int | None = Field(sa_column=Column(BigInteger))
    factors: str | None = Field(sa_column=long_text())
    details: str | None = Field(sa_column=long_text())
    suspended_until: Instant | None = Field(sa_column=instant(nullable=True))
    suspended_then: str | None = Field(sa_column=short_text(16))


class SessionCounterTable(Stored, table=True):
    """A maintained number: `created` by device type, `revoked`, `expired`. Shards keep writers apart."""

    __tablename__ = "session_counters"

    tenant_id: TenantId = Field(sa_column=key_text(128))
    kind: str = Field(sa_column=key_text(16))
    device_type: str = Field(sa_column=key_text(32))
    shard: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    value: int = Field(sa_column=Column(BigInteger, nullable=False))


class TrustedDeviceTable(Stored, table=True):
    """A device that a user trusts until an instant."""

    __tablename__ = "trusted_devices"
    __table_args__ = (
        Index("ux_trusted_devices_fact", "tenant_id", "user_id", "device_fingerprint", unique=True),
        Index("ix_trusted_devices_user", "tenant_id", "user_id", "id"),
        Index("ix_trusted_devices_fingerprint", "tenant_id", "device_fingerprint"),
    )

    tenant_id: TenantId = Field(sa_column=key_text(128))
    id: str = Field(sa_column=key_text(64))
    user_id: str = Field(sa_column=short_text(nullable=False))
    device_fingerprint: str = Field(sa_column=short_text(512, nullable=False))
    device_name: str | None = Field(sa_column=short_text())
    device_type: str | None = Field(sa_column=short_text(32))
    browser: str | None = Field(sa_column=short_text())
    os: str | None = Field(sa_column=short_text())
    ip: str | None = Field(sa_column=short_text(45))
    created_at: Instant = Field(sa_column=instant())
    trusted_until: Instant = Field(sa_column=instant())


class LeaseTable(Stored, table=True):
    """A lease: which process does some work, and until when."""

    __tablename__ = "leases"

    name: str = Field(sa_column=key_text(64))
    holder: str = Field(sa_column=short_text(64, nullable=False))
    held_until: Instant = Field(sa_column=instant())


class ApiKeyTable(Stored, table=True):
    """An API key, by the hash of its secret. `tenants` is a JSON array, or null for every tenant.

    `scopes` is a JSON array, or null for what keys without scopes may do. `previous_hash` is that of the secret before
    the last rotation, good until `previous_until`.
    """

    __tablename__ = "api_keys"

    id: str = Field(sa_column=key_text(64))
    name: str = Field(sa_column=short_text(nullable=False))
    secret_hash: str = Field(sa_column=short_text(64, nullable=False))
    tenants: str | None = Field(sa_column=long_text())
    created_at: Instant = Field(sa_column=instant())
    expires_at: Instant | None = Field(sa_column=instant(nullable=True))
    revoked_at: Instant | None = Field(sa_column=instant(nullable=True))
    scopes: str | None = Field(sa_column=long_text())
    last_used_at: Instant | None = Field(sa_column=instant(nullable=True))
    previous_hash: str | None = Field(sa_column=short_text(64))
    previous_until: Instant | None = Field(sa_column=instant(nullable=True))
