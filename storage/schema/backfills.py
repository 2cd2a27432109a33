"""What a revision consists of, and how it fills what it added: in batches, while requests go on.

A revision's module has up to three parts, and `sojourn migrate` takes them in this order:

    def upgrade() -> None: ...         adds tables, columns, indexes; the release before works beside them (expand)
    backfill = Backfill(...)           fills what was added, in batches
    def contract() -> None: ...        takes away what nobody uses any more

The first two run beside programs of the release before. `contract` runs with `sojourn migrate --contract`, when none of
those is left; before it the backfill runs once more, for the rows that they have written meanwhile.

Every step is one transaction that also notes how far it came: what is interrupted goes on there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Connection

BATCH = 500
"""Rows that one batch may change: they are locked for some ten milliseconds."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of a tenant that `write` is to change, and the position to read on from. No rows: the tenant is done."""

    rows: Sequence[Any]
    after: str


class Read(Protocol):
    """Finds the next batch of a tenant."""

    def __call__(self, connection: Connection, tenant: str, *, after: str) -> Batch: ...


class Write(Protocol):
    """Changes the rows of a batch."""

    def __call__(self, connection: Connection, tenant: str, *, rows: Sequence[Any]) -> None: ...


@dataclass(frozen=True, slots=True)
class Backfill:
    """What fills a tenant's rows.

    `read(connection, tenant, after=...)` finds the next batch: it only reads, may take long and holds up nobody.
    `after` is empty at first. `write(connection, tenant, rows=...)` is short. It leaves alone what was changed since.
    """

    what: str
    read: Read
    write: Write


def show_tenant(connection: Connection, tenant: str) -> None:
    """Let row security show the tenant's rows, in this transaction. On a cluster only `SET LOCAL` reaches the nodes."""
    if connection.dialect.name == "postgresql":
        quoted = tenant.replace("'", "''")
        connection.exec_driver_sql(f"SET LOCAL sojourn.tenant = '{quoted}'")
