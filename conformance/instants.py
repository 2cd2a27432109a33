"""Instants as answers have them."""

from datetime import UTC, datetime


def instant(text: str) -> datetime:
    """The instant that a text of the contract's form names."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def now() -> datetime:
    """Now, by the suite's own clock: the server's is not ours to set."""
    return datetime.now(UTC)  # noqa: TID251 - the suite waits for instants that the server named
