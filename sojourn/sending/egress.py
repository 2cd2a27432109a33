"""The way out to endpoints: the address that is connected to is the one that was checked.

A name is resolved here, each of its addresses is checked, and the connection goes to one of those and nowhere else:
what the name says to others, or a moment later, makes no difference. TLS and the header `Host` keep the name.
"""

import asyncio
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterable
from http.cookiejar import CookieJar, DefaultCookiePolicy
from ipaddress import ip_address
from typing import Any

import httpcore
import httpx

from sojourn import __version__
from sojourn.domain.egress import Address, Allowed, is_public

Resolve = Callable[[str, int], Awaitable[list[Address]]]

MAX_CONNECTIONS = 64
_LOOKUPS_AT_ONCE = 16


class Unresolved(Exception):
    """A name has no address, or nobody says which."""


class AddressRefused(Exception):
    """An address of the host is not public, and nobody allowed it."""


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Connects to addresses that were checked, whatever the name."""

    def __init__(self, allowed: Allowed, resolve: Resolve) -> None:
        self._allowed = allowed
        self._resolve = resolve
        self._plain = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address that answers. Raises AddressRefused when one of them is not to be reached."""
        addresses = await self._addresses(host, port)
        if not self._allowed.has_host(host) and not all(map(self._may_reach, addresses)):
            raise AddressRefused()
        failure: Exception = Unresolved()
        for address in addresses:
            try:
                return await self._plain.connect_tcp(str(address), port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.AsyncNetworkStream:
        """No endpoint is a file."""
        raise AddressRefused()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self._plain.sleep(seconds)

    async def _addresses(self, host: str, port: int) -> list[Address]:
        try:
            return [ip_address(host)]
        except ValueError:
            return await self._resolve(host, port)

    def _may_reach(self, address: Address) -> bool:
        return is_public(address) or self._allowed.has_address(address)


class GuardedTransport(httpx.AsyncHTTPTransport):
    """A transport of httpx whose connections are guarded."""

    def __init__(self, allowed: Allowed, resolve: Resolve) -> None:
        context = ssl.create_default_context()
        super().__init__(verify=context, trust_env=False)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context,
            max_connections=MAX_CONNECTIONS,
            max_keepalive_connections=MAX_CONNECTIONS // 2,
            keepalive_expiry=30,
            network_backend=GuardedBackend(allowed, resolve),
        )


def open_client(allowed: Allowed, resolve: "Resolve | None" = None) -> httpx.AsyncClient:
    """A client that follows no redirect, keeps no cookie, and takes no proxy from the environment."""
    return httpx.AsyncClient(
        transport=GuardedTransport(allowed, resolve or Names().resolve),
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        headers={"user-agent": f"Sojourn/{__version__}", "accept-encoding": "identity"},
        follow_redirects=False,
        trust_env=False,
    )


class Names:
    """Asks the operating system for addresses, in daemon threads: no name service is waited for when a process ends."""

    def __init__(self) -> None:
        self._free = threading.BoundedSemaphore(_LOOKUPS_AT_ONCE)

    async def resolve(self, host: str, port: int) -> list[Address]:
        """Every address of a name. Raises Unresolved, also while too many questions have no answer yet."""
        if not self._free.acquire(blocking=False):
            raise Unresolved()
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[Address]] = loop.create_future()

        def settle(found: list[Address]) -> None:
            if not answer.done():
                answer.set_result(found)

        def ask() -> None:
            try:
                found = _ask(host, port)
            finally:
                self._free.release()
            try:
                loop.call_soon_threadsafe(settle, found)
            except RuntimeError:
                return  # the loop has ended, and whoever waited with it

        threading.Thread(target=ask, name="webhook-name", daemon=True).start()
        found = await answer
        if not found:
            raise Unresolved()
        return found


def _ask(host: str, port: int) -> list[Address]:
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return list(dict.fromkeys(ip_address(address[0]) for *_, address in answers))
    except (OSError, ValueError):
        return []
