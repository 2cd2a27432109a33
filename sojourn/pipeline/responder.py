"""Sends the response of one request: success or problem, with the headers that every response has."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from contextlib import suppress
from datetime import datetime
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from sojourn.domain.errors import DomainError, InternalError
from sojourn.domain.values import Caller, Tenant
from sojourn.handlers.answers import Answer, Stream
from sojourn.observability import logs, security_events, tracing
from sojourn.pipeline import conditions
from sojourn.pipeline.bodies import Receive
from sojourn.pipeline.compression import GZIP, LEAST_BYTES, compress_once, takes_gzip
from sojourn.pipeline.negotiation import JSON
from sojourn.pipeline.requests import Request
from sojourn.pipeline.responses import BrokenPromise, parts_of, to_json, to_json_in_turns
from sojourn.pipeline.streaming import STREAM_HEADERS, send_pieces
from sojourn.problems import documents, i18n, oauth_errors
from sojourn.problems.pages import CONTENT_SECURITY_POLICY

if TYPE_CHECKING:
    from sojourn.pipeline.plans import Plan
    from sojourn.pipeline.program import Program

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

logger = logging.getLogger("sojourn.pipeline")

_PROBLEM_JSON = "application/problem+json"
_HTML = "text/html"
_SVG = "image/svg+xml"
_NOT_MODIFIED = 304
_WITHOUT_CONTENT = (204, _NOT_MODIFIED)
_SENT_UNCHANGED = frozenset({b"cache-control", b"vary"})
"""What a 304 repeats of the response that the client has, besides its tag (RFC 9110 §15.4.5)."""
_NO_SNIFFING = (b"x-content-type-options", b"nosniff")
"""On every response: a body is what its media type says, and browsers must not guess another type."""
_REFERRER_POLICY = (b"referrer-policy", b"no-referrer")
PIECE_BYTES = 32_768
_PAGE_POLICY = CONTENT_SECURITY_POLICY.encode()

Headers = list[tuple[bytes, bytes]]


class Responder:
    """Sends the response to one request, once."""

    def __init__(self, program: "Program", request: Request, *, send: Send) -> None:
        self._program = program
        self._request = request
        self._send = send
        self.is_answered = False
        self.plan: Plan | None = None
        self.tenant: Tenant | None = None
        self.caller: Caller | None = None
        self.problem: str | None = None
        self.reason: str | None = None
        self.started = time.perf_counter()
        self.request_id = tracing.request_id(request.header(b"x-request-id"), request.now)
        self.status: int | None = None
        self._locale: str | None = None
        self._checks = program.response_validation != "off"

    @property
    def locale(self) -> str:
        """The reader's language: asked for when the head is known to be within limits."""
        if self._locale is None:
            self._locale = i18n.negotiate(self._request.header(b"accept-language"))
        return self._locale

    @property
    def began(self) -> datetime:
        """When the request's head had arrived."""
        return self._request.now

    @property
    def address(self) -> str:
        """The peer's address."""
        return self._request.address

    @property
    def method(self) -> str:
        """The request's method, as it was sent."""
        return self._request.method

    @property
    def operation_id(self) -> str:
        """The operation being served, or `-` before one is found."""
        return "-" if self.plan is None else self.plan.operation_id

    @property
    def route(self) -> str:
        """The path of the operation as the contract has it, or `-` before one is found."""
        return "-" if self.plan is None else self.plan.route

    @property
    def trace_id(self) -> str:
        """The trace that the request belongs to."""
        return self._trace.trace_id

    @cached_property
    def _trace(self) -> tracing.Trace:
        return tracing.continue_trace(self._request.header(b"traceparent"))

    def belongs_to(self, trace: tracing.Trace) -> None:
        """Say to which span the request belongs, where it is traced."""
        self._trace = trace

    def security_event(self, name: str, **members: Any) -> None:
        """Record a security event that the operation found, with the members that the catalogue says."""
        security_events.found(name, self, members=members)

    async def answer(self, plan: "Plan", result: Any, *, media_type: str, had: str | None) -> None:
        """Send what the handler returned with the operation's status of success; 304 where the client `had` it."""
        form: str | None = JSON
        own = plan.extra_headers(self._request)
        language: str | None = None
        tag_of: Callable[[bytes], bytes] = conditions.entity_tag
        if result is None:
            form, body = None, b""
        elif isinstance(result, Answer):
            form, body, tag_of = media_type, result.body, conditions.tag_of_static
            own += _page_headers(result, media_type)
            language = result.language
            if len(body) >= LEAST_BYTES and self._is_compressed(plan):
                body = await self._program.compressed.form(result.body)
                own.append((b"content-encoding", GZIP))
            result = None
        else:
            body = b""
        for part in parts_of(result) if self._checks else ():
            self._check(plan, plan.status, media_type=form, value=part)
            if part is not result:
                await asyncio.sleep(0)
        if result is not None:
            body = await to_json_in_turns(result)
            if len(body) >= LEAST_BYTES and self._is_compressed(plan):
                body = await compress_once(body)
                own.append((b"content-encoding", GZIP))
            if plan.kept:
                own.append((b"cache-control", plan.kept))
        if plan.vary:
            own.append((b"vary", plan.vary))
        if b"Accept-Language" in plan.vary:
            own.append((b"content-language", (language or self.locale).encode()))
        headers = [*_fixed_headers(form, plan.no_store), *own]
        if plan.conditional:
            tag = (b"etag", tag_of(body))
            if had is not None and conditions.is_known(had, tag[1]):
                kept = [field for field in headers if field[0] in _SENT_UNCHANGED]
                await self._respond(_NOT_MODIFIED, b"", fixed=[tag, *kept])
                return
            headers.append(tag)
        await self._respond(plan.status, body, fixed=headers)

    async def stream(self, plan: "Plan", stream: Stream, *, media_type: str, receive: Receive) -> None:
        """Send what comes until it ends or the client leaves."""
        fixed = [*_fixed_headers(media_type, plan.no_store), *STREAM_HEADERS, *plan.extra_headers(self._request)]
        headers: Headers = [(b"x-request-id", self.request_id.encode("latin-1")), _NO_SNIFFING, *fixed]
        self.is_answered = True
        self.status = plan.status
        try:
            await self._send({"type": "http.response.start", "status": plan.status, "headers": headers})
            await send_pieces(stream.pieces, self._send, receive=receive)
        finally:
            logs.access(self, plan.status)

    def _is_compressed(self, plan: "Plan") -> bool:
        accepted = self._request.header(b"accept-encoding")
        return b"Accept-Encoding" in plan.vary and accepted is not None and takes_gzip(accepted)

    async def refuse(self, error: DomainError) -> None:
        """Send the problem document of a refusal."""
        self.caller = self.caller or error.by
        self.problem, self.reason = error.key, error.detail or error.why or None
        security_events.refused(self, error)
        trace = self._trace
        facts = documents.Facts(
            instance=self._request.raw_path.decode("ascii", "replace"),
            request_id=self.request_id,
            trace_id=trace.trace_id,
            span_id=trace.span_id,
            locale=self.locale,
            now=self._request.now,
            public_url=self._program.public_url,
            development=self._program.development,
        )
        challenge = self.plan.security.challenge if self.plan is not None else None
        render = documents.error_envelope if self.plan is not None and self.plan.envelope else documents.document
        judge = oauth_errors if self.plan is not None and self.plan.oauth_errors else documents
        status = judge.status_of(error)
        is_oauth = self.plan is not None and status in self.plan.oauth_errors
        is_event = is_oauth and self.plan is not None and self.plan.takes_security_events
        said = oauth_errors.of_security_event if is_event else oauth_errors.document
        document = said(error) if is_oauth else render(error, facts)
        media_type = JSON if is_oauth else _PROBLEM_JSON
        if self._checks and self.plan is not None and status not in (404, 405):
            with suppress(DomainError):  # already logged: a refusal is never replaced by another one
                self._check(self.plan, status, media_type=media_type, value=document)
        headers = [
            *_fixed_headers(media_type, True),
            *documents.headers(error, challenge, credentials_sent=self._request.header(b"authorization") is not None),
        ]
        if status != 401:  # an OAuth error of a key that is 401 elsewhere
            headers = [field for field in headers if field[0] != b"www-authenticate"]
        if not is_oauth or is_event:
            headers.append((b"content-language", b"en" if is_event else self.locale.encode()))
        if self.plan is not None and self.plan.vary:
            headers.append((b"vary", self.plan.vary))
        await self._respond(status, to_json(document), fixed=headers)

    def _check(self, plan: "Plan", status: int, *, media_type: str | None, value: Any) -> None:
        """Hold an answer against the contract. Raises InternalError when the setting enforces it."""
        try:
            plan.responses.check(status, media_type, value=value)
        except BrokenPromise as broken:
            logger.error("%s: answer breaks the contract: %s", self.operation_id, broken)
            if self._program.response_validation == "enforce":
                raise InternalError() from None

    async def _respond(self, status: int, body: bytes | memoryview, *, fixed: Iterable[tuple[bytes, bytes]]) -> None:
        headers: Headers = [(b"x-request-id", self.request_id.encode("latin-1")), _NO_SNIFFING, *fixed]
        if status not in _WITHOUT_CONTENT:
            headers.append((b"content-length", b"%d" % len(body)))
        self.is_answered = True
        self.status = status
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        if len(body) > PIECE_BYTES:
            body = await self._send_all_but_the_last(memoryview(body))
        await self._send({"type": "http.response.body", "body": body})
        logs.access(self, status)

    async def _send_all_but_the_last(self, body: memoryview) -> memoryview:
        """Send a large answer in pieces, which wait for the client to read; the last piece is left."""
        last = (len(body) - 1) // PIECE_BYTES * PIECE_BYTES
        for begin in range(0, last, PIECE_BYTES):
            piece = body[begin : begin + PIECE_BYTES]
            await self._send({"type": "http.response.body", "body": piece, "more_body": True})
        return body[last:]


@lru_cache(maxsize=64)
def _fixed_headers(media_type: str | None, no_store: bool) -> tuple[tuple[bytes, bytes], ...]:
    """The headers that every answer of a form has. `media_type` is None for an answer without content."""
    headers: Headers = []
    if media_type is not None:
        charset = "; charset=utf-8" if media_type.startswith("text/") else ""
        headers.append((b"content-type", f"{media_type}{charset}".encode()))
    if no_store:
        headers.append((b"cache-control", b"no-store"))
    return tuple(headers)


def _page_headers(answer: Answer, media_type: str) -> Headers:
    """What keeps a page, its script or its picture to what it is for, and for how long an answer may be kept."""
    headers = [] if answer.kept is None else [(b"cache-control", answer.kept)]
    if media_type.startswith(("text/", "image/")):
        headers.append(_REFERRER_POLICY)
    if media_type in (_HTML, _SVG):
        headers.append((b"content-security-policy", answer.policy or _PAGE_POLICY))
    return headers
