"""A real database of either engine with a noise tenant full of look-alikes: a forgotten predicate finds them."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest

from sojourn.domain.clock import from_text
from sojourn.domain.endings import Ending
from sojourn.domain.ids import uuid7
from sojourn.domain.values import Tenant
from sojourn.storage.engines import open_database
from sojourn.storage.queries import sessions, trusted_devices
from sojourn.storage.queries.session_rows import NewSession
from sojourn.storage.queries.trusted_devices import NewTrustedDevice
from sojourn.storage.unit_of_work import UnitOfWork

T = TypeVar("T")

ACME, NOISE = Tenant("acme"), Tenant("noise")
BULK = Ending("root", "x", "bulk")
T0, T1, T2 = "2026-04-15T08:00:00.000Z", "2026-04-15T09:00:00.000Z", "2026-04-15T10:00:00.000Z"
IDLE, END = "2026-04-15T12:00:00.000Z", "2026-04-16T08:00:00.000Z"


def new_session(user: str = "ann", at: str = T0, **facts: Any) -> NewSession:
    """A session as the service would write it."""
    fields = {"expires_at": END, "idle_expires_at": IDLE, **facts}
    return NewSession(uuid7(from_text(at)), user, at, at, at, **fields)


def new_device(user: str = "ann", fingerprint: str = "f", at: str = T0, until: str = END) -> NewTrustedDevice:
    """A trusted device as the service would write it."""
    return NewTrustedDevice(f"dev_{uuid7(from_text(at))}", user, fingerprint, at, until)


class Store:
    """A database and the loop it lives in."""

    def __init__(self, url: str, busy_timeout: timedelta = timedelta(seconds=5)) -> None:
        self.url = url
        self.path = Path(url.removeprefix("sqlite:///"))
        self.loop = asyncio.new_event_loop()
        self.database = self.run(open_database(url, busy_timeout))

    def run(self, work: Awaitable[T]) -> T:
        """The result of a coroutine."""
        return self.loop.run_until_complete(work)

    def write(self, work: Callable[[UnitOfWork], Awaitable[T]], tenant: Tenant = ACME) -> T:
        """A unit of work that writes."""
        return self.run(self.database.write(tenant, work))

    def read(self, work: Callable[[UnitOfWork], Awaitable[T]], tenant: Tenant = ACME) -> T:
        """A unit of work that reads."""
        return self.run(self.database.read(tenant, work))

    def add(self, session: NewSession, tenant: Tenant = ACME) -> NewSession:
        """Write a session."""
        self.write(lambda unit: sessions.add(unit, session), tenant)
        return session

    def close(self) -> None:
        """Close the database and the loop."""
        self.run(self.database.close())
        self.loop.close()


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    opened = Store(database_url)
    for user in ("ann", "bob"):
        opened.add(new_session(user, device_type="desktop"), NOISE)
        opened.write(lambda unit, user=user: trusted_devices.trust(unit, new_device(user), now=T0), NOISE)
    yield opened
    opened.close()


__all__ = ["ACME", "END", "IDLE", "NOISE", "T0", "T1", "T2", "Store", "new_device", "new_session"]
