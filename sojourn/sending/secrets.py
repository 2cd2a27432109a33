"""The secrets of endpoints: in the database they are sealed, as signing keys are."""

from functools import partial
from typing import Protocol

from sojourn.domain.clock import Instant
from sojourn.storage.database import Database
from sojourn.storage.queries import sending
from sojourn.storage.queries.feed import EVERYBODY
from sojourn.storage.queries.sending import Sealed
from sojourn.storage.queries.webhooks import WebhookRow


class Seals(Protocol):
    """Seals texts with the secret that is kept outside the database."""

    def seal(self, name: str, plain: bytes) -> str:
        """`plain`, readable only under this name."""

    def unseal(self, name: str, sealed: str) -> bytes | None:
        """What was sealed; None when it was sealed with another secret."""

    def is_sealed_anew(self, name: str, sealed: str) -> bool:
        """Whether it was sealed with the present secret, not with the one before."""


class Secrets:
    """Reads and writes the secrets of endpoints."""

    def __init__(self, seals: Seals) -> None:
        self._seals = seals

    def seal(self, webhook_id: str, secret: str) -> str:
        """A secret as it is stored: readable for this endpoint alone."""
        return self._seals.seal(_name(webhook_id), secret.encode())

    def of(self, row: WebhookRow, now: Instant) -> list[str]:
        """The secrets that sign for an endpoint at `now`, the newest first; none where the newest cannot be read."""
        found = [self._open(row.id, row.sealed_secret)]
        if row.previous_secret is not None and row.previous_until is not None and row.previous_until > now:
            found.append(self._open(row.id, row.previous_secret))
        return [] if found[0] is None else [secret for secret in found if secret is not None]

    async def reseal(self, database: Database) -> None:
        """Seal with the present secret what the one before it sealed. Raises Unavailable."""
        for row in await database.read(EVERYBODY, sending.secrets):
            if self._seals.is_sealed_anew(_name(row.id), row.sealed_secret):
                continue
            secret, previous = self._open(row.id, row.sealed_secret), self._reopened(row)
            if secret is None:
                continue
            sealed = self.seal(row.id, secret)

            await database.write(EVERYBODY, partial(sending.reseal, before=row, sealed=sealed, previous=previous))

    def _open(self, webhook_id: str, sealed: str) -> str | None:
        plain = self._seals.unseal(_name(webhook_id), sealed)
        return None if plain is None else plain.decode()

    def _reopened(self, row: Sealed) -> str | None:
        secret = None if row.previous_secret is None else self._open(row.id, row.previous_secret)
        return None if secret is None else self.seal(row.id, secret)


def _name(webhook_id: str) -> str:
    return f"webhook {webhook_id}"
