"""The lines of a file of sessions (`ImportedSession` of the contract): read strictly, one after the other."""

from collections.abc import Iterator
from datetime import datetime
from functools import cache
from typing import IO, Any, NamedTuple

from sojourn.domain.clock import to_text
from sojourn.domain.errors import ValidationFailed, Violation
from sojourn.domain.ids import SessionKey, TenantId, uuid7
from sojourn.domain.imports import identity_of, moments_of
from sojourn.domain.sessions import Timeouts
from sojourn.enrichment.agents import describe_agent
from sojourn.enrichment.geoip import Locator
from sojourn.openapi.document import resolve
from sojourn.openapi.loader import load_bundle
from sojourn.pipeline.bodies import BodyLimits, JsonReader
from sojourn.pipeline.schemas import Schema
from sojourn.settings import Settings
from sojourn.storage.queries.imports import Import
from sojourn.storage.queries.session_rows import NewSession

MAX_LINE = 65_536
"""The longest line, in bytes."""
_SCHEMA = "ImportedSession"
_LIMITS = BodyLimits(max_bytes=MAX_LINE, max_depth=8, max_digits=64, timeout_seconds=0)
_TOO_LONG = b"\x00"
"""Stands for a line of which the rest was left out: no JSON text begins like this."""


class Line(NamedTuple):
    """A line that is in order. `found` is None where its session is over."""

    tenant_id: TenantId
    found: Import | None


def lines_of(file: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """The lines of a file with their numbers, but for empty ones."""
    number = 0
    while text := file.readline(MAX_LINE + 1):
        number += 1
        if len(text) > MAX_LINE and not text.endswith(b"\n"):
            while (rest := file.readline(MAX_LINE)) and not rest.endswith(b"\n"):
                pass
            text = _TOO_LONG
        if text.strip():
            yield number, text


class LineReader:
    """Reads lines by the contract's schema, and completes what they say as a creation does."""

    def __init__(self, settings: Settings) -> None:
        """Raises SettingsError where the database of places cannot be read."""
        self._schema = _schema()
        self._json = JsonReader(_LIMITS)
        self._timeouts = Timeouts(settings.idle_timeout, settings.absolute_timeout)
        self._locate = Locator(settings.geoip_database).locate

    def read(self, text: bytes, now: datetime) -> Line:
        """The line that `text` is. Raises ValidationFailed with everything that is wrong with it."""
        if text == _TOO_LONG:
            raise ValidationFailed([Violation("line", "max_length", {"limit": MAX_LINE})])
        line = self._json.read(text)
        if not self._schema.accepts(line):
            raise ValidationFailed(self._schema.explain(line, "body"))
        moments = moments_of(line, now, timeouts=self._timeouts)
        tenant_id = TenantId(line["tenant_id"])
        if min(moments.deadlines.expires_at, moments.deadlines.idle_expires_at) <= now:
            return Line(tenant_id, None)
        session = NewSession(
            id=SessionKey(uuid7(moments.created_at)),
            user_id=line["user_id"],
            created_at=to_text(moments.created_at),
            authenticated_at=to_text(moments.authenticated_at),
            last_active_at=to_text(moments.last_active_at),
            expires_at=to_text(moments.deadlines.expires_at),
            idle_expires_at=to_text(moments.deadlines.idle_expires_at),
            **self._facts(line),
        )
        return Line(tenant_id, Import(identity_of(line["source"], line["source_id"]), session))

    def _facts(self, line: dict[str, Any]) -> dict[str, Any]:
        """What the line says of the sign-in and the device."""
        agent = describe_agent(line.get("user_agent", ""))
        provider = line.get("idp", {})
        return {
            "amr": ",".join(line["amr"]) if "amr" in line else None,
            "acr": line.get("acr"),
            "app_id": line.get("app_id"),
            "device_id": line.get("device_id"),
            "device_type": line.get("device_type", agent.device_type),
            "browser": agent.browser or line.get("device_name"),
            "os": agent.os,
            "ip": line.get("ip"),
            "user_agent": line.get("user_agent"),
            "geoip": self._locate(line["ip"]) if "ip" in line else None,
            "idp_issuer": provider.get("issuer"),
            "idp_session_id": provider.get("session_id"),
        }


@cache
def _schema() -> Schema:
    bundle = load_bundle()
    return Schema(resolve(bundle, bundle["components"]["schemas"][_SCHEMA]))
