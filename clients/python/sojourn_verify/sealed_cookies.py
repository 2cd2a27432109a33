"""A pair of tokens in cookies that only the application can read: encrypted, and split when long."""

import json
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

LONGEST = 3_800
"""Of one cookie's value: browsers take 4096 bytes with its name and attributes."""
MOST = 8
"""Into so many pieces at most."""
_NONCE = 12


class Pair(NamedTuple):
    """An access token and the refresh token that belongs to it."""

    access: str
    refresh: str


class SealedCookies:
    """Writes pairs into cookies and reads them (AES-256-GCM). `secrets`: the first one seals, all of them open."""

    def __init__(self, secrets: Iterable[str], *, name: str = "__Host-sojourn", max_age: int | None = None) -> None:
        given = list(secrets)
        if not given or any(len(secret) < 32 for secret in given):
            raise ValueError("secret: want at least 32 characters, such as secrets.token_urlsafe(32) makes")
        self._keys = [AESGCM(sha256(b"sojourn browser session\0" + secret.encode()).digest()) for secret in given]
        self._name = name
        self._about = "Path=/; Secure; HttpOnly; SameSite=Lax"
        self._kept = "" if max_age is None else f"; Max-Age={max_age}"

    def write(self, pair: Pair, present: Iterable[str]) -> list[str]:
        """The `Set-Cookie` headers that store a pair in the place of the cookies named in `present`."""
        nonce = os.urandom(_NONCE)
        sealed = self._keys[0].encrypt(nonce, json.dumps(pair).encode(), self._name.encode())
        text = urlsafe_b64encode(nonce + sealed).decode()
        pieces = [text[start : start + LONGEST] for start in range(0, len(text), LONGEST)]
        if len(pieces) > MOST:
            raise ValueError("the tokens are too long for cookies")
        named = {self._piece(number): piece for number, piece in enumerate(pieces)}
        named[self._name] = f"{len(pieces)}.{pieces[0]}"
        written = [f"{name}={value}; {self._about}{self._kept}" for name, value in named.items()]
        return written + self.clear(name for name in present if name not in named)

    def read(self, cookies: Mapping[str, str]) -> Pair | None:
        """The pair in the cookies of a request; None where there is none that we wrote."""
        count, _, first = cookies.get(self._name, "").partition(".")
        if count not in {str(number) for number in range(1, MOST + 1)}:
            return None
        pieces = [first, *(cookies.get(self._piece(number), "") for number in range(1, int(count)))]
        try:
            raw = urlsafe_b64decode("".join(pieces))
        except ValueError:
            return None
        for key in self._keys:
            try:
                return Pair(*json.loads(key.decrypt(raw[:_NONCE], raw[_NONCE:], self._name.encode())))
            except (InvalidTag, ValueError):
                continue
        return None

    def clear(self, present: Iterable[str]) -> list[str]:
        """The `Set-Cookie` headers that delete ours of the cookies named in `present`."""
        ours = {self._piece(number) for number in range(MOST)}
        return [f"{name}=; {self._about}; Max-Age=0" for name in present if name in ours]

    def _piece(self, number: int) -> str:
        return f"{self._name}-{number}" if number else self._name
