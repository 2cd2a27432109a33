"""An answer that is not a view."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    """Bytes that are ready to send, in the media type that was negotiated."""

    body: bytes
