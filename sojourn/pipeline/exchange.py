"""The answering side of one request: success or problem, always with the same head."""

import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from domain.errors import DomainError, InternalError
from domain.values import Tenant
from handlers.answers import Answer
from sojourn import i18n, logs, problems, tracing
from sojourn.pipeline.negotiation import JSON
from sojourn.pipeline.requests import Request
from sojourn.pipeline.responses import BrokenPromise, to_json
from sojourn.problem_pages import CONTENT_SECURITY_POLICY

if TYPE_CHECKING:
    from sojourn.pipeline.plans import Plan
    from sojourn.pipeline.program import Program

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

logger = logging.getLogger("sojourn.pipeline")

_PROBLEM_JSON = "application/problem+json"
_NO_STORE = (b"cache-control", b"no-store")
_JSON_TYPE = (b"content-type", b"application/json")
_HTML = "text/html"
_PAGE_HEADERS = [
    (b"content-type", b"text/html; charset=utf-8"),
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
]


class Exchange:
    """Answers one request, once."""

    def __init__(self, program: "Program", request: Request, send: Send) -> None:
        self._program = program
        self._request = request
        self._send = send
        self.is_answered = False
        self.plan: Plan | None = None
        self.tenant: Tenant | None = None
        self.started = time.perf_counter()
        self.request_id = tracing.request_id(request.header(b"x-request-id"), request.now)
        self.locale = i18n.negotiate(request.header(b"accept-language"))

    @property
    def method(self) -> str:
        """The request's method, as it was sent."""
        return self._request.method

    @property
    def operation_id(self) -> str:
        """The operation being served, or `-` before one is found."""
        return "-" if self.plan is None else self.plan.operation_id

    async def answer(self, plan: "Plan", result: Any, media_type: str) -> None:
        """Send what the handler returned, with the operation's status of success."""
        if result is None:
            self._check(plan.status, None, None)
            await self._respond(plan.status, None, b"", plan.no_store)
            return
        if isinstance(result, Answer):
            self._check(plan.status, media_type, None)
            await self._respond(plan.status, media_type, result.body, plan.no_store)
            return
        self._check(plan.status, JSON, result)
        await self._respond(plan.status, JSON, to_json(result), plan.no_store)

    async def refuse(self, error: DomainError) -> None:
        """Send the problem document of a refusal."""
        trace = tracing.continue_trace(self._request.header(b"traceparent"))
        facts = problems.Facts(
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
        render = problems.error_envelope if self.plan is not None and self.plan.envelope else problems.document
        document = render(error, facts)
        status = problems.status_of(error)
        if self.plan is not None and status not in (404, 405):
            with suppress(DomainError):  # already logged: a refusal is never replaced by another one
                self._check(status, _PROBLEM_JSON, document)
        headers = [
            *problems.headers(error, challenge, self._request.header(b"authorization") is not None),
            (b"content-language", self.locale.encode()),
        ]
        await self._respond(status, _PROBLEM_JSON, to_json(document), True, headers)

    def _check(self, status: int, media_type: str | None, value: Any) -> None:
        """Hold an answer against the contract. Raises InternalError when the setting enforces it."""
        mode = self._program.response_validation
        if mode == "off" or self.plan is None:
            return
        try:
            self.plan.responses.check(status, media_type, value)
        except BrokenPromise as broken:
            logger.error("%s: answer breaks the contract: %s", self.operation_id, broken)
            if mode == "enforce":
                raise InternalError() from None

    async def _respond(
        self,
        status: int,
        media_type: str | None,
        body: bytes,
        no_store: bool,
        extra: list[tuple[bytes, bytes]] | None = None,
    ) -> None:
        headers = [(b"x-request-id", self.request_id.encode("latin-1"))]
        if media_type is not None:
            if media_type == JSON:
                headers.append(_JSON_TYPE)
            elif media_type == _HTML:
                headers.extend(_PAGE_HEADERS)
            else:
                headers.append((b"content-type", media_type.encode()))
            headers.append((b"content-length", b"%d" % len(body)))
        if no_store:
            headers.append(_NO_STORE)
        if extra:
            headers.extend(extra)
        self.is_answered = True
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})
        logs.access(self, status)
