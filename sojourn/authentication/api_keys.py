"""API keys: those of the environment and those in the database, both known by their hashes only.

A key that was rotated keeps its id: for the time of the overlap both secrets are good.
"""

import asyncio
import hashlib
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from sojourn.domain.api_keys import read_api_key
from sojourn.domain.clock import Instant, to_text
from sojourn.domain.errors import InvalidApiKey, Unavailable
from sojourn.domain.ids import same_secret
from sojourn.domain.scopes import UNNAMED, scopes_of
from sojourn.domain.values import Caller
from sojourn.settings import Settings, SettingsError
from sojourn.settings.parsers import items
from sojourn.settings.sources import reread
from sojourn.storage.database import Database
from sojourn.storage.queries import api_keys
from sojourn.storage.queries.api_keys import ApiKeyRow

logger = logging.getLogger("sojourn.authentication")


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An accepted key, as an operation needs it. `tenants` is None when it covers every tenant."""

    caller: Caller
    tenants: frozenset[str] | None
    scopes: frozenset[str] = UNNAMED


class ApiKeys:
    """Finds the key that a header value is. Keys of the environment cover every tenant and have no scope named."""

    def __init__(self, settings: Settings, database: Callable[[], Database]) -> None:
        self._database = database
        self._known: dict[bytes, ApiKey] = {}
        self._used: dict[str, Instant] = {}
        self._notes: set[asyncio.Task[None]] = set()
        self._settings = settings
        self._know(settings.internal_api_keys)

    def _know(self, keys: tuple[str, ...]) -> None:
        digests = [hashlib.sha256(key.encode()) for key in keys]
        self._known = {
            digest.digest(): ApiKey(Caller("internal", f"env_{digest.hexdigest()[:12]}"), None) for digest in digests
        }

    def reload(self) -> None:
        """Read the keys of the environment again from the file that they stand in, where they do.

        Keys that cannot be read, or that would be refused at a start, leave those that are known.
        """
        try:
            text = reread("internal_api_keys", os.environ)
            if text is not None:
                self._know(replace(self._settings, internal_api_keys=items(text)).internal_api_keys)
        except (OSError, SettingsError) as error:
            logger.error("SIGHUP: the API keys of the environment stay as they are: %s", error)

    def recognise(self, header_value: bytes) -> ApiKey | None:
        """The key of the environment that this value of `X-API-Key` is; None for any other.

        Looked up by SHA-256, so timing reveals nothing about the key.
        """
        return self._known.get(hashlib.sha256(header_value).digest())

    async def authenticate(self, header_value: str, now: datetime) -> ApiKey:
        """The stored key behind the value of `X-API-Key`. Raises InvalidApiKey, whatever the reason."""
        presented = read_api_key(header_value)
        if presented is None:
            raise InvalidApiKey().because("form")
        async with self._database().system() as unit:
            row = await api_keys.find(unit, presented.id)
        if row is None or not _has_secret(row, presented.secret_hash, now=to_text(now)):
            raise InvalidApiKey().because("unknown")
        if not row.is_good(to_text(now)):
            raise InvalidApiKey().because("revoked" if row.revoked_at is not None else "expired")
        self._note_use(row, now)
        tenants = None if row.tenants is None else frozenset(row.tenants)
        return ApiKey(Caller("internal", row.id, tenants=tenants), tenants, scopes_of(row.scopes))

    def _note_use(self, row: ApiKeyRow, now: datetime) -> None:
        """Write down that a key was used, once an hour, beside the request and never in its way."""
        hour = to_text(now.replace(minute=0, second=0, microsecond=0))
        if self._used.get(row.id) == hour or (row.last_used_at is not None and row.last_used_at >= hour):
            return
        self._used[row.id] = hour

        async def write() -> None:
            try:
                await self._database().write_system(lambda unit: api_keys.note_use(unit, row.id, hour=hour))
            except Unavailable:
                self._used.pop(row.id, None)
                logger.info("the last use of an API key was not written; the next request tries again")

        note = asyncio.get_running_loop().create_task(write())
        self._notes.add(note)
        note.add_done_callback(self._notes.discard)


def _has_secret(row: ApiKeyRow, presented: str, *, now: Instant) -> bool:
    """Whether this is the hash of the key's secret, or of the one before its rotation while that is good too."""
    if same_secret(row.secret_hash, presented):
        return True
    if row.previous_hash is None or row.previous_until is None or row.previous_until <= now:
        return False
    return same_secret(row.previous_hash, presented)
