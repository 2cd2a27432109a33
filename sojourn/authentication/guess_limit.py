"""How many wrong API keys an address may send. It stops guessing and never refuses a valid key."""

import ipaddress
from datetime import datetime

from sojourn.authentication.shared_counts import SharedCounts
from sojourn.domain.errors import RateLimited

_MINUTE = 60
_NETWORK_BITS = 64
"""What one IPv6 host may choose its address from (RFC 4291 §2.5.4)."""


class GuessLimit:
    """Counts wrong keys by address and minute. A `limit` of 0 refuses nothing."""

    def __init__(self, limit: int, counts: SharedCounts) -> None:
        self._limit = limit
        self._counts = counts

    def wrong(self, address: str, now: datetime) -> None:
        """Count a wrong key. Raises RateLimited, until the next minute, beyond the limit."""
        if self._limit and self._counts.count(network_of(address), now) > self._limit:
            raise RateLimited(retry_after=_MINUTE - int(now.timestamp()) % _MINUTE)


def network_of(address: str) -> str:
    """An IPv4 address as it is, an IPv6 address by its network: a host changes the rest at will."""
    try:
        read = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(read, ipaddress.IPv4Address):
        return str(read)
    if read.ipv4_mapped is not None:
        return str(read.ipv4_mapped)
    return str(ipaddress.ip_network((read, _NETWORK_BITS), strict=False))
