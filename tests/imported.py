"""A session as an import leaves it: live, and without tokens."""

import asyncio
from datetime import datetime, timedelta

from sojourn.domain.clock import to_text
from sojourn.domain.ids import SessionKey, session_id, uuid7
from sojourn.domain.values import Tenant
from sojourn.storage.engines import with_open_database
from sojourn.storage.queries import imports
from sojourn.storage.queries.imports import Bounds, Import
from sojourn.storage.queries.session_rows import NewSession


def imported(url: str, at: datetime, *, user: str = "usr_abc123", tenant: str = "acme") -> str:
    """The id of a session that was imported `at` an instant into the database of `url`."""
    end, now = to_text(at + timedelta(hours=8)), to_text(at)
    session = NewSession(SessionKey(uuid7(at)), user, now, now, now, end, end, app_id="shop", amr="pwd")
    found, bounds = [Import(session.id, session)], Bounds(100, 100, tenants_provisioned=False)
    asyncio.run(
        with_open_database(
            url,
            lambda database: database.write(
                Tenant(tenant), lambda unit: imports.take(unit, found, now=now, bounds=bounds)
            ),
            busy_timeout=timedelta(seconds=5),
        )
    )
    return session_id(session.id)
