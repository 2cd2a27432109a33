"""Rules for the headers of one request and its response: what a request asks for is honoured by every operation."""

import re
from collections.abc import Iterator

from sojourn.conformance.laws import document_of, is_success
from sojourn.conformance.traffic import Exchange

UNREAD = (400, 408, 413, 414, 431)
"""Statuses that may be answered before the headers of a request were read to their end."""
LANGUAGES = ("en", "zh-CN")
"""Those that every server has: the contract, header Content-Language."""
PICTURE = "image/png"
_TRACE = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-0[01]")


def header_of(exchange: Exchange, name: str) -> str | None:
    """A header of the request; None where it is not there exactly once."""
    found = [value for key, value in exchange.request.headers if key.lower() == name]
    return found[0] if len(found) == 1 else None


def was_read(exchange: Exchange) -> bool:
    """Whether the server has read the headers of a request of an operation: its problem is about the operation."""
    if exchange.operation is None:
        return False
    return exchange.reply.status not in UNREAD or bool(document_of(exchange).get("errors"))


def problems_follow_the_language(exchange: Exchange) -> Iterator[str]:
    """A problem is written in the one language that was asked for, and says so (RFC 9110 sections 8.5, 12.5.4)."""
    wanted = header_of(exchange, "accept-language")
    if exchange.reply.status < 400 or wanted not in LANGUAGES or not was_read(exchange):
        return
    said = exchange.reply.headers.get("content-language")
    if said != wanted:
        yield f"asked for {wanted}, Content-Language is {said!r}"
    problem = document_of(exchange)
    texts = [(name, str(problem.get(name, ""))) for name in ("title", "detail")]
    rules = problem.get("errors")
    for broken in rules if isinstance(rules, list) else ():
        if isinstance(broken, dict) and "description" in broken:
            texts.append(("description", str(broken["description"])))
    for name, text in texts:
        if any("\u4e00" <= letter <= "\u9fff" for letter in text) is not (wanted == "zh-CN"):
            yield f"asked for {wanted}, {name} is {text!r}"


def what_cannot_be_accepted_is_not_sent(exchange: Exchange) -> Iterator[str]:
    """A caller who takes nothing but pictures is sent none of the answer's forms (RFC 9110 section 12.5.1)."""
    operation = exchange.operation
    if header_of(exchange, "accept") != PICTURE or operation is None or not is_success(exchange):
        return
    content = operation.responses.get(exchange.reply.status, {}).get("content", {})
    if content and PICTURE not in content:
        yield f"asked for {PICTURE}, answered {exchange.reply.status} with {exchange.reply.media_type!r}"


def a_body_of_another_type_is_not_read(exchange: Exchange) -> Iterator[str]:
    """A body that says that it is plain text is not taken for JSON (RFC 9110 section 15.5.16)."""
    operation = exchange.operation
    if operation is None or operation.body_schema is None or exchange.request.body is None:
        return
    if header_of(exchange, "content-type") == "text/plain" and is_success(exchange):
        yield "a body of text/plain was accepted"


def traces_are_continued(exchange: Exchange) -> Iterator[str]:
    """A problem is of the trace that its request names, in a span of its own (W3C Trace Context section 3.2)."""
    given = _TRACE.fullmatch(header_of(exchange, "traceparent") or "")
    if given is None or exchange.reply.status < 400 or not was_read(exchange):
        return
    problem = document_of(exchange)
    if "trace_id" in problem and given[1] not in str(problem["trace_id"]):
        yield f"the trace {given[1]} was sent, the problem is of {problem['trace_id']!r}"
    if "span_id" in problem and given[2] in str(problem["span_id"]):
        yield "the problem's span is the caller's own"
