"""One event on its way to one endpoint: signed, sent, and what came of it."""

import asyncio
import ssl
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

import httpx
import orjson

from sojourn.domain.clock import Clock, Instant, to_text
from sojourn.domain.egress import Allowed, fault
from sojourn.domain.webhooks import Attempt, Outcome, outcome_of, retry_after, signature
from sojourn.handlers.views.events import event_data
from sojourn.sending.egress import AddressRefused, Resolve, Unresolved, open_client
from sojourn.storage.queries.feed import EventRow
from sojourn.storage.queries.webhooks import WebhookRow

DEADLINE_SECONDS = 15.0
"""How long an attempt may take in all, finding the address included."""
MAX_READ_BYTES = 64 * 1024
"""So much of an answer is read, so that the connection can be used again. Nothing of it is kept or shown."""
_READ_SECONDS = 1.0
FORM = "application/x-www-form-urlencoded"


class Post:
    """Sends to endpoints. The client is opened with the first event: most processes never send one."""

    def __init__(self, allowed: Allowed, clock: Clock, *, resolve: "Resolve | None" = None) -> None:
        self._allowed = allowed
        self._clock = clock
        self._resolve = resolve
        self._client: httpx.AsyncClient | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()

    async def send(self, url: str, message_id: str, *, body: bytes, secrets: Sequence[str]) -> Attempt:
        """Send a message once, signed with each secret. Raises nothing that the receiver could bring about."""
        now = self._clock()
        timestamp = int(now.timestamp())
        headers = {
            "content-type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": " ".join(
                signature(secret, message_id, timestamp=timestamp, body=body) for secret in secrets
            ),
        }
        return await self._attempt(url, body, headers=headers, now=now)

    async def send_form(self, url: str, body: bytes) -> Attempt:
        """Send a form once. Raises nothing that the receiver could bring about."""
        return await self._attempt(url, body, headers={"content-type": FORM}, now=self._clock())

    async def _attempt(self, url: str, body: bytes, *, headers: dict[str, str], now: datetime) -> Attempt:
        clock = asyncio.get_running_loop().time
        began = clock()
        status, asked = None, None
        outcome: Outcome
        if fault(url, self._allowed) is not None:  # what was allowed when it was stored need not be now
            return Attempt(to_text(now), "address_refused", None, 0)
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                status, said = await self._post(url, body, headers=headers)
            outcome, asked = outcome_of(status), retry_after(said, now)
        except (TimeoutError, httpx.TimeoutException):
            outcome = "timeout"
        except AddressRefused:
            outcome = "address_refused"
        except Unresolved:
            outcome = "unresolved"
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            outcome = "tls_failed" if _is_of_tls(error) else "unreachable"
        return Attempt(to_text(now), outcome, status, round((clock() - began) * 1000), asked=asked)

    async def _post(self, url: str, body: bytes, *, headers: dict[str, str]) -> tuple[int, str | None]:
        """The status of the response and its `Retry-After`. The body decides nothing."""
        if self._client is None:
            self._client = open_client(self._allowed, self._resolve)
        timeout = httpx.Timeout(DEADLINE_SECONDS)
        async with self._client.stream("POST", url, content=body, headers=headers, timeout=timeout) as response:
            with suppress(TimeoutError, httpx.HTTPError):
                async with asyncio.timeout(_READ_SECONDS):
                    await _read_away(response)
            return response.status_code, response.headers.get("retry-after")


async def _read_away(response: httpx.Response) -> None:
    count = 0
    async for chunk in response.aiter_raw():
        count += len(chunk)
        if count > MAX_READ_BYTES:
            return


def _is_of_tls(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def message(row: EventRow) -> bytes:
    """What is sent of an event (Standard Webhooks 1.0: `type`, `timestamp`, `data`), and whose it is."""
    return orjson.dumps(
        {"type": row.type, "timestamp": row.occurred_at, "tenant_id": row.tenant_id, "data": event_data(row)}
    )


def test_message(row: WebhookRow, now: Instant) -> bytes:
    """What is sent to see whether an endpoint works."""
    data = {"webhook_id": row.id}
    return orjson.dumps({"type": "webhook.test", "timestamp": now, "tenant_id": row.tenant_id, "data": data})
