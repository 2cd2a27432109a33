"""Where webhooks may lead: to public addresses over https, unless an operator allows more.

A URL is judged by its text when it is stored, and the address by its bits when a connection is made to it. What a name
resolves to is nowhere judged before: it may be something else the next time.
"""

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Literal, NamedTuple

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Fault = Literal["webhook_url", "webhook_https", "webhook_address"]
"""What is wrong with a URL: its form, that it is not https, or that it leads to an address that is not public."""

_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::(?P<port>[0-9]{1,5}))?(?:[/?][!-\"$-~]*)?",
    re.ASCII,
)
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?", re.ASCII)
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*", re.ASCII)
_INNER_NAMES = ("localhost", "local", "internal", "localdomain", "home.arpa", "ip6-localhost", "ip6-loopback")
_PUBLIC_IPV6 = IPv6Network("2000::/3")
_INNER_NETWORKS: tuple[Network, ...] = (
    IPv4Network("192.0.0.0/24"),  # of protocols (RFC 6890)
    IPv4Network("192.88.99.0/24"),  # relays to 6to4 (RFC 7526)
    IPv4Network("168.63.129.16/32"),  # the host of an Azure machine
    IPv6Network("2002::/16"),  # 6to4 (RFC 3056): an IPv4 address in another form
    IPv6Network("2001::/32"),  # Teredo (RFC 4380): likewise
    IPv6Network("3fff::/20"),  # documentation (RFC 9637)
)


class Target(NamedTuple):
    """The parts of a URL that decide. `address` is its host where that is an address."""

    scheme: str
    host: str
    address: Address | None


class Allowed(NamedTuple):
    """What an operator allows besides: hosts by name, and networks."""

    hosts: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    def has_host(self, host: str) -> bool:
        """Whether a host is allowed by its name."""
        return host.lower() in self.hosts

    def has_address(self, address: Address) -> bool:
        """Whether an address lies in a network that is allowed."""
        return any(address.version == network.version and address in network for network in self.networks)


def read_allowed(items: Iterable[str]) -> Allowed:
    """The hosts and networks of a setting. Raises ValueError for an item that is neither."""
    hosts, networks = set(), []
    for item in items:
        try:
            networks.append(ip_network(item, strict=False))
        except ValueError:
            if not _is_name(item):
                raise ValueError(f"{item!r} is neither a host nor a network such as 10.0.0.0/8") from None
            hosts.add(item.lower())
    return Allowed(frozenset(hosts), tuple(networks))


def read_target(url: str) -> Target | None:
    """The target of a URL; None for one with user information or a fragment, or whose host has an unusual spelling.

    An address is written with four decimal numbers, or in brackets (RFC 3986 §3.2.2). Whatever else ends in a number
    would be an address to some programs (`0x7f.1`, `2130706433`) and a name to others.
    """
    found = _URL.fullmatch(url)
    if found is None or not 0 < int(found["port"] or 443) < 65536:
        return None
    host = found["host"]
    try:
        address = ip_address(host.strip("[]"))
    except ValueError:
        address = None
    if address is None and not _is_name(host):
        return None
    if isinstance(address, IPv6Address) != host.startswith("["):
        return None
    return Target(found["scheme"], host, address)


def fault(url: str, allowed: Allowed) -> Fault | None:
    """Why a URL is refused before anything is sent to it; None where nothing is wrong with its text."""
    target = read_target(url)
    if target is None:
        return "webhook_url"
    is_allowed = allowed.has_host(target.host) or (target.address is not None and allowed.has_address(target.address))
    if is_allowed:
        return None
    if target.scheme != "https":
        return "webhook_https"
    named = f".{target.host.lower()}"
    is_inner = any(named.endswith(f".{name}") for name in _INNER_NAMES)
    return "webhook_address" if is_inner or (target.address is not None and not is_public(target.address)) else None


def is_public(address: Address) -> bool:
    """Whether an address is one of the public internet, in no other form (mapped, translated, tunnelled)."""
    if isinstance(address, IPv6Address) and (address not in _PUBLIC_IPV6 or address.scope_id is not None):
        return False
    if any(address.version == network.version and address in network for network in _INNER_NETWORKS):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _is_name(host: str) -> bool:
    """Whether a text is the name of a host, and no program takes it for an address."""
    labels = host.split(".")
    return len(host) <= 253 and all(map(_LABEL.fullmatch, labels)) and not _NUMBER.fullmatch(labels[-1])
