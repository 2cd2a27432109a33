"""Functions of SQL that SQLite has not: each connection is given them."""

import sqlite3
from functools import lru_cache
from ipaddress import ip_address, ip_network


def add_functions(connection: sqlite3.Connection) -> None:
    """Give a connection our functions."""
    connection.create_function("is_within", 2, is_within, deterministic=True)


def is_within(address: str | None, network: str | None) -> int | None:
    """Whether an address is in a network, or is the address that is given instead: 0 or 1; None where one is None."""
    if address is None or network is None:
        return None
    try:
        version, number = _address(address)
    except ValueError:  # a text that is no address is nowhere
        return 0
    of_version, first, last = _bounds(network)
    return int(version == of_version and first <= number <= last)


@lru_cache(maxsize=8192)  # more than a search looks at for one response: else none would be there the next time
def _address(text: str) -> tuple[int, int]:
    address = ip_address(text)
    return address.version, int(address)


@lru_cache(maxsize=64)
def _bounds(text: str) -> tuple[int, int, int]:
    network = ip_network(text, strict=False)
    return network.version, int(network.network_address), int(network.broadcast_address)
