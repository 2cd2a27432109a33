"""The tables of rollups: how many sessions were created and ended in each step of time. They name no user."""

from sqlalchemy import BigInteger, Boolean, Column
from sqlmodel import Field

from sojourn.domain.clock import Instant
from sojourn.domain.ids import SessionKey, TenantId
from sojourn.storage.schema.columns import Stored, instant, key_text, session_key


class RollupTable(Stored, table=True):
    """What events have changed in a step (`1m`, `1h`, `24h`) that begins at `begins_at`: of the whole tenant, where the
    dimension is empty, or of the sessions with one value of a dimension.

    `opened` is by how many more sessions were active after it, `rise` by how many more at most meanwhile, at the end of
    a minute. The step `now` has one row for each value: its `opened` is how many are active after all that was counted.
    """

    __tablename__ = "rollups"

    tenant_id: TenantId = Field(sa_column=key_text(128))
    step: str = Field(sa_column=key_text(4))
    dimension: str = Field(sa_column=key_text(16))
    begins_at: Instant = Field(sa_column=Column(instant().type, primary_key=True))
    value: str = Field(sa_column=key_text())
    created: int = Field(sa_column=Column(BigInteger, nullable=False))
    ended: int = Field(sa_column=Column(BigInteger, nullable=False))
    opened: int = Field(sa_column=Column(BigInteger, nullable=False))
    rise: int = Field(sa_column=Column(BigInteger, nullable=False))


class RollupPositionTable(Stored, table=True):
    """Up to which event a tenant's were counted, by number. `is_anchored`: it is known how many sessions were active.

    Under `*` in place of the tenant: up to which event those of all tenants were, and `as_of`, the instant up to which
    nothing more is to come.
    """

    __tablename__ = "rollup_positions"

    tenant_id: TenantId = Field(sa_column=key_text(128))
    position: int = Field(sa_column=Column(BigInteger, nullable=False))
    is_anchored: bool = Field(sa_column=Column(Boolean, nullable=False))
    as_of: Instant | None = Field(sa_column=instant(nullable=True))


class RollupSuspensionTable(Stored, table=True):
    """A session whose suspension was counted: its end does not change how many are active."""

    __tablename__ = "rollup_suspensions"

    tenant_id: TenantId = Field(sa_column=key_text(128))
    session_id: SessionKey = Field(sa_column=session_key(primary_key=True))
