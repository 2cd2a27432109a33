"""The first schema: tenants, users, sessions, devices, tokens, keys.

Frozen: later changes are revisions of their own. Each revision only adds what the program before it can live beside
(expand); what nobody uses any more leaves in a later release (contract). So copies of both releases run side by side.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None

TENANT_TABLES = (
    "users",
    "sessions",
    "session_counters",
    "trusted_devices",
    "session_tokens",
    "issued_tokens",
    "blacklist",
    "token_configs",
    "not_before",
    "session_usage",
)
PARTITIONED_TABLES = ("sessions", "session_tokens", "session_usage")
"""By the week of the session's id, on PostgreSQL; the weeks themselves come and go with time."""


def upgrade() -> None:
    """Make every table, and on PostgreSQL hold the tenants' tables to one tenant by row security."""
    _tenants()
    _users()
    _sessions()
    _session_counters()
    _trusted_devices()
    _api_keys()
    _session_tokens()
    _issued_tokens()
    _blacklist()
    _token_configs()
    _not_before()
    _signing_keys()
    _session_usage()
    _leases()
    if op.get_bind().dialect.name == "postgresql":
        for table in PARTITIONED_TABLES:
            op.execute(f"CREATE TABLE {table}_default PARTITION OF {table} DEFAULT")
        for table in (*TENANT_TABLES, *(f"{table}_default" for table in PARTITIONED_TABLES)):
            op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
            op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
            op.execute(
                f"CREATE POLICY own_tenant ON {table} USING (tenant_id = current_setting('sojourn.tenant', true))"
            )


def _text(name: str, length: int | None = None, *, nullable: bool = False) -> sa.Column[str]:
    kind: Any = sa.Text if length is None else sa.String
    plain, ordered = kind(length), kind(length, collation="C")
    return sa.Column(name, plain.with_variant(ordered, "postgresql"), nullable=nullable)


def _session(name: str, *, nullable: bool = False) -> sa.Column[str]:
    kind = sa.String(36).with_variant(postgresql.UUID(as_uuid=False), "postgresql")
    return sa.Column(name, kind, nullable=nullable)


def _instant(name: str, *, nullable: bool = False) -> sa.Column[str]:
    kind: Any = sa.String(24).with_variant(postgresql.TIMESTAMP(timezone=True, precision=3), "postgresql")
    return sa.Column(name, kind, nullable=nullable)


def _index(name: str, table: str, *columns: str, unique: bool = False, where: str | None = None) -> None:
    condition = None if where is None else sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition)


def _tenants() -> None:
    op.create_table(
        "tenants",
        _text("id", 128),
        _text("name", 255, nullable=True),
        _instant("created_at"),
        sa.PrimaryKeyConstraint("id"),
    )


def _users() -> None:
    op.create_table(
        "users",
        _text("tenant_id", 128),
        _text("user_id", 255),
        sa.Column("key", sa.BigInteger(), nullable=False),
        _text("username", 255, nullable=True),
        _instant("created_at"),
        sa.PrimaryKeyConstraint("tenant_id", "user_id"),
    )
    _index("ix_users_key", "users", "tenant_id", "key", unique=True)


