"""Security events: what happened to sessions, tokens and credentials, by whom; one structured record for each.

`CATALOGUE` is the whole list, as data: the name, when it is recorded, and what the record says beside the members that
every record has (`event`, `operation`, `tenant`, `caller`, `caller_kind`, `address`, `request_id`). The reason why a
credential was refused stands here and nowhere else: it is the operator's to know and never told to the caller
(OWASP ASVS 5.0 V16.3).
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sojourn.domain.errors import DomainError
from sojourn.domain.values import Caller, Tenant
from sojourn.observability import metrics

logger = logging.getLogger("sojourn.security")

COMMON = ("event", "operation", "tenant", "caller", "caller_kind", "address", "request_id")
_USER = ("user_id", "auth_user_id")


@dataclass(frozen=True, slots=True)
class SecurityEvent:
    """A kind of event. It follows the success of one of `operations`, or a refusal by one of the keys in `refusals`.

    One that follows neither is found by a handler, in some requests to its operation.
    """

    name: str
    when: str
    members: tuple[str, ...] = ()
    operations: frozenset[str] = frozenset()
    refusals: frozenset[str] = frozenset()


def _done(name: str, when: str, *, after: str, members: str = "") -> SecurityEvent:
    return SecurityEvent(name, when, tuple(members.split()), operations=frozenset(after.split()))


def _found(name: str, when: str, *, members: str) -> SecurityEvent:
    return SecurityEvent(name, when, tuple(members.split()))


def _refused(name: str, when: str, *, by: str) -> SecurityEvent:
    return SecurityEvent(name, when, ("problem", "reason"), refusals=frozenset(by.split()))


CATALOGUE: Mapping[str, SecurityEvent] = {
    event.name: event
    for event in (
        _done(
            "session.created",
            "a sign-in was recorded",
            after="create_session start_session",
            members="user_id session_id",
        ),
        _done(
            "session.elevated",
            "another factor was recorded",
            after="elevate_session upgrade_session_mfa",
            members="session_id",
        ),
        _done(
            "session.ended",
            "one session was ended",
            after="revoke_session revoke_session_as_service",
            members="session_id reason",
        ),
        _done(
            "sessions.ended",
            "several sessions were ended at once",
            after="revoke_user_sessions revoke_sessions_of_user revoke_sessions revoke_sessions_in_bulk"
            " revoke_other_sessions revoke_provider_sessions",
            members="user_id reason",
        ),
        _done("session.suspended", "one session is refused for a while", after="suspend_session", members="session_id"),
        _done("session.reactivated", "its suspension was ended", after="reactivate_session", members="session_id"),
        _found(
            "session.moved",
            "a session that is bound was used from another country or network, and was reported or ended",
            members="user_id session_id ip changed outcome",
        ),
        _done("sessions.purged", "sessions that had ended were deleted", after="purge_expired_sessions"),
        _done("plan.created", "a plan to end sessions was made", after="create_revocation_plan", members="reason"),
        _done("plan.applied", "the sessions of a plan were ended", after="apply_revocation_plan", members="plan_id"),
        _done(
            "tokens.issued",
            "tokens were issued beside a sign-in",
            after="generate_tokens generate_first_tokens exchange_token generate_oauth_tokens",
            members="session_id",
        ),
        _done(
            "token.refused",
            "one token was blacklisted",
            after="blacklist_token add_to_blacklist",
            members="user_id reason",
        ),
        _done("token.revoked", "a client revoked a token (RFC 7009)", after="revoke_oauth_token"),
        _done("token.readmitted", "an entry of the blacklist was removed", after="remove_blacklist_entry"),
        _done(
            "tokens.refused",
            "all tokens issued so far were refused",
            after="revoke_all_tokens",
            members="user_id reason",
        ),
        _done(
            "token_lifetimes.changed",
            "a tenant's lifetimes were changed",
            after="set_token_config reset_token_config",
        ),
        _done(
            "session_policy.changed",
            "a tenant's policy of sessions was set or cleared",
            after="set_session_policy reset_session_policy",
        ),
        _done(
            "trusted_device.added",
            "a device was trusted",
            after="trust_device trust_own_device",
            members="user_id",
        ),
        _done(
            "trusted_device.removed",
            "trust in a device ended",
            after="untrust_device untrust_own_device remove_trusted_device",
            members="user_id",
        ),
        _done("api_key.created", "an API key was made over HTTP", after="create_api_key", members="key_id"),
        _done("api_key.rotated", "an API key got another secret", after="rotate_api_key", members="key_id"),
        _done("api_key.revoked", "an API key was revoked over HTTP", after="revoke_api_key", members="key_id"),
        _done("webhook.created", "an endpoint for events was made", after="create_webhook"),
        _done("webhook.updated", "an endpoint for events was changed", after="update_webhook", members="webhook_id"),
        _done("webhook.removed", "an endpoint for events was deleted", after="remove_webhook", members="webhook_id"),
        _done(
            "webhook.secret_rotated",
            "an endpoint for events got another secret",
            after="rotate_webhook_secret",
            members="webhook_id",
        ),
        _done("webhook.tested", "a test was sent to an endpoint", after="test_webhook", members="webhook_id"),
        _done(
            "webhook.replayed",
            "events were sent to an endpoint again",
            after="replay_webhook_deliveries",
            members="webhook_id",
        ),
        _done(
            "logout_client.created",
            "an application for logout tokens was made",
            after="create_logout_client",
            members="client_id",
        ),
        _done(
            "logout_client.updated",
            "an application for logout tokens was changed",
            after="update_logout_client",
            members="client_id",
        ),
        _done(
            "logout_client.removed",
            "an application for logout tokens was deleted",
            after="remove_logout_client",
            members="client_id",
        ),
        _done("tenant.created", "a tenant was made over HTTP", after="create_tenant", members="tenant_id"),
        _done(
            "signal.received",
            "a provider sent a security event (RFC 8935)",
            after="receive_security_events",
        ),
        _done("data.exported", "what is known of a user was read whole", after="export_user_data", members="user_id"),
        _done("data.erased", "what is known of a user was erased", after="erase_user_data", members="user_id"),
        _refused(
            "refresh_token.reused",
            "a refresh token was sent again after it was exchanged; its session ended",
            by="refresh_token_reused",
        ),
        _refused(
            "credential.refused",
            "a key or token was not accepted",
            by="invalid_api_key invalid_token token_expired refresh_token_invalid invalid_logout_token"
            " invalid_security_event",
        ),
        _refused("rate.limited", "a caller was slowed down", by="rate_limited"),
        _refused(
            "access.refused",
            "a known caller asked for what it may not have",
            by="insufficient_role insufficient_scope role_not_allowed"
            " tenant_not_allowed not_your_resource not_entitled_to_vouch",
        ),
    )
}
BY_COMMAND: Mapping[str, SecurityEvent] = {
    event.name: event
    for event in (
        _done("api_key.created", "an API key was made", after="", members="key_id tenants"),
        _done("api_key.rotated", "an API key got another secret", after="", members="key_id"),
        _done("api_key.revoked", "an API key was revoked", after="", members="key_id"),
        _done("signing_key.added", "a signing key was published", after="", members="key_id"),
        _done("signing_key.retired", "a signing key was withdrawn", after="", members="key_id"),
        _done("tenant.created", "a tenant was made by hand", after="", members="tenant"),
        _done(
            "session_policy.set", "a tenant's policy of sessions was set by hand", after="", members="tenant version"
        ),
        _done(
            "session_policy.cleared",
            "a tenant's policy of sessions was cleared by hand",
            after="",
            members="tenant version",
        ),
        _done("sessions.ended", "sessions were ended by hand", after="", members="tenant reason count"),
        _done(
            "plan.created", "a plan to end sessions was made by hand", after="", members="tenant plan_id reason count"
        ),
        _done("plan.applied", "the sessions of a plan were ended by hand", after="", members="tenant plan_id count"),
        _done("sessions.imported", "sessions of another system were taken", after="", members="count"),
        _done("tenant.ended", "every session of a tenant was ended", after="", members="tenant reason count"),
        _done(
            "service.restored",
            "a backup was made safe: all keys were retired, all sessions ended",
            after="",
            members="reason count signing_keys api_keys kept",
        ),
        _done("webhook.tested", "a test was sent to an endpoint by hand", after="", members="tenant webhook_id"),
        _done("webhook.replayed", "events are sent again by hand", after="", members="tenant webhook_id count"),
        _done("data.purged", "what is kept no longer was deleted", after="", members="count"),
        _done("data.seeded", "made-up data were written past the service", after="", members="count"),
        _done("numbers.repaired", "kept numbers were put right", after="", members="tenants"),
        _done("schema.migrated", "the tables of the database were changed", after="", members="revision count"),
        _done("user.named", "the user behind a pseudonym was looked up", after="", members="tenant pseudonym"),
    )
}
"""What commands do beside the server. Their records have `event` and `operator`, the account that ran the command."""
_BY_OPERATION = {operation: event for event in CATALOGUE.values() for operation in event.operations}
_BY_REFUSAL = {key: event for event in CATALOGUE.values() for key in event.refusals}


class Handled(Protocol):
    """What an event tells of the request."""

    @property
    def operation_id(self) -> str: ...
    @property
    def request_id(self) -> str: ...
    @property
    def tenant(self) -> Tenant | None: ...
    @property
    def caller(self) -> Caller | None: ...
    @property
    def address(self) -> str: ...


def succeeded(handled: Handled, arguments: Mapping[str, Any], *, result: Any) -> None:
    """Record what an operation did, once it is done; nothing for one that is not in the catalogue."""
    event = _BY_OPERATION.get(handled.operation_id)
    if event is None:
        return
    body = arguments.get("body")
    said = {**(body if isinstance(body, Mapping) else {}), **arguments}
    known = {
        "user_id": next((said[name] for name in _USER if said.get(name) is not None), _own_id(handled)),
        "session_id": said.get("session_id") or _session_of(result),
        "reason": said.get("reason"),
        "key_id": said.get("key_id") or _key_of(result),
        "tenant_id": said.get("tenant_id"),
        "webhook_id": said.get("webhook_id"),
        "client_id": said.get("client_id"),
        "plan_id": said.get("plan_id"),
    }
    _record(event, handled, level=logging.INFO, members={name: known[name] for name in event.members})


def refused(handled: Handled, error: DomainError) -> None:
    """Record a refusal that is a security event, with its reason."""
    event = _BY_REFUSAL.get(error.key)
    if event is not None:
        members = {"problem": error.key, "reason": error.why or error.key}
        _record(event, handled, level=logging.WARNING, members=members)


def found(name: str, handled: Handled, *, members: Mapping[str, Any]) -> None:
    """Record what a handler found. Raises ValueError for other members than the catalogue's."""
    event = CATALOGUE[name]
    _require(event, members)
    _record(event, handled, level=logging.WARNING, members=dict(members))


