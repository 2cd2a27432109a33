"""Every request and response of a run, from which evidence and coverage are computed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sojourn.conformance.contract import Contract, Operation
from sojourn.conformance.instants import now
from sojourn.conformance.redaction import curl, show_reply, show_request
from sojourn.conformance.target import Target
from sojourn.conformance.wire import Raw, Reply

EVIDENCE = 3


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer; `operation` is the one whose path and method it had.

    `received` is when the answer was there, by the suite's own clock; it was sent `reply.seconds` before.
    """

    chapter: str
    operation: Operation | None
    request: Raw
    reply: Reply
    received: datetime

    @property
    def sent(self) -> datetime:
        """When the request was sent, at the latest."""
        return self.received - timedelta(seconds=self.reply.seconds)


class Traffic:
    """The exchanges of a run, in order."""

    def __init__(self, target: Target, contract: Contract) -> None:
        self._target = target
        self._contract = contract
        self.exchanges: list[Exchange] = []
        self.links: set[tuple[str, int, str]] = set()
        """The links that were followed to a success: operation, status, name."""
        self.chapter = "-"
        self._begin = 0

    def begin(self, chapter: str) -> None:
        """From here on the exchanges are those of a new case."""
        self.chapter = chapter
        self._begin = len(self.exchanges)

    def add(self, request: Raw, reply: Reply) -> None:
        """Note an exchange."""
        operation = self._contract.match(request.method, request.path)
        self.exchanges.append(
            Exchange(chapter=self.chapter, operation=operation, request=request, reply=reply, received=now())
        )

    def evidence(self) -> list[str]:
        """The last exchanges of the present case, redacted."""
        secrets = self._target.secrets
        return [
            "\n\n".join(
                (
                    curl(self._target.url, exchange.request, secrets=secrets),
                    show_request(exchange.request, secrets),
                    show_reply(exchange.reply, secrets),
                )
            )
            for exchange in self.exchanges[self._begin :][-EVIDENCE:]
        ]

    def __iter__(self) -> Iterator[Exchange]:
        return iter(self.exchanges)
