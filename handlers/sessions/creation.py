"""A sign-in becomes a session with its first tokens."""

from typing import Any

from sojourn.domain.clock import Instant, from_text, to_text
from sojourn.domain.endings import LIMIT
from sojourn.domain.errors import SessionLimitReached, SignInSuperseded
from sojourn.domain.ids import SessionKey, session_key, uuid7
from sojourn.domain.session_policies import SessionLimit, shorter
from sojourn.domain.sessions import Timeouts, deadlines_at_creation
from sojourn.domain.vouching import SignIn, is_superseded
from sojourn.handlers.context import Context
from sojourn.handlers.sessions.describing import assured, described, lasting
from sojourn.handlers.tenancy import require_provisioned_tenant
from sojourn.handlers.tokens.pairs import first_tokens
from sojourn.handlers.views.envelopes import View
from sojourn.handlers.views.sessions import session_response
from sojourn.storage.queries import procedures, session_limit, session_policies, sign_ins, tenants
from sojourn.storage.queries.procedures import FirstTokens, NotCreated, Standing
from sojourn.storage.queries.session_rows import NewSession, SessionRow


async def begin_session(
    ctx: Context, body: dict[str, Any], *, sign_in: SignIn | None = None, more_follows: bool = False
) -> View:
    """`CreateSessionData`: the session that `CreateSessionRequest` describes, and its first tokens.

    `sign_in` is what a provider's token proves or a service says; else the sign-in is now. Raises SignInSuperseded
    when the user was ended since the request or the sign-in, SessionLimitReached where the tenant's policy allows no
    session more, ValidationFailed for what `assured` or `lasting` refuses.
    `more_follows`: the caller writes something else in the same transaction.
    """
    user_id = body["auth_user_id"]
    await require_provisioned_tenant(ctx)
    found = await procedures.standing(ctx.db, user_id, now=ctx.now_text)
    ended = None if found.ends.until is None else from_text(found.ends.until)
    if is_superseded(ctx.began, sign_in, ended=ended):
        raise SignInSuperseded()
    if not found.tenant_is_made:
        await tenants.ensure(ctx.db, ctx.now_text, limit=ctx.service.limits.tenants)
    if sign_in is not None or more_follows:  # a provider's token is presented in the same transaction, too
        await sign_ins.begin(ctx.db, user_id)
    if found.limit is not None and found.active >= found.limit.most:
        await _end_for_one_more(ctx, user_id, app_id=body.get("app_id"), limit=found.limit)
    limit = ctx.service.limits.sessions_per_user
    if session_limit.is_near(found.active, limit):
        await sign_ins.begin(ctx.db, user_id)  # before the user's own lock: an end of the user locks in this order, too
        await session_limit.end_idlest(ctx.db, user_id, limit=limit, now=ctx.now_text, ending=LIMIT)
    key = SessionKey(uuid7(ctx.now))
    place = await ctx.service.status_lists.place(ctx.db, key)
    at = ctx.now_text if sign_in is None else to_text(sign_in.at)
    timeouts = shorter(ctx.service.timeouts, found.timeouts)
    session = _new_session(ctx, body, key=key, authenticated_at=at, place=place, timeouts=timeouts)
    view, issued = await first_tokens(ctx, session, terms=found.terms)
    row = await procedures.create_within(ctx.db, session, limit=found.limit, issued=issued, seen_ends=found.ends.times)
    if not isinstance(row, SessionRow):
        row = await _created_in_time(ctx, session, found=found, issued=issued, hindered_by=row)
    return {"session": session_response(row, ctx.now_text), "tokens": view}


async def _created_in_time(
    ctx: Context, session: NewSession, *, found: Standing, issued: FirstTokens, hindered_by: NotCreated
) -> SessionRow:
    """What the limit hindered, once others have ended for it. Raises SignInSuperseded, SessionLimitReached."""
    if hindered_by == "ended" or found.limit is None:
        raise SignInSuperseded()
    await _end_for_one_more(ctx, session.user_id, app_id=session.app_id, limit=found.limit)
    made = await procedures.create_within(ctx.db, session, limit=found.limit, issued=issued, seen_ends=found.ends.times)
    if made == "full":
        raise SessionLimitReached(limit=found.limit.most)
    if made == "ended":
        raise SignInSuperseded()
    return made


async def _end_for_one_more(ctx: Context, user_id: str, *, app_id: str | None, limit: SessionLimit) -> None:
    """Hold a sign-in to the tenant's own limit. The caller's own session is never ended for another."""
    await sign_ins.begin(ctx.db, user_id)  # before the user's own lock, as above
    caller = ctx.caller.session_id
    spared = None if caller is None else session_key(caller)
    await session_policies.end_for_one_more(
        ctx.db, user_id, app_id=app_id, limit=limit, spared=spared, now=ctx.now_text
    )


def _new_session(
    ctx: Context,
    body: dict[str, Any],
    *,
    key: SessionKey,
    authenticated_at: Instant,
    place: int | None,
    timeouts: Timeouts,
) -> NewSession:
    """The session that the request describes, its facts completed from the User-Agent and the address."""
    facts = [body.get(name) for name in ("device_type", "browser", "os")]
    if None in facts and "user_agent" in body:
        agent = ctx.service.describe_agent(body["user_agent"])
        told = (agent.device_type, agent.browser, agent.os)
        facts = [given or read for given, read in zip(facts, told, strict=True)]
    device_type, browser, os = facts
    deadlines = lasting(ctx, body.get("expires_in"), deadlines=deadlines_at_creation(ctx.now, timeouts))
    network = ctx.service.network(body["ip"]) if "ip" in body else None
    amr, factors = assured(ctx, body, authenticated_at=authenticated_at)
    return NewSession(
        id=key,
        user_id=body["auth_user_id"],
        username=body.get("username"),
        created_at=ctx.now_text,
        authenticated_at=authenticated_at,
        status_index=place,
        last_active_at=ctx.now_text,
        expires_at=to_text(deadlines.expires_at),
        idle_expires_at=to_text(deadlines.idle_expires_at),
        amr=amr,
        factors=factors,
        acr=body.get("acr"),
        role=body.get("role"),
        app_id=body.get("app_id"),
        device_id=body.get("device_id"),
        device_fingerprint=body.get("device_fingerprint"),
        device_type=device_type,
        browser=browser,
        os=os,
        ip=body.get("ip"),
        user_agent=body.get("user_agent"),
        geoip=ctx.service.locate(body["ip"]) if "ip" in body else None,
        asn=None if network is None else network.number,
        details=described(body, network),
        recorded_by=ctx.caller.id if ctx.caller.kind == "internal" else None,
        idp_issuer=body["idp"]["issuer"] if "idp" in body else None,
        idp_session_id=body["idp"].get("session_id") if "idp" in body else None,
        impersonator=_impersonator(ctx, body),
    )


def _impersonator(ctx: Context, body: dict[str, Any]) -> str | None:
    """Who signed in as the user, where it was somebody else: the administrator who asks, or whom a service names."""
    name: str | None = ctx.caller.id if ctx.caller.kind == "user" else body.get("impersonator")
    return None if name == body["auth_user_id"] else name
