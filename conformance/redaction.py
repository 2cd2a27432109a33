"""Requests and responses as a report may show them: without credentials, and with a curl line to send them again."""

import re
import shlex
from collections.abc import Mapping

from sojourn.conformance.wire import Raw, Reply

_SECRET_MEMBERS = re.compile(
    r'("(?:access_token|refresh_token|token|subject_token|api_key|key|password)"\s*:\s*")[^"]*(")', re.IGNORECASE
)
_SECRET_QUERY = re.compile(r"([?&](?:token|access_token)=)[^&\s]+")
_BEARER = re.compile(r"(Bearer\s+)(?!\$)\S+", re.IGNORECASE)
_KEY_HEADER = re.compile(r"(x-api-key:\s*)(?!\$)\S+", re.IGNORECASE)
_JWT = re.compile(r"eyJ[\w-]{8,}\.[\w-]+\.[\w-]*")
_OPAQUE = re.compile(r"\brt_[\w.:-]{20,}")
_LONGEST = 4000


def redact(text: str, secrets: Mapping[str, str]) -> str:
    """`text` without credentials. Those that were given to the suite become the shell variables that stand for them."""
    for secret, name in secrets.items():
        text = text.replace(secret, f"${name}")
    text = _SECRET_MEMBERS.sub(r"\1***\2", text)
    text = _SECRET_QUERY.sub(r"\1***", text)
    text = _KEY_HEADER.sub(r"\1***", _BEARER.sub(r"\1***", text))
    return _OPAQUE.sub("***", _JWT.sub("***", text))


def show_request(request: Raw, secrets: Mapping[str, str]) -> str:
    """The request as text, redacted and cut."""
    lines = [f"{request.method} {request.target}", *(f"{name}: {value}" for name, value in request.headers)]
    body = "" if request.body is None else "\n\n" + request.body.decode("utf-8", "backslashreplace")
    return _cut(redact("\n".join(lines) + body, secrets))


def show_reply(reply: Reply, secrets: Mapping[str, str]) -> str:
    """The answer as text, redacted and cut."""
    if not reply.status:
        return "(no answer)"
    lines = [str(reply.status), *(f"{name}: {value}" for name, value in sorted(reply.headers.items()))]
    return _cut(redact("\n".join(lines) + "\n\n" + reply.text, secrets))


def curl(url: str, request: Raw, *, secrets: Mapping[str, str]) -> str:
    """The line that sends the request again, with shell variables for the credentials."""
    parts = ["curl", "-i", "--path-as-is", "-X", request.method, _quoted(url + request.target, secrets)]
    for name, value in request.headers:
        parts += ["-H", _quoted(f"{name}: {value}", secrets)]
    if request.body is not None:
        parts += ["--data-binary", _quoted(request.body.decode("utf-8", "backslashreplace"), secrets)]
    return _cut(" ".join(parts))


def _quoted(text: str, secrets: Mapping[str, str]) -> str:
    shown = redact(text, secrets)
    if shown == text:
        return shlex.quote(text)
    escaped = re.sub(r'(["\\`])', r"\\\1", shown)  # in double quotes, so that the shell puts the variables in
    return f'"{escaped}"'


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[:_LONGEST] + f"\n… ({len(text)} characters)"
