"""Time series of a tenant's sessions, as far as its events were counted."""

from datetime import datetime

from sojourn.domain import series
from sojourn.domain.clock import read_instant
from sojourn.handlers.context import Context
from sojourn.handlers.tenancy import require_tenant
from sojourn.handlers.views.envelopes import View
from sojourn.handlers.views.series import session_series
from sojourn.storage.queries import revocation_plans, rollups, tightenings


async def get_session_series(
    ctx: Context, metric: str, step: str, since: str | None, until: str | None, by: str | None
) -> View:
    """The tenant's numbers, step by step. Raises TenantNotFound, ValidationFailed."""
    await require_tenant(ctx)
    wanted = series.window(step, since=_read(since), until=_read(until), is_split=by is not None, now=ctx.now)
    as_of = await rollups.as_of(ctx.db)
    plans = await revocation_plans.open_ones(ctx.db)
    shorter = [one.since for one in await tightenings.open_ones(ctx.db) if one.walked_at is None]
    known = [instant for instant in (as_of, *shorter, *(plan.open_since for plan in plans)) if instant is not None]
    whole, split = await rollups.counted_and_split(ctx.db, wanted, by=by)
    return session_series(metric, wanted, whole=whole, by=by, split=split, as_of=None if as_of is None else min(known))


def _read(text: str | None) -> datetime | None:
    return None if text is None else read_instant(text)