def _sessions() -> None:
    op.create_table(
        "sessions",
        _text("tenant_id", 128),
        _session("id"),
        _text("user_id", 255),
        _instant("created_at"),
        _instant("authenticated_at"),
        _instant("last_active_at"),
        _instant("expires_at"),
        _instant("idle_expires_at"),
        _instant("due_at", nullable=True),
        _instant("revoked_at", nullable=True),
        _text("revoked_by", 255, nullable=True),
        _text("revoke_reason", 255, nullable=True),
        _text("amr", 2048, nullable=True),
        _text("role", 255, nullable=True),
        _text("app_id", 255, nullable=True),
        _text("device_id", 255, nullable=True),
        _text("device_fingerprint", 512, nullable=True),
        _text("device_type", 32, nullable=True),
        _text("browser", 255, nullable=True),
        _text("os", 255, nullable=True),
        _text("ip", 45, nullable=True),
        _text("user_agent", nullable=True),
        _text("geoip", 255, nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sqlite_with_rowid=False,
        postgresql_partition_by="RANGE (id)",
    )
    _index("ix_sessions_active", "sessions", "tenant_id", "user_id", "expires_at", where="revoked_at IS NULL")
    _index("ix_sessions_device", "sessions", "tenant_id", "device_id", where="device_id IS NOT NULL")
    _index("ix_sessions_due", "sessions", "tenant_id", "due_at", where="due_at IS NOT NULL")
    _index("ix_sessions_revoked", "sessions", "tenant_id", "id", where="revoked_at IS NOT NULL")
    _index("ix_sessions_user", "sessions", "tenant_id", "user_id", "id")


def _session_counters() -> None:
    op.create_table(
        "session_counters",
        _text("tenant_id", 128),
        _text("kind", 16),
        _text("device_type", 32),
        sa.Column("shard", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "kind", "device_type", "shard"),
    )


def _trusted_devices() -> None:
    op.create_table(
        "trusted_devices",
        _text("tenant_id", 128),
        _text("id", 64),
        _text("user_id", 255),
        _text("device_fingerprint", 512),
        _text("device_name", 255, nullable=True),
        _text("device_type", 32, nullable=True),
        _text("browser", 255, nullable=True),
        _text("os", 255, nullable=True),
        _text("ip", 45, nullable=True),
        _instant("created_at"),
        _instant("trusted_until"),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
    )
    _index("ix_trusted_devices_fingerprint", "trusted_devices", "tenant_id", "device_fingerprint")
    _index("ix_trusted_devices_user", "trusted_devices", "tenant_id", "user_id", "id")
    _index("ux_trusted_devices_fact", "trusted_devices", "tenant_id", "user_id", "device_fingerprint", unique=True)


def _api_keys() -> None:
    op.create_table(
        "api_keys",
        _text("id", 64),
        _text("name", 255),
        _text("secret_hash", 64),
        _text("tenants", nullable=True),
        _instant("created_at"),
        _instant("expires_at", nullable=True),
        _instant("revoked_at", nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )


def _session_tokens() -> None:
    op.create_table(
        "session_tokens",
        _text("tenant_id", 128),
        _session("session_id"),
        sa.Column("first_generation", sa.Integer(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        _text("nonce", 64),
        _text("token_hash", 64),
        _text("previous_hash", 64, nullable=True),
        _instant("rotated_at"),
        _instant("expires_at"),
        sa.Column("successor_used", sa.Boolean(), nullable=False),
        _text("client_id", 255, nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "session_id"),
        postgresql_partition_by="RANGE (session_id)",
    )


def _issued_tokens() -> None:
    op.create_table(
        "issued_tokens",
        _text("tenant_id", 128),
        _text("id", 64),
        _session("session_id", nullable=True),
        _text("user_id", 255),
        _text("token_type", 16),
        _text("token_hash", 64),
        _instant("created_at"),
        _instant("expires_at"),
        _instant("revoked_at", nullable=True),
        _text("ip", 45, nullable=True),
        _text("user_agent", nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
    )
    _index("ix_issued_tokens_expiry", "issued_tokens", "tenant_id", "expires_at")
    _index("ix_issued_tokens_user", "issued_tokens", "tenant_id", "user_id", "id")
    _index("ux_issued_tokens_hash", "issued_tokens", "tenant_id", "token_hash", unique=True)


def _blacklist() -> None:
    op.create_table(
        "blacklist",
        _text("tenant_id", 128),
        _text("id", 64),
        _text("token_hash", 64),
        _text("token_type", 16),
        _text("user_id", 255),
        _text("reason", 255, nullable=True),
        _instant("created_at"),
        _instant("expires_at"),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
    )
    _index("ix_blacklist_user", "blacklist", "tenant_id", "user_id", "id")
    _index("ux_blacklist_hash", "blacklist", "tenant_id", "token_hash", unique=True)


def _token_configs() -> None:
    op.create_table(
        "token_configs",
        _text("tenant_id", 128),
        _text("access_expiry", 64),
        _text("refresh_expiry", 64),
        _text("leeway", 64),
        _instant("updated_at"),
        sa.PrimaryKeyConstraint("tenant_id"),
    )


def _not_before() -> None:
    op.create_table(
        "not_before",
        _text("tenant_id", 128),
        _text("user_id", 255),
        _text("token_type", 16),
        _instant("issued_until"),
        _text("reason", 255, nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "user_id", "token_type"),
    )


def _signing_keys() -> None:
    op.create_table(
        "signing_keys",
        _text("id", 64),
        _text("algorithm", 16),
        _text("public_jwk"),
        _text("sealed_private"),
        _instant("created_at"),
        _instant("signs_from"),
        _instant("retired_at", nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )


def _session_usage() -> None:
    op.create_table(
        "session_usage",
        _text("tenant_id", 128),
        _session("session_id"),
        _text("day", 10),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "session_id", "day"),
        postgresql_partition_by="RANGE (session_id)",
    )


def _leases() -> None:
    op.create_table(
        "leases",
        _text("name", 64),
        _text("holder", 64),
        _instant("held_until"),
        sa.PrimaryKeyConstraint("name"),
    )
