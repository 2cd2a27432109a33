"""Runs the handlers of the operations.

It turns an identity and validated arguments into a `Context`, runs the handler inside a unit of work (a write
commits before the answer is sent, a refusal rolls it back), and hands the view on. Handlers know neither
transactions nor HTTP.
"""

from collections.abc import Awaitable
from typing import Any

from sojourn.domain.clock import to_text
from sojourn.domain.ids import session_id
from sojourn.domain.tokens import PresentedToken
from sojourn.domain.values import NO_TENANT, Caller, Tenant, tenant
from sojourn.handlers.context import Context
from sojourn.pipeline import retries
from sojourn.pipeline.plans import Plan
from sojourn.pipeline.program import Program
from sojourn.pipeline.responder import Responder
from sojourn.pipeline.security import Identity
from sojourn.storage.unit_of_work import UnitOfWork


async def run_handler(
    program: Program,
    plan: Plan,
    *,
    identity: Identity,
    arguments: dict[str, Any],
    responder: Responder,
    media_type: str,
) -> Any:
    """What the operation's handler returns. Raises whatever refuses the request."""
    of, caller, presented = await _resolve(program, plan, identity=identity, arguments=arguments)
    actor = None
    if plan.actor is not None and (text := arguments["body"].get(plan.actor)) is not None:
        actor = await program.tokens.present(text, of)
    responder.tenant = None if of is NO_TENANT else of
    responder.caller = caller
    asked = None
    if plan.keeps_answers and (key := arguments.pop(retries.ARGUMENT)) is not None:
        asked = retries.Asked.of(plan.operation_id, arguments, caller=caller, key=key)

    def context_of(unit: UnitOfWork, prepared: Any = None) -> Context:
        # A body may have been long on its way, and a transaction that is run again begins again.
        now = program.clock()
        return Context(
            tenant=of,
            caller=caller,
            db=unit,
            now=now,
            now_text=to_text(now),
            locale=responder.locale,
            media_type=media_type,
            service=program.service,
            began=responder.began,
            security_event=responder.security_event,
            presented=presented,
            actor=actor,
            request_id=responder.request_id,
            prepared=prepared,
        )

    def work(unit: UnitOfWork) -> Awaitable[Any]:
        context = context_of(unit, prepared)
        if asked is None:
            return plan.handler(context, **arguments)
        return retries.answer_once(
            unit, asked, do=lambda: plan.handler(context, **arguments), now=context.now, sealer=program.sealer
        )

    database, prepared = program.database(), None
    if (prepare := plan.prepare) is not None:
        prepared = await database.read_long(of, lambda unit: prepare(context_of(unit), **arguments))
    if plan.writes:
        return await database.write(of, work)
    return await (database.read_long(of, work) if plan.reads_at_length else database.read(of, work))


async def _resolve(
    program: Program, plan: Plan, *, identity: Identity, arguments: dict[str, Any]
) -> tuple[Tenant, Caller, PresentedToken | None]:
    """The tenant and the caller of a request, and the token that it shows: verified before any transaction is open.

    Raises what refuses a refresh token as a credential, and Unavailable while the issuer's keys cannot be had.
    """
    if plan.credential is not None and (text := arguments["body"].get(plan.credential)) is not None:
        token = await program.tokens.admit(text, identity.caller, of=identity.tenant, now=program.clock())
        caller = identity.caller if identity.caller.id else Caller("user", "", session_id=session_id(token.session))
        return tenant(token.tenant), caller, token
    of = identity.tenant
    if of is None:
        of = NO_TENANT
        if plan.takes_tenant:
            named = arguments.get("x_tenant_id") if plan.tenant_optional else arguments.pop("x_tenant_id")
            of = NO_TENANT if named is None else tenant(named)
    presented: PresentedToken | None = None
    if plan.logout_token is not None:
        presented = await program.tokens.logout.read(arguments["body"][plan.logout_token], program.clock())
    if plan.takes_security_events:
        presented = await program.tokens.signals.read(arguments["body"], program.clock())
    if plan.token is not None and (text := arguments.get("body", arguments).get(plan.token)) is not None:
        presented = await program.tokens.present(text, of)
    return of, identity.caller, presented
