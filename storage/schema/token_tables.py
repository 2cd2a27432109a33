"""The tables of tokens: what is needed to check them, and nothing that could be used as one.

Refresh and access tokens and blacklist entries are kept as hashes. Private signing keys are sealed with a key
that is not in the database (`sojourn.authentication.vault`): a stolen database alone is not enough to sign in.
"""

from sqlalchemy import Boolean, Column, Index, Integer, false, text
from sqlmodel import Field

from sojourn.domain.clock import Instant
from sojourn.domain.ids import SessionKey, TenantId
from sojourn.storage.schema.columns import (
    Stored,
    flag,
    instant,
    key_text,
    long_text,
    partial_index,
    session_key,
    short_text,
)


class SessionTokenTable(Stored, table=True):
    """The refresh state of a session: one row, moved on by one conditional update per rotation."""

    __tablename__ = "session_tokens"
    __table_args__ = ({"postgresql_partition_by": "RANGE (session_id)"},)

    tenant_id: TenantId = Field(sa_column=key_text(128))
    session_id: SessionKey = Field(sa_column=session_key(primary_key=True))
    first_generation: int = Field(sa_column=Column(Integer, nullable=False))
    generation: int = Field(sa_column=Column(Integer, nullable=False))
    nonce: str = Field(sa_column=short_text(64, nullable=False))
    token_hash: str = Field(sa_column=short_text(64, nullable=False))
    previous_hash: str | None = Field(sa_column=short_text(64))
    rotated_at: Instant = Field(sa_column=instant())
    expires_at: Instant = Field(sa_column=instant())
    successor_used: bool = Field(sa_column=flag())
    client_id: str | None = Field(sa_column=short_text())


class IssuedTokenTable(Stored, table=True):
    """The inventory: every token that was issued, by the hash that identifies it.

    `key_id` is the key that signed it (null for a refresh token), `cut_offs` how many cut-offs there had been for its
    user, `elevations` how often its session's assurance had been raised. They are null for tokens of releases that did
    not note them, and `revoked_at` is not used any more.
    """

    __tablename__ = "issued_tokens"
    __table_args__ = (
        Index("ux_issued_tokens_hash", "tenant_id", "token_hash", unique=True),
        Index("ix_issued_tokens_user", "tenant_id", "user_id", "id"),
        Index("ix_issued_tokens_expiry", "tenant_id", "expires_at"),
    )

    tenant_id: TenantId = Field(sa_column=key_text(128))
    id: str = Field(sa_column=key_text(64))
    session_id: SessionKey | None = Field(sa_column=session_key(nullable=True))
    user_id: str = Field(sa_column=short_text(nullable=False))
    token_type: str = Field(sa_column=short_text(16, nullable=False))
    token_hash: str = Field(sa_column=short_text(64, nullable=False))
    created_at: Instant = Field(sa_column=instant())
    expires_at: Instant = Field(sa_column=instant())
    revoked_at: Instant | None = Field(sa_column=instant(nullable=True))
    ip: str | None = Field(sa_column=short_text(45))
    user_agent: str | None = Field(sa_column=long_text())
    key_id: str | None = Field(sa_column=short_text(64))
    cut_offs: int | None = Field(sa_column=Column(Integer))
    elevations: int | None = Field(sa_column=Column(Integer))


class PresentedTokenTable(Stored, table=True):
    """A token of an identity provider that vouched for a sign-in: it does so once. Kept until nobody can present it."""

    __tablename__ = "presented_tokens"
    __table_args__ = (Index("ix_presented_tokens_expiry", "tenant_id", "expires_at"),)

    tenant_id: TenantId = Field(sa_column=key_text(128))
    token_hash: str = Field(sa_column=key_text(64))
    expires_at: Instant = Field(sa_column=instant())


