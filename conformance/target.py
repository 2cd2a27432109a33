"""The server to check, as described by the options of the suite."""

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class Unusable(Exception):
    """The suite cannot work with what it was given; the message says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """A server, the credentials that were given for it, and what was asked of the suite."""

    url: str
    api_key: str
    admin_token: str
    tenant: str
    second_admin_token: str | None = None
    second_tenant: str | None = None
    limited_api_key: str | None = None
    manage_api_key: str | None = None
    stranger_token: str | None = None
    user_token: str | None = None
    expired_token: str | None = None
    short_lived_url: str | None = None
    receiver_url: str | None = None
    ca_file: Path | None = None
    contract: Path | None = None
    profile: str = "core"
    features: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    seed: int = 0
    parallel: int = 1
    patience: float = 40.0
    examples: int = 20
    expected_failures: Path | None = None
    report_dir: Path | None = None

    def has(self, option: str) -> bool:
        """Whether an optional one was given."""
        return getattr(self, option) is not None

    @property
    def secrets(self) -> dict[str, str]:
        """The given credentials and the shell variable that stands for each in a report."""
        named = {
            self.api_key: "API_KEY",
            self.admin_token: "ADMIN_TOKEN",
            self.second_admin_token: "SECOND_ADMIN_TOKEN",
            self.limited_api_key: "LIMITED_API_KEY",
            self.manage_api_key: "MANAGE_API_KEY",
            self.stranger_token: "STRANGER_TOKEN",
            self.user_token: "USER_TOKEN",
            self.expired_token: "EXPIRED_TOKEN",
        }
        return {secret: name for secret, name in named.items() if secret}


def tenant_of(token: str) -> str:
    """The tenant that a token names in its claim `tenant_id`; the signature is the server's business.

    Raises Unusable when the token is no JWT or names none.
    """
    try:
        claims = json.loads(_decode(token.split(".")[1]))
        tenant = claims["tenant_id"]
    except (IndexError, KeyError, TypeError, ValueError):
        raise Unusable("the admin token names no tenant in a claim `tenant_id`: say --tenant") from None
    if not isinstance(tenant, str) or not tenant:
        raise Unusable("the claim `tenant_id` of the admin token is no text: say --tenant")
    return tenant


def subject_of(token: str) -> str | None:
    """The user that a token speaks for, or None."""
    try:
        subject = json.loads(_decode(token.split(".")[1])).get("sub")
    except (IndexError, AttributeError, ValueError):
        return None
    return subject if isinstance(subject, str) else None


def claims_of(authorization: str) -> dict[str, Any]:
    """The claims of the token in an `Authorization` header, whoever signed it; nothing where it holds none."""
    try:
        found = json.loads(_decode(authorization.split(".")[1]))
    except (IndexError, ValueError, RecursionError):  # tokens of the suite's own probes are nested deeply
        return {}
    return found if isinstance(found, dict) else {}


def _decode(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
