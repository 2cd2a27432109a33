"""The tables of the audit trail. Records are added and never changed or deleted; only a pseudonym's row may go."""

from sqlalchemy import BigInteger, Column, Index
from sqlmodel import Field

from sojourn.domain.clock import Instant
from sojourn.domain.ids import TenantId
from sojourn.storage.schema.columns import Stored, instant, key_text, long_text, short_text


class AuditRecordTable(Stored, table=True):
    """One act. `hash` covers the record and the hash of the one before it; `before` and `after` are canonical JSON."""

    __tablename__ = "audit_records"

    tenant_id: TenantId = Field(sa_column=key_text(128))
    position: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    id: str = Field(sa_column=short_text(64, nullable=False))
    at: str = Field(sa_column=instant())
    actor_kind: str = Field(sa_column=short_text(16, nullable=False))
    actor_id: str | None = Field(sa_column=short_text())
    action: str = Field(sa_column=short_text(64, nullable=False))
    target: str | None = Field(sa_column=short_text())
    before: Instant | None = Field(sa_column=long_text())
    after: str | None = Field(sa_column=long_text())
    request_id: str | None = Field(sa_column=short_text(128))
    hash: str = Field(sa_column=short_text(64, nullable=False))


class AuditHeadTable(Stored, table=True):
    """The end of a tenant's chain, signed: what was cut off at the end is missed."""

    __tablename__ = "audit_heads"

    tenant_id: TenantId = Field(sa_column=key_text(128))
    position: int = Field(sa_column=Column(BigInteger, nullable=False))
    hash: str = Field(sa_column=short_text(64, nullable=False))
    signature: str = Field(sa_column=long_text(nullable=False))


class AuditPseudonymTable(Stored, table=True):
    """Which user a pseudonym in the trail stands for. Erasing the user deletes the row: nothing resolves it then."""

    __tablename__ = "audit_pseudonyms"
    __table_args__ = (Index("ux_audit_pseudonyms", "tenant_id", "pseudonym", unique=True),)

    tenant_id: TenantId = Field(sa_column=key_text(128))
    user_id: str = Field(sa_column=key_text())
    pseudonym: str = Field(sa_column=short_text(64, nullable=False))
