"""What handlers need of the status lists."""

from typing import Any, Protocol

from sojourn.domain.ids import SessionKey
from sojourn.storage.unit_of_work import UnitOfWork


class StatusLists(Protocol):
    """The lists, and the places of sessions in them. Where the service has no public URL there are none."""

    async def place(self, unit: UnitOfWork, key: SessionKey) -> int | None: ...

    async def claim(self, unit: UnitOfWork, key: SessionKey, *, index: int) -> dict[str, Any] | None: ...

    async def addresses(self) -> list[str]: ...

    async def text(self, list_id: str) -> bytes | None: ...
