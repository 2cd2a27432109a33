"""How exported sessions are written: JSON lines for programs, CSV for spreadsheets."""

import csv
import io
import json
from collections.abc import Callable

from sojourn.handlers.views.envelopes import View

COLUMNS = (
    ("id", "tenant_id", "user_id", "status", "created_at", "authenticated_at", "last_active_at", "expires_at",
     "idle_expires_at", "amr", "acr", "app_id", "device_id", "device_type", "browser", "os", "ip", "user_agent",
     "geoip", "country", "asn", "as_org", "last_ip", "last_user_agent", "impersonator", "recorded_by",
     "idp.issuer", "idp.session_id", "name", "factors", "metadata",
     "suspended_until", "suspended_then", "revoked_at", "revoked_by", "revoke_reason", "reason_code")
)  # fmt: skip
"""The columns of the CSV: the members of `SessionResponse` but `current`; those of `idp` each have
their own, factors and metadata are JSON."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a cell begins with that spreadsheets take for a formula."""


def json_line(view: View) -> str:
    """A session as one line of JSON."""
    return json.dumps(view, ensure_ascii=False)


def csv_line(view: View) -> str:
    """A session as one line of CSV (RFC 4180). A text that would be a formula gets an apostrophe in front."""
    flat = dict(view)
    for part, value in flat.pop("idp", {}).items():
        flat[f"idp.{part}"] = value
    return _written([_plain(_cell(flat.get(name, ""))) for name in COLUMNS])


def csv_head() -> str:
    """The names of the columns."""
    return _written(COLUMNS)


def _cell(value: object) -> str:
    return str(value) if isinstance(value, (str, int)) else json.dumps(value, ensure_ascii=False)


def _plain(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _written(cells: list[str] | tuple[str, ...]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()


Line = Callable[[View], str]
FORMATS: dict[str, tuple[str | None, Line]] = {"jsonl": (None, json_line), "csv": (csv_head(), csv_line)}
"""For each format the first line, None where there is none, and how a session is written."""