class KeptAnswerTable(Stored, table=True):
    """What a request with an Idempotency-Key was answered, for its retries.

    `id` is a hash of the caller and the key, `sealed` the request's hash and the answer, encrypted as private keys are.
    `user_id` is the user whom the request concerns: erased with that user.
    """

    __tablename__ = "kept_answers"
    __table_args__ = (
        partial_index("ix_kept_answers_user", "tenant_id", "user_id", not_null="user_id"),
        Index("ix_kept_answers_expiry", "tenant_id", "expires_at"),
    )

    tenant_id: TenantId = Field(sa_column=key_text(128))
    id: str = Field(sa_column=key_text(64))
    user_id: str | None = Field(sa_column=short_text())
    sealed: str = Field(sa_column=long_text(nullable=False))
    expires_at: Instant = Field(sa_column=instant())


class BlacklistTable(Stored, table=True):
    """A token that is refused until it would have expired anyway. `by_user`: the user did that, with a bearer token."""

    __tablename__ = "blacklist"
    __table_args__ = (
        Index("ux_blacklist_hash", "tenant_id", "token_hash", unique=True),
        Index("ix_blacklist_user", "tenant_id", "user_id", "id"),
    )

    tenant_id: TenantId = Field(sa_column=key_text(128))
    id: str = Field(sa_column=key_text(64))
    token_hash: str = Field(sa_column=short_text(64, nullable=False))
    token_type: str = Field(sa_column=short_text(16, nullable=False))
    user_id: str = Field(sa_column=short_text(nullable=False))
    reason: str | None = Field(sa_column=short_text())
    created_at: Instant = Field(sa_column=instant())
    expires_at: Instant = Field(sa_column=instant())
    by_user: bool = Field(sa_column=Column(Boolean, nullable=False, server_default=false()))


class TokenConfigTable(Stored, table=True):
    """A tenant's own lifetimes, as they were written: durations in text form."""

    __tablename__ = "token_configs"

    tenant_id: TenantId = Field(sa_column=key_text(128))
    access_expiry: str = Field(sa_column=short_text(64, nullable=False))
    refresh_expiry: str = Field(sa_column=short_text(64, nullable=False))
    leeway: str = Field(sa_column=short_text(64, nullable=False))
    updated_at: Instant = Field(sa_column=instant())


class NotBeforeTable(Stored, table=True):
    """Tokens of a type issued so far are refused: of one user, or of the tenant (user `''`).

    The type `sign_in` is of no token of ours: sign-ins of before begin no session any more.

    `count` says how often that was asked for: a token is refused when the count was lower at its issue. `issued_until`
    is the instant, for tokens that know no count.
    """

    __tablename__ = "not_before"

    tenant_id: TenantId = Field(sa_column=key_text(128))
    user_id: str = Field(sa_column=key_text())
    token_type: str = Field(sa_column=key_text(16))
    issued_until: Instant = Field(sa_column=instant())
    reason: str | None = Field(sa_column=short_text())
    count: int = Field(sa_column=Column(Integer, nullable=False, server_default=text("0")))


class SigningKeyTable(Stored, table=True):
    """A key that signs access tokens. The public half is in clear, the private one sealed."""

    __tablename__ = "signing_keys"

    id: str = Field(sa_column=key_text(64))
    algorithm: str = Field(sa_column=short_text(16, nullable=False))
    public_jwk: str = Field(sa_column=long_text(nullable=False))
    sealed_private: str = Field(sa_column=long_text(nullable=False))
    created_at: Instant = Field(sa_column=instant())
    signs_from: str = Field(sa_column=instant())
    retired_at: Instant | None = Field(sa_column=instant(nullable=True))


class EpochTable(Stored, table=True):
    """The present epoch, in one row: what tells our tokens from those issued before a backup was restored."""

    __tablename__ = "epochs"

    name: str = Field(sa_column=key_text(16))
    value: str = Field(sa_column=short_text(64, nullable=False))


class SessionUsageTable(Stored, table=True):
    """How often a session was used on a day (UTC, `2026-04-15`)."""

    __tablename__ = "session_usage"
    __table_args__ = ({"postgresql_partition_by": "RANGE (session_id)"},)

    tenant_id: TenantId = Field(sa_column=key_text(128))
    session_id: SessionKey = Field(sa_column=session_key(primary_key=True))
    day: str = Field(sa_column=key_text(10))
    count: int = Field(sa_column=Column(Integer, nullable=False))
