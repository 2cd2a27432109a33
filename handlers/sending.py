"""What handlers need of whoever sends events to endpoints."""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from sojourn.domain.egress import Fault
from sojourn.domain.values import Tenant
from sojourn.domain.webhooks import Attempt
from sojourn.storage.queries.webhooks import WebhookRow
from sojourn.storage.unit_of_work import UnitOfWork

T = TypeVar("T")


class Sending(Protocol):
    """Sends events, and knows where it may send them."""

    def fault(self, url: str) -> Fault | None:
        """Why a URL is refused; None where it is not."""

    def seal(self, webhook_id: str, secret: str) -> str:
        """A secret as it is stored."""

    def look(self) -> None:
        """There may be something to be sent."""

    async def write(self, tenant: Tenant, work: Callable[[UnitOfWork], Awaitable[T]]) -> T:
        """A write that sees the number of each event that was committed before it began."""

    async def test(self, row: WebhookRow) -> Attempt:
        """Send a test to an endpoint now."""
