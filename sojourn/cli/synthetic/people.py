"""Made-up people, devices and places that look like real ones. The same random source makes the same ones.

Addresses are from the ranges kept for documentation (RFC 5737, RFC 3849): they belong to nobody.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Generic, TypeVar

from sojourn.enrichment.agents import AgentFacts, describe_agent

T = TypeVar("T")

_NAMES = (
    "ada", "amara", "anna", "bashir", "carlos", "chen", "dana", "elif", "emre", "fatima", "goran", "hana",
    "ines", "ivan", "jun", "kofi", "lars", "lucia", "mei", "mina", "noah", "olga", "omar", "pia", "quentin",
    "rosa", "sami", "tariq", "uma", "vera", "wen", "yusuf", "zoe",
)  # fmt: skip
_SURNAMES = (
    "abe", "berg", "costa", "diaz", "engel", "fofana", "garcia", "haddad", "ito", "jansen", "kaya", "li",
    "moreau", "novak", "okafor", "park", "quispe", "rossi", "silva", "tanaka", "ueda", "virtanen", "wang",
    "xu", "yilmaz",
)  # fmt: skip
_CITIES = (
    ("Beijing, CN", 12), ("Shanghai, CN", 10), ("Berlin, DE", 8), ("Paris, FR", 7), ("Istanbul, TR", 6),
    ("Lagos, NG", 5), ("New York, US", 9), ("San Francisco, US", 5), ("São Paulo, BR", 6), ("Tokyo, JP", 8),
    ("Mumbai, IN", 7), ("Nairobi, KE", 3), ("Madrid, ES", 4), ("Sydney, AU", 3), ("Toronto, CA", 4),
)  # fmt: skip

_CHROMIUM = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0"
_SAFARI = "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5"
_GECKO = "Gecko/20100101 Firefox/140.0"
_WINDOWS = "Windows NT 10.0; Win64; x64"
_MAC = "Macintosh; Intel Mac OS X 10_15_7"
_AGENTS = (
    (f"Mozilla/5.0 ({_WINDOWS}) {_CHROMIUM} Safari/537.36", 26),
    (f"Mozilla/5.0 ({_WINDOWS}) {_CHROMIUM} Safari/537.36 Edg/138.0.0.0", 9),
    (f"Mozilla/5.0 ({_WINDOWS}; rv:140.0) {_GECKO}", 7),
    (f"Mozilla/5.0 ({_MAC}) {_CHROMIUM} Safari/537.36", 9),
    (f"Mozilla/5.0 ({_MAC}) {_SAFARI} Safari/605.1.15", 7),
    (f"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) {_GECKO}", 3),
    (f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) {_SAFARI} Mobile/15E148 Safari/604.1", 17),
    (f"Mozilla/5.0 (iPad; CPU OS 18_5 like Mac OS X) {_SAFARI} Mobile/15E148 Safari/604.1", 4),
    (f"Mozilla/5.0 (Linux; Android 15; Pixel 9) {_CHROMIUM} Mobile Safari/537.36", 14),
    (f"Mozilla/5.0 (Linux; Android 14; SM-S921B) {_CHROMIUM} Mobile Safari/537.36", 5),
)
_METHODS: tuple[tuple[tuple[str, ...], int], ...] = (
    (("password",), 5),
    (("password", "totp"), 4),
    (("webauthn",), 3),
    (("sms", "password"), 1),
)
_DEVICE_NAMES = {"desktop": "computer", "mobile": "phone", "tablet": "tablet"}


class _Weighted(Generic[T]):
    """Draws items as often as their weights say."""

    def __init__(self, items: Sequence[tuple[T, int]]) -> None:
        self._items = [item for item, _ in items]
        self._bounds = list(accumulate(weight for _, weight in items))

    def draw(self, chance: random.Random) -> T:
        return chance.choices(self._items, cum_weights=self._bounds)[0]


_CITY, _AGENT, _METHOD = _Weighted(_CITIES), _Weighted(_AGENTS), _Weighted(_METHODS)


@dataclass(frozen=True, slots=True)
class Device:
    """One device of one person. `facts` are what its User-Agent tells."""

    device_id: str
    fingerprint: str
    name: str
    user_agent: str
    facts: AgentFacts
    ip: str


@dataclass(frozen=True, slots=True)
class Person:
    """A user: where they live, how they sign in, what they sign in with."""

    user_id: str
    username: str
    city: str
    amr: tuple[str, ...]
    devices: tuple[Device, ...]


def person(chance: random.Random, number: int) -> Person:
    """The person of this number. The name may repeat, the ids do not."""
    name, surname = chance.choice(_NAMES), chance.choice(_SURNAMES)
    devices = tuple(_device(chance, name) for _ in range(chance.choices((1, 2, 3), (5, 4, 1))[0]))
    return Person(
        user_id=f"usr_{number:06d}",
        username=f"{name}.{surname}{number}",
        city=_CITY.draw(chance),
        amr=_METHOD.draw(chance),
        devices=devices,
    )


def _device(chance: random.Random, owner: str) -> Device:
    user_agent = _AGENT.draw(chance)
    facts = describe_agent(user_agent)
    return Device(
        device_id=f"dev_{chance.getrandbits(64):016x}",
        fingerprint=f"sha256:{chance.getrandbits(128):032x}",
        name=f"{owner.title()}'s {_DEVICE_NAMES.get(facts.device_type or '', 'device')}",
        user_agent=user_agent,
        facts=facts,
        ip=_address(chance),
    )


def _address(chance: random.Random) -> str:
    if chance.random() < 0.2:
        return f"2001:db8:{chance.getrandbits(16):x}:{chance.getrandbits(16):x}::{1 + chance.getrandbits(12):x}"
    network = chance.choice(("192.0.2", "198.51.100", "203.0.113"))
    return f"{network}.{chance.randint(1, 254)}"
