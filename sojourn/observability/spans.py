"""Traces by OpenTelemetry (the extra `otel`): spans of the request, of the unit of work and of each statement.

Whether there are any is said by OpenTelemetry's own variables: with an endpoint of OTLP, spans are sent there by HTTP.
Without one the library is not loaded. Spans never hold a value that a client sent, but for the tenant.
"""

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from sojourn import __version__
from sojourn.observability import logs
from sojourn.observability.tracing import Trace, continue_trace

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_HTTP = "http/protobuf"
_FLUSH_MILLISECONDS = 2_000
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"))
_ENGINES = {"sqlite": "sqlite", "postgresql": "postgresql"}

_tracer: "_Tracer | None" = None


def are_wanted(environ: Mapping[str, str]) -> bool:
    """Whether the variables ask for traces."""
    return (
        any(environ.get(name) for name in ENDPOINTS)
        and environ.get("OTEL_SDK_DISABLED", "").lower() != "true"
        and environ.get("OTEL_TRACES_EXPORTER", "otlp") == "otlp"
    )


def mistakes(environ: Mapping[str, str]) -> Iterator[str]:
    """What the variables ask for and this program cannot do, in sentences."""
    if not are_wanted(environ):
        return
    if find_spec("opentelemetry") is None:
        yield "no traces are sent: install sojourn[otel]"
    asked = next((environ[name] for name in _PROTOCOLS if environ.get(name)), _HTTP)
    if asked != _HTTP:
        yield f"traces are sent by {_HTTP}: {asked} is not supported"


def start(environ: Mapping[str, str] = os.environ) -> None:
    """Trace from now on in this process, where the variables ask for it. Called once in each worker."""
    global _tracer
    if _tracer is None and are_wanted(environ) and find_spec("opentelemetry") is not None:
        _tracer = _Tracer(environ)
        for handler in logging.getLogger().handlers:
            handler.addFilter(_with_ids)


def flush() -> None:
    """Send what waits. It waits two seconds at most; what was not sent then is lost."""
    if _tracer is not None:
        _tracer.provider.force_flush(_FLUSH_MILLISECONDS)


def watch() -> "_Tracer | None":
    """What watches units of work; None where nothing is traced."""
    return _tracer


def begin(method: str, traceparent: str | None, *, tracestate: str | None) -> "RequestSpan | None":
    """The span of a request that has just come; None where nothing is traced."""
    return None if _tracer is None else _tracer.request(method, traceparent, tracestate=tracestate)


def _with_ids(record: logging.LogRecord) -> bool:
    """Give a record the ids of the span in which it was written."""
    if _tracer is not None:
        context = _tracer.library.get_current_span().get_span_context()
        if context.is_valid:
            vars(record).setdefault("trace_id", f"{context.trace_id:032x}")
            vars(record).setdefault("span_id", f"{context.span_id:016x}")
    return True


@dataclass(slots=True)
class RequestSpan:
    """A request's span, the current one until its end."""

    trace: Trace
    span: Any
    leave: Any

    def end(self, served: logs.Served, status: int | None) -> None:
        """The request was answered with a status; None for one whose client has gone."""
        span = self.span
        if span.is_recording():
            known = {
                "http.route": served.route,
                "http.response.status_code": status,
                "error.type": served.problem,
                "sojourn.operation": served.operation_id,
                "sojourn.request_id": served.request_id,
                "sojourn.tenant": None if served.tenant is None else served.tenant.id,
            }
            span.set_attributes({name: value for name, value in known.items() if value not in (None, "-")})
            span.update_name(f"{_known(served.method)} {served.route}".removesuffix(" -"))
            if status is None or status >= 500:
                span.set_status(_failed())
        span.end()
        self.leave()


class _Tracer:
    """The library, set up by its variables."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        from opentelemetry import context, trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        attributes = {"service.version": __version__}
        named = environ.get("OTEL_SERVICE_NAME") or "service.name=" in environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
        if not named:
            attributes["service.name"] = "sojourn"
        self.library = trace
        self.context = context
        self.provider = TracerProvider(resource=Resource.create(attributes))
        self.provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self.tracer = self.provider.get_tracer("sojourn", __version__)

    def request(self, method: str, traceparent: str | None, *, tracestate: str | None) -> RequestSpan:
        """Begin the span of a request, in the caller's trace where it named one, and make it the current one."""
        trace = self.library
        sent = continue_trace(traceparent)
        around = None
        if sent.parent_id is not None:
            remote = trace.SpanContext(
                int(sent.trace_id, 16),
                int(sent.parent_id, 16),
                is_remote=True,
                trace_flags=trace.TraceFlags(int(sent.sampled)),
                trace_state=trace.TraceState.from_header([tracestate or ""]),
            )
            around = trace.set_span_in_context(trace.NonRecordingSpan(remote), self.context.Context())
        span = self.tracer.start_span(
            _known(method),
            around if around is not None else self.context.Context(),
            kind=trace.SpanKind.SERVER,
            attributes={"http.request.method": _known(method)},
        )
        own = span.get_span_context()
        token = self.context.attach(trace.set_span_in_context(span))
        return RequestSpan(
            Trace(f"{own.trace_id:032x}", f"{own.span_id:016x}", sent.parent_id, bool(own.trace_flags)),
            span,
            lambda: self.context.detach(token),
        )

    def unit(self, kind: str, *, engine: str) -> "AbstractContextManager[_Unit] | None":
        """Watch a unit of work of a request that is traced; None for any other."""
        if not self.library.get_current_span().is_recording():
            return None
        return self._unit(kind, engine)

    @contextmanager
    def _unit(self, kind: str, engine: str) -> "Iterator[_Unit]":
        system = {"db.system.name": _ENGINES[engine]}
        with self.tracer.start_as_current_span(
            f"{kind} unit of work",
            attributes=system,
            record_exception=False,  # a refusal is no failure, and its text may hold what a client sent
            set_status_on_exception=False,
        ) as span:
            yield _Unit(self, around=self.library.set_span_in_context(span), system=system)


class _Unit:
    """A unit's span, around those of its statements: they may run in another task or thread."""

    __slots__ = ("_around", "_system", "_tracer")

    def __init__(self, tracer: _Tracer, *, around: Any, system: dict[str, str]) -> None:
        self._tracer = tracer
        self._around = around
        self._system = system

    @contextmanager
    def statement(self, name: str, text: str) -> Iterator[None]:
        """The span of a statement: its text, and never a value."""
        tracer = self._tracer
        attributes = {**self._system, "db.query.summary": name, **({"db.query.text": text} if text else {})}
        span = tracer.tracer.start_span(name, self._around, kind=tracer.library.SpanKind.CLIENT, attributes=attributes)
        try:
            yield
        except BaseException as error:
            span.set_attribute("error.type", type(error).__qualname__)
            span.set_status(_failed())
            raise
        finally:
            span.end()


def _failed() -> Any:
    from opentelemetry.trace import Status, StatusCode

    return Status(StatusCode.ERROR)


def _known(method: str) -> str:
    return method if method in _METHODS else "HTTP"
