"""Ends what a restored backup makes valid again: signing keys, API keys, and every token.

A backup knows nothing of what was revoked since it was made. One transaction draws another epoch, retires every signing
key and revokes the API keys: whatever was issued so far is refused from then on. Sessions follow, tenant by tenant
(`mass_revocation`).
"""

from typing import NamedTuple

from sqlalchemy import bindparam, update

from sojourn.domain.clock import Instant
from sojourn.storage.queries import api_keys, epochs, signing_keys
from sojourn.storage.queries.signing_keys import SigningKeyRow
from sojourn.storage.schema.token_tables import SigningKeyTable
from sojourn.storage.statements import Statement
from sojourn.storage.unit_of_work import SystemUnit

_K = SigningKeyTable.__table__
RETIRE_ALL = Statement(update(_K).where(_K.c.retired_at.is_(None)).values(retired_at=bindparam("now")))


class UnknownApiKeys(Exception):
    """API keys that should be kept and are not there, or good no longer. `ids` names them."""

    def __init__(self, ids: list[str]) -> None:
        super().__init__(f"no good API key has the id {', '.join(ids)}; see `sojourn api-key list`")
        self.ids = ids


class Retired(NamedTuple):
    """How many keys ended."""

    signing_keys: int
    api_keys: int


async def begin_again(
    unit: SystemUnit, epoch: str, *, signing_key: SigningKeyRow, keep: frozenset[str], now: Instant
) -> Retired:
    """Draw `epoch`, let `signing_key` alone sign, and revoke all API keys but those in `keep`.

    Raises UnknownApiKeys, and changes nothing then.
    """
    good = {
        key.id
        for key in await api_keys.all_keys(unit)
        if key.revoked_at is None and (key.expires_at is None or key.expires_at > now)
    }
    if unknown := sorted(keep - good):
        raise UnknownApiKeys(unknown)
    await epochs.draw(unit, epoch)
    signed = [row.id for row in await signing_keys.all_keys(unit) if row.retired_at is None]
    retired = await unit.run(RETIRE_ALL, now=now)
    await signing_keys.tell_retired(unit, signed, now=now)
    await signing_keys.add(unit, signing_key)
    revoked = [await api_keys.revoke(unit, key_id, now=now) for key_id in sorted(good - keep)]
    return Retired(retired, len(revoked))
