"""Under which hash a token is known."""

import hashlib
import re
from typing import NewType

TokenHash = NewType("TokenHash", str)
"""What a token is known by: 64 hexadecimal digits that only this module makes."""

_JWT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


def has_jwt_form(text: str) -> bool:
    """Whether a text is three parts of base64url without padding (RFC 7515 §2): all that is read as a JWT."""
    return _JWT.fullmatch(text) is not None


def identity(token: str) -> TokenHash:
    """The hash under which a verified token is known.

    Of a JWT only what the signature covers counts: its last characters have bits that readers ignore, so the
    same token could be written in several ways. Never asked for a text that was not verified: see `text_identity`.
    """
    signed = token.rpartition(".")[0] if has_jwt_form(token) else token
    return TokenHash(hashlib.sha256(signed.encode()).hexdigest())


def text_identity(text: str) -> TokenHash:
    """The hash under which a text is known that could not be verified: never that of a verified token."""
    return TokenHash(hashlib.sha256(b"text:" + text.encode("utf-8", "surrogatepass")).hexdigest())
