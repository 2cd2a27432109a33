"""How risky sessions, devices and the tenant look, and what is known of a session's device."""

from sojourn.domain.device_names import best_name, device_hash, fingerprint_id
from sojourn.domain.errors import DeviceNotFound
from sojourn.domain.risk import Factor, average, factors, worst
from sojourn.domain.risk_evidence import SeenSession, evidence
from sojourn.handlers.context import Context
from sojourn.handlers.sessions.lookup import session_or_404
from sojourn.handlers.tenancy import require_tenant
from sojourn.handlers.views.envelopes import View
from sojourn.handlers.views.risk import device_fingerprint_response, device_risk_response, risk_score_response
from sojourn.storage.queries import risk_facts


async def get_risk_score(ctx: Context, session_id: str | None) -> View:
    """The score of a session of any status, or that of the tenant by its latest active sessions."""
    if session_id is None:
        return await _tenant_score(ctx)
    session = await session_or_404(ctx, session_id, read=risk_facts.get)
    parts = await _assess(ctx, session)
    return {"session_id": session_id} | risk_score_response(parts, ctx.service.risk, now=ctx.now_text)


async def get_device_risk(ctx: Context, device_id: str) -> View:
    """The score of a device by the latest sessions on it, each judged among those of its user."""
    counts = await risk_facts.count_on_device(ctx.db, device_id, now=ctx.now_text)
    if counts.total == 0:
        raise DeviceNotFound()
    on_device = await risk_facts.latest_on_device(ctx.db, device_id)
    parts = worst([await _assess(ctx, session, users_of_device=counts.users) for session in on_device])
    return device_risk_response(device_id, parts, counts=counts, thresholds=ctx.service.risk, now=ctx.now_text)


async def get_device_fingerprint(ctx: Context, session_id: str | None) -> View:
    """The device of a session of any status, of the caller's own where none is named."""
    device = await session_or_404(ctx, session_id or ctx.caller.session_id, read=risk_facts.device)
    name = best_name(device.device_fingerprint, device.device_id, user_agent=device.user_agent)
    seen = await risk_facts.sightings(ctx.db, device.user_id, name=name) if name is not None else []
    text = name.value if name is not None else device.id
    trusted = await risk_facts.trusts(ctx.db, device.user_id, fingerprint=device.device_fingerprint, now=ctx.now_text)
    return device_fingerprint_response(
        fingerprint_id(ctx.tenant.id, text),
        device_hash(text),
        device=device,
        sightings=[*seen, device.sighting],
        is_trusted=trusted,
    )


async def _tenant_score(ctx: Context) -> View:
    active = await risk_facts.latest_active(ctx.db, ctx.now_text)
    if not active:  # without a session nothing tells a new tenant from an unknown one
        await require_tenant(ctx)
    parts = average([await _assess(ctx, session) for session in active])
    return risk_score_response(parts, ctx.service.risk, now=ctx.now_text)


async def _assess(ctx: Context, session: SeenSession, *, users_of_device: int = 0) -> tuple[Factor, ...]:
    of_user = await risk_facts.history(ctx.db, session)
    trusted = await risk_facts.trusts(ctx.db, session.user_id, fingerprint=session.device_fingerprint, now=ctx.now_text)
    return factors(evidence(session, of_user, trusts_device=trusted, now=ctx.now_text, users_of_device=users_of_device))
