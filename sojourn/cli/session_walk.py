"""Walks through the sessions of a tenant that fit a filter, for commands."""

from collections.abc import AsyncIterator

import click

from sojourn.domain.clock import Instant
from sojourn.domain.ids import TenantId
from sojourn.domain.session_cursors import Place
from sojourn.domain.values import Tenant
from sojourn.storage.database import Database
from sojourn.storage.queries.session_filters import SessionFilter
from sojourn.storage.queries.session_rows import SessionRow
from sojourn.storage.queries.session_search import Found, Sort, step_of
from sojourn.storage.upkeep.housekeeping import all_tenants

STEP = 500
"""How many sessions one step finds at most."""


async def known_tenant(database: Database, tenant_id: TenantId) -> Tenant:
    """The tenant. Raises ClickException where there is none."""
    wanted = Tenant(tenant_id)
    if wanted not in await all_tenants(database):
        raise click.ClickException(f"there is no tenant {tenant_id}; see `sojourn tenant list`")
    return wanted


async def steps_of(
    database: Database, tenant: Tenant, *, wanted: SessionFilter, now: Instant, sort: Sort = "-created_at"
) -> AsyncIterator[Found]:
    """Every step of a walk; only the first one counts. A session that is there throughout comes exactly once."""
    behind: Place | None = None
    while True:
        found = await database.read(
            tenant,
            lambda unit, behind=behind: step_of(  # type: ignore[misc]  # a default that binds
                unit, wanted, now=now, limit=STEP, behind=behind, sort=sort, counts=behind is None
            ),
        )
        yield found
        behind = found.next
        if behind is None:
            return


async def sessions_of(
    database: Database, tenant: Tenant, *, wanted: SessionFilter, now: Instant, sort: Sort = "-created_at"
) -> AsyncIterator[SessionRow]:
    """Every session of a walk."""
    async for found in steps_of(database, tenant, wanted=wanted, now=now, sort=sort):
        for row in found.rows:
            yield row
