"""The requests to the service: its keys, its snapshot, its events, and the question about one token."""

import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from sojourn_verify.version import __version__

CONNECT_SECONDS = 3.0


class Unreachable(Exception):
    """The service did not respond, or not as it should. The message says what happened."""


class CursorExpired(Exception):
    """The service does not keep what happened after the cursor, or another database answers: read a snapshot."""


class Service:
    """One service, as one API key sees it. Its methods may be called by any thread. They raise Unreachable."""

    def __init__(
        self, url: str, api_key: str, *, tenant: str | None, timeout: float, ssl_context: ssl.SSLContext | None
    ) -> None:
        self._key, self._tenant, self._timeout = api_key, tenant, timeout
        self._client = httpx.Client(
            base_url=url.rstrip("/"),
            headers={"User-Agent": f"sojourn-verify/{__version__}"},
            timeout=httpx.Timeout(timeout, connect=min(CONNECT_SECONDS, timeout)),
            verify=True if ssl_context is None else ssl_context,
        )

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def keys(self) -> list[dict[str, Any]]:
        """The key set (RFC 7517)."""
        found: list[dict[str, Any]] = self._json("/.well-known/jwks.json", {})["keys"]
        return found

    def snapshot(self) -> dict[str, Any]:
        """All that is refused now: a `RevocationSnapshot`."""
        return self._json("/internal/revocations", self._headers())

    def events(self, after: str, *, wait: float = 0.0) -> dict[str, Any]:
        """The page of events behind a cursor; an empty one comes after `wait` seconds. Raises CursorExpired."""
        query = {"after": after, "limit": "500"} | ({"wait": f"{int(wait * 1000)}ms"} if wait else {})
        return self._json("/internal/events", self._headers(), query, timeout=self._timeout + wait)

    @contextmanager
    def stream(self, after: str, *, silence: float) -> Iterator[tuple[Iterator[bytes], Any]]:
        """The stream of events behind a cursor: its bytes, and its connection's socket, None where there is none.

        It fails when nothing comes for `silence` seconds. Raises CursorExpired.
        """
        headers = self._headers() | {"Accept": "text/event-stream", "Last-Event-ID": after}
        try:
            with self._client.stream("GET", "/internal/events/stream", headers=headers, timeout=silence) as response:
                if response.status_code != 200:
                    response.read()
                    _require_success(response)
                network = response.extensions.get("network_stream")
                yield response.iter_bytes(), None if network is None else network.get_extra_info("socket")
        except httpx.HTTPError as error:
            raise Unreachable(f"the stream of events: {error or type(error).__name__}") from None

    def validate(self, token: str, *, tenant: str, audience: str, device_fingerprint: str | None) -> str | None:
        """What the service itself has against a token of a tenant; None when it accepts it."""
        body = {"access_token": token, "audience": audience}
        if device_fingerprint is not None:
            body["device_fingerprint"] = device_fingerprint
        headers = {"X-API-Key": self._key, "X-Tenant-ID": tenant}
        try:
            response = self._client.post("/internal/session/validate-token", json=body, headers=headers)
        except httpx.HTTPError as error:
            raise Unreachable(f"validate-token: {error or type(error).__name__}") from None
        verdict = _require_success(response)
        return None if verdict.get("valid") is True else str(verdict.get("error", "invalid_token"))

    def _headers(self) -> dict[str, str]:
        return {"X-API-Key": self._key} | ({} if self._tenant is None else {"X-Tenant-ID": self._tenant})

    def _json(
        self, path: str, headers: dict[str, str], query: dict[str, str] | None = None, *, timeout: float | None = None
    ) -> dict[str, Any]:
        timeout = self._timeout if timeout is None else timeout
        limits = httpx.Timeout(timeout, connect=min(CONNECT_SECONDS, timeout))
        try:
            response = self._client.get(path, headers=headers, params=query, timeout=limits)
        except httpx.HTTPError as error:
            raise Unreachable(f"{path}: {error or type(error).__name__}") from None
        return _require_success(response)


def _require_success(response: httpx.Response) -> dict[str, Any]:
    """The JSON object of a response. Raises CursorExpired for 410, Unreachable for everything else but 200."""
    path = response.request.url.path
    if response.status_code == 410:
        raise CursorExpired()
    if response.status_code != 200:
        raise Unreachable(f"{path}: status {response.status_code}")
    try:
        value = json.loads(response.content)
    except ValueError:
        raise Unreachable(f"{path}: not JSON") from None
    if not isinstance(value, dict):
        raise Unreachable(f"{path}: not a JSON object")
    return value
