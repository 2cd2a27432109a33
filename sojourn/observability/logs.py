"""Logs: one line a record, in UTC, without secrets, as text for people or as JSON for programs.

Whatever a client sends may end up in a record, so control characters are escaped (a record is always one
line) and anything that looks like a token or a key of ours is masked (OWASP ASVS 5.0 V16.2.5, V16.4.1).
"""

import json
import logging
import re
import time
from datetime import UTC, datetime
from typing import Any, Literal, Protocol

from sojourn.domain.clock import to_text
from sojourn.domain.secret_texts import masked
from sojourn.domain.values import Caller, Tenant
from sojourn.observability import metrics
from sojourn.observability.background_log import ACCESS, BackgroundHandler

_access = logging.getLogger(ACCESS)

_OTHERS = ("alembic", "asyncio", "connexion", "openapi_spec_validator", "sqlalchemy", "uvicorn.asgi", "watchfiles")
"""Libraries that log every successful step: of these only warnings and errors are logged, at every level."""

_NAMES = {"uvicorn.error": "sojourn.server"}
"""Loggers of libraries whose names would mislead: this one tells of starts and stops that went well."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


class Served(Protocol):
    """What the access log tells of a request that was answered. `started` is a `time.perf_counter()`."""

    @property
    def operation_id(self) -> str: ...
    @property
    def request_id(self) -> str: ...
    @property
    def tenant(self) -> Tenant | None: ...
    @property
    def caller(self) -> Caller | None: ...
    @property
    def route(self) -> str: ...
    @property
    def method(self) -> str: ...
    @property
    def trace_id(self) -> str: ...
    @property
    def address(self) -> str: ...
    @property
    def problem(self) -> str | None: ...
    @property
    def reason(self) -> str | None: ...
    @property
    def started(self) -> float: ...


def access(served: Served, status: int) -> None:
    """Log and count one answered request: its route, not its path, which may carry a token.

    The caller is an API key, a user, or for a refresh token its session; None before it is known. `problem` and
    `reason` say why it was refused; None for an answer of success.
    """
    seconds = time.perf_counter() - served.started
    metrics.answered(served.operation_id, status, seconds=seconds, problem=served.problem)
    if not _access.isEnabledFor(logging.INFO):
        return
    tenant, caller = served.tenant, served.caller
    facts = {
        "operation": served.operation_id,
        "route": served.route,
        "method": served.method,
        "status": status,
        "duration_ms": round(seconds * 1000, 3),
        "request_id": served.request_id,
        "trace_id": served.trace_id,
        "tenant": None if tenant is None else tenant.id,
        "caller": None if caller is None else caller.id or caller.session_id,
        "address": served.address,
        "problem": served.problem,
        "reason": served.reason,
    }
    _access.info("%s %d", served.operation_id, status, extra=facts)


def config(form: Literal["json", "text"], level: str) -> dict[str, Any]:
    """The logging configuration (`logging.config`): every record of the process to standard error."""
    formatter = JsonLines if form == "json" else TextLines
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": formatter}},
        "handlers": {"stderr": {"()": BackgroundHandler, "formatter": "line"}},
        "root": {"level": level.upper(), "handlers": ["stderr"]},
        "loggers": {name: {"level": "WARNING"} for name in _OTHERS},
    }


class JsonLines(logging.Formatter):
    """A record as one JSON object. ASCII only, so no character can break the line."""

    def format(self, record: logging.LogRecord) -> str:
        """The record's line."""
        line: dict[str, Any] = {
            "timestamp": _instant(record),
            "level": record.levelname.lower(),
            "logger": _NAMES.get(record.name, record.name),
            "message": record.getMessage(),
            **_extra(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return masked(json.dumps(line, default=str, ensure_ascii=True))


class TextLines(logging.Formatter):
    """A record as one line of text, its facts as `name=value`; facts that are not known are left out."""

    def format(self, record: logging.LogRecord) -> str:
        """The record's line."""
        logger = _NAMES.get(record.name, record.name)
        text = f"{_instant(record)} {record.levelname:<7} {logger}: {record.getMessage()}"
        for name, value in _extra(record).items():
            if value is not None:
                text += f" {name}={value}"
        if record.exc_info:
            text += " | " + self.formatException(record.exc_info)
        return masked(_CONTROL.sub(_escape, text))


def _escape(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode()


def _extra(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name not in _STANDARD}


def _instant(record: logging.LogRecord) -> str:
    return to_text(datetime.fromtimestamp(record.created, UTC))
