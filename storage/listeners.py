"""Those inside one process who are told that events were committed, so that they need not ask again and again."""

from collections.abc import Callable


class Listeners:
    """Functions that are called. Events that other processes commit are not told here."""

    __slots__ = ("_called",)

    def __init__(self) -> None:
        self._called: list[Callable[[], None]] = []

    def add(self, listener: Callable[[], None]) -> None:
        """Call `listener` whenever events were committed, in the loop of the database."""
        self._called.append(listener)

    async def tell(self) -> None:
        """A step after a commit (`UnitOfWork.after_commit`)."""
        for listener in self._called:
            listener()
