"""The tables of status lists (draft-ietf-oauth-status-list). What the lists say is read from the events."""

from sqlalchemy import BigInteger, Column, Index, Integer
from sqlmodel import Field

from sojourn.domain.clock import Instant
from sojourn.storage.schema.columns import Stored, instant, key_text, short_text


class StatusListTable(Stored, table=True):
    """A list: that of a tenant (`of_tenant`) for a week, by the date of its Monday. It is found by its id, by anybody.

    `block` counts the lists that a week needs. `secret` decides which place in the list is whose.
    """

    __tablename__ = "status_lists"
    __table_args__ = (Index("ux_status_lists_of", "of_tenant", "week", "block", unique=True),)

    id: str = Field(sa_column=key_text(64))
    of_tenant: str = Field(sa_column=short_text(128, nullable=False))
    week: str = Field(sa_column=short_text(10, nullable=False))
    block: int = Field(sa_column=Column(Integer, nullable=False))
    secret: str = Field(sa_column=short_text(64, nullable=False))
    created_at: Instant = Field(sa_column=instant())


class StatusPositionTable(Stored, table=True):
    """The next position in the lists that no process has taken: processes take many at once."""

    __tablename__ = "status_positions"

    name: str = Field(sa_column=key_text(64))
    next: int = Field(sa_column=Column(BigInteger, nullable=False))
