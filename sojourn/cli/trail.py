"""What a command does to keys, tenants or data stands in the audit trail, written in the transaction of the act."""

from collections.abc import Collection, Mapping
from typing import Any

import click

from sojourn.authentication import audit_heads
from sojourn.authentication.vault import Vault
from sojourn.cli.records import operator
from sojourn.domain.clock import to_text, utc_now
from sojourn.domain.ids import uuid7
from sojourn.settings import Settings
from sojourn.storage.queries import audit
from sojourn.storage.unit_of_work import SystemUnit


class Trail:
    """Records what the operator of a command does. Raises ClickException when the key that signs cannot be had."""

    def __init__(self, settings: Settings) -> None:
        try:
            self._key = Vault.open(settings).audit_key
        except OSError as error:
            raise click.ClickException(f"cannot use the key file: {error}") from None

    async def append(
        self,
        unit: SystemUnit,
        action: str,
        *,
        target: str | None = None,
        of_tenants: Collection[str] | None = None,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
    ) -> None:
        """Record an act, last in its transaction: in the trail of the one tenant of `of_tenants`, or the service's."""
        now = utc_now()
        await audit.append(
            unit.of(await audit.trail_of(unit, of_tenants)),
            f"aud_{uuid7(now)}",
            at=to_text(now),
            actor=("operator", operator()),
            action=action,
            target=target,
            before=before,
            after=after,
            request_id=None,
            sign=lambda head: audit_heads.sign(self._key, head),
        )
