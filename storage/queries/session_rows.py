"""Sessions as they are written and read: the rows of queries, and the columns that they select."""

from dataclasses import dataclass
from typing import NamedTuple

from sojourn.domain.clock import Instant
from sojourn.domain.ids import SessionKey, TenantId
from sojourn.storage.queries.open_revocations import FACTS_OF_END
from sojourn.storage.queries.session_deadlines import DEADLINES
from sojourn.storage.schema.tables import SessionTable

_S = SessionTable.__table__


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session to be written. Instants in text form; `username` belongs to the user and is kept with them."""

    id: SessionKey
    user_id: str
    created_at: Instant
    authenticated_at: Instant
    last_active_at: Instant
    expires_at: Instant
    idle_expires_at: Instant
    username: str | None = None
    amr: str | None = None
    acr: str | None = None
    role: str | None = None
    app_id: str | None = None
    device_id: str | None = None
    device_fingerprint: str | None = None
    device_type: str | None = None
    browser: str | None = None
    os: str | None = None
    ip: str | None = None
    user_agent: str | None = None
    geoip: str | None = None
    recorded_by: str | None = None
    impersonator: str | None = None
    idp_issuer: str | None = None
    idp_session_id: str | None = None
    status_index: int | None = None
    asn: int | None = None
    factors: str | None = None
    details: str | None = None


class SessionRow(NamedTuple):
    """A session as it is stored, in the order of the columns that queries select."""

    id: SessionKey
    tenant_id: TenantId
    user_id: str
    created_at: Instant
    authenticated_at: Instant
    last_active_at: Instant
    expires_at: Instant
    idle_expires_at: Instant
    revoked_at: Instant | None
    revoked_by: str | None
    revoke_reason: str | None
    reason_code: str | None
    amr: str | None
    acr: str | None
    elevations: int
    device_id: str | None
    device_type: str | None
    ip: str | None
    user_agent: str | None
    geoip: str | None
    app_id: str | None
    browser: str | None
    os: str | None
    last_ip: str | None
    last_user_agent: str | None
    recorded_by: str | None
    impersonator: str | None
    idp_issuer: str | None
    idp_session_id: str | None
    asn: int | None
    factors: str | None
    details: str | None
    suspended_until: Instant | None
    suspended_then: str | None


class DeviceFacts(NamedTuple):
    """What a session says of the device it runs on."""

    device_fingerprint: str | None
    device_type: str | None
    browser: str | None
    os: str | None
    ip: str | None


class SessionWithUser(NamedTuple):
    """An active session beside its user's integer key and name."""

    id: str
    user_id: str
    user_key: int
    username: str | None
    created_at: Instant
    expires_at: Instant
    last_active_at: Instant
    ip: str | None
    user_agent: str | None
    amr: str | None


STORED_COLUMNS = [_S.c[name] for name in SessionRow._fields]
COLUMNS_OF_OPEN = [DEADLINES.get(name, _S.c[name]) for name in SessionRow._fields]
"""The same, with the deadlines that a session has, though its row may not say so yet."""
COLUMNS = [{**DEADLINES, **FACTS_OF_END}.get(name, _S.c[name]) for name in SessionRow._fields]
"""The same, with the end of a session that a plan ends, too."""
