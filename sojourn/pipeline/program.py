"""What the pipeline needs from the program around it, in one value."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from sojourn.domain.clock import Clock
from sojourn.handlers.context import Service
from sojourn.pipeline.bodies import BodyLimits
from sojourn.pipeline.compression import Compressed
from sojourn.pipeline.retries import Sealer
from sojourn.pipeline.security import ApiKeyChecker, TokenChecker
from sojourn.storage.database import Database


@dataclass(frozen=True, slots=True)
class Program:
    """The parts every request shares. One per application, built by `sojourn.app`.

    `internal_port` is where alone internal and administrative operations answer, None where there is one port.
    `wrong_key` is called with the address that sent a wrong API key, and raises RateLimited for one that has sent too
    many.
    """

    clock: Clock
    database: Callable[[], Database]
    api_keys: ApiKeyChecker
    tokens: TokenChecker
    sealer: Sealer
    wrong_key: Callable[[str, datetime], None]
    service: Service
    body_limits: BodyLimits
    max_uri_bytes: int
    max_header_bytes: int
    response_validation: Literal["off", "log", "enforce"]
    closed_responses: bool
    public_url: str | None
    development: bool
    internal_port: int | None = None
    compressed: Compressed = field(default_factory=Compressed)