def by_command(name: str, *, operator: str, members: Mapping[str, Any]) -> None:
    """Record what a command did. Raises ValueError for other members than the catalogue's."""
    _require(BY_COMMAND[name], members)
    logger.info("%s", name, extra={"event": name, "operator": operator, **members})


def _require(event: SecurityEvent, members: Mapping[str, Any]) -> None:
    if set(members) != set(event.members):
        raise ValueError(f"{event.name} has the members {', '.join(event.members)}")


def _record(event: SecurityEvent, handled: Handled, *, level: int, members: dict[str, Any]) -> None:
    tenant, caller = handled.tenant, handled.caller
    facts = {
        "event": event.name,
        "operation": handled.operation_id,
        "tenant": None if tenant is None else tenant.id,
        "caller": None if caller is None else caller.id or caller.session_id,
        "caller_kind": None if caller is None else caller.kind,
        "address": handled.address,
        "request_id": handled.request_id,
    }
    logger.log(level, "%s", event.name, extra=facts | members)
    metrics.count("sojourn_security_events", event.name)


def _own_id(handled: Handled) -> str | None:
    caller = handled.caller
    return caller.id if caller is not None and caller.kind == "user" else None


def _key_of(result: Any) -> str | None:
    """The id of the API key that an answer shows; the key itself is never recorded."""
    return result.get("id") if isinstance(result, Mapping) and "prefix" in result else None


def _session_of(result: Any) -> str | None:
    """The id of the session that an answer shows."""
    if not isinstance(result, Mapping):
        return None
    shown = result.get("session")
    if isinstance(shown, Mapping):
        return shown.get("id")
    return _session_of(result.get("data"))
