"""Traces, as a receiver of OTLP gets them from a real server: the request, its units of work, their statements."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.live import API_KEY, REFRESH_SECRET, LiveServer

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SERVICE = {"X-API-Key": API_KEY, "X-Tenant-ID": "acme"}
ANN = "ann-whom-no-span-names"


class Receiver:
    """Takes what is sent by OTLP over HTTP and keeps the spans."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.resources: list[dict[str, str]] = []
        self.raw = b""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                assert self.path == "/v1/traces"
                assert self.headers["Content-Type"] == "application/x-protobuf"
                receiver.raw += body
                for of_resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                    receiver.resources.append(_attributes(of_resource.resource))
                    for scope in of_resource.scope_spans:
                        receiver.spans.extend(scope.spans)
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.settings = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self._server.server_port}",
            "OTEL_BSP_SCHEDULE_DELAY": "100",
        }
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def trace(self, trace_id: str) -> list[Any]:
        """The spans of a trace, once its request's span is there: that one ends last."""
        deadline = time.monotonic() + 120
        while True:
            found = [span for span in self.spans if span.trace_id.hex() == trace_id]
            if any(span.kind == span.SPAN_KIND_SERVER for span in found):
                return found
            assert time.monotonic() < deadline, [span.name for span in self.spans]
            time.sleep(0.05)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _attributes(of: Any) -> dict[str, Any]:
    return {item.key: getattr(item.value, item.value.WhichOneof("value")) for item in of.attributes}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Callable[..., LiveServer]]:
    """Starts servers and ends them."""
    servers: list[LiveServer] = []

    def start(*arguments: str, **settings: str) -> LiveServer:
        settings = {"SOJOURN_REFRESH_SECRET": REFRESH_SECRET, "SOJOURN_LOG_FORMAT": "json", **settings}
        servers.append(LiveServer(tmp_path, *arguments, **settings))
        return servers[-1]

    yield start
    for server in servers:
        assert server.stop() in (0, -signal.SIGTERM)


def parent(trace: str = TRACE, *, sampled: bool = True) -> dict[str, str]:
    return {"traceparent": f"00-{trace}-{SPAN}-{'01' if sampled else '00'}", "tracestate": "vendor=opaque"}


def create(server: LiveServer, headers: dict[str, str]) -> httpx.Response:
    body = {"auth_user_id": ANN, "username": "Ann Nobody"}
    return httpx.post(f"{server.url}/internal/session/create", headers={**SERVICE, **headers}, json=body, timeout=60)


def access_line(server: LiveServer, operation: str) -> dict[str, Any]:
    """The line of a request in the log, once it is there."""
    deadline = time.monotonic() + 120
    while True:
        for line in server.log.read_text().splitlines():
            record = json.loads(line) if line.startswith("{") else {}
            if record.get("operation") == operation and "status" in record:
                return dict(record)
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_request_its_unit_of_work_and_each_statement_are_spans_of_the_callers_trace(
    served: Callable[..., LiveServer], receiver: Receiver, database_url: str
) -> None:
    server = served(SOJOURN_DATABASE_URL=database_url, **receiver.settings)

    made = create(server, {**parent(), "X-Request-ID": "req-of-the-test"})
    assert made.status_code == 201

    spans = receiver.trace(TRACE)
    (request,) = [span for span in spans if span.kind == span.SPAN_KIND_SERVER]
    assert request.name == "POST /internal/session/create"
    assert request.parent_span_id.hex() == SPAN
    assert request.trace_state == "vendor=opaque"
    told = _attributes(request)
    assert told["http.request.method"] == "POST"
    assert told["http.route"] == "/internal/session/create"
    assert told["http.response.status_code"] == 201
    assert told["sojourn.operation"] == "create_session"
    assert told["sojourn.request_id"] == "req-of-the-test"
    assert told["sojourn.tenant"] == "acme"
    units = [span for span in spans if span.name == "write unit of work"]
    assert units
    assert {unit.parent_span_id for unit in units} == {request.span_id}
    statements = [span for span in spans if span.kind == span.SPAN_KIND_CLIENT]
    assert {span.parent_span_id for span in statements} <= {unit.span_id for unit in units}
    assert "CALL create_session" in {span.name for span in statements}
    engine = database_url.partition(":")[0]
    for span in statements:
        told = _attributes(span)
        assert told["db.system.name"] == engine
        assert told.get("db.query.text", "") or span.name == "LOCK"
    assert all(span.start_time_unix_nano <= span.end_time_unix_nano for span in spans)
    line = access_line(server, "create_session")
    assert (line["trace_id"], line["span_id"]) == (TRACE, request.span_id.hex())
    assert receiver.resources[0]["service.name"] == "sojourn"
    tokens = made.json()["data"]["tokens"]
    for secret in (ANN, "Ann Nobody", API_KEY, tokens["access_token"], tokens["refresh_token"]):
        assert secret.encode() not in receiver.raw


def test_a_refusal_has_its_problem_and_the_ids_of_its_span(
    served: Callable[..., LiveServer], receiver: Receiver
) -> None:
    server = served(**receiver.settings)

    refused = httpx.get(f"{server.url}/sessions", headers=parent(), timeout=60)
    unknown = httpx.get(f"{server.url}/no/{ANN}", headers=parent("1" * 32), timeout=60)

    (request,) = receiver.trace(TRACE)
    assert _attributes(request)["error.type"] == "authentication_required"
    assert _attributes(request)["http.response.status_code"] == refused.status_code == 401
    assert request.status.code == request.status.STATUS_CODE_UNSET
    assert refused.json()["trace_id"] == TRACE
    (request,) = receiver.trace("1" * 32)
    assert request.name == "GET"
    assert _attributes(request)["http.response.status_code"] == unknown.status_code
    assert ANN.encode() not in receiver.raw


def test_a_trace_of_its_own_begins_where_none_was_sent(served: Callable[..., LiveServer], receiver: Receiver) -> None:
    server = served("--workers", "2", **receiver.settings, OTEL_SERVICE_NAME="sessions-of-acme")

    trace_id = httpx.get(f"{server.url}/sessions", headers={"traceparent": "nonsense"}, timeout=60).json()["trace_id"]

    (request,) = receiver.trace(trace_id)
    assert request.parent_span_id == b""
    assert receiver.resources[0]["service.name"] == "sessions-of-acme"


def test_what_the_caller_does_not_sample_is_continued_and_not_sent(
    served: Callable[..., LiveServer], receiver: Receiver
) -> None:
    server = served(**receiver.settings)

    refused = httpx.get(f"{server.url}/sessions", headers=parent("2" * 32, sampled=False), timeout=60)
    assert create(server, parent("2" * 32, sampled=False)).status_code == 201
    create(server, parent(TRACE))

    assert refused.json()["trace_id"] == "2" * 32
    assert receiver.trace(TRACE)
    assert not [span for span in receiver.spans if span.trace_id.hex() == "2" * 32]


def test_what_was_not_sent_yet_is_sent_when_the_server_ends(
    served: Callable[..., LiveServer], receiver: Receiver
) -> None:
    server = served(**{**receiver.settings, "OTEL_BSP_SCHEDULE_DELAY": "3600000"})
    create(server, parent())

    server.stop()

    assert receiver.trace(TRACE)


def test_a_receiver_that_is_gone_takes_nothing_from_the_service(
    served: Callable[..., LiveServer], receiver: Receiver
) -> None:
    receiver.close()
    server = served(**receiver.settings)

    assert create(server, parent()).status_code == 201
    assert server.stop() in (0, -signal.SIGTERM)


def test_without_the_extra_the_server_says_so_and_serves(tmp_path: Path, receiver: Receiver) -> None:
    class Bare(LiveServer):
        program = (
            sys.executable,
            "-W",
            "ignore",
            "-c",
            "import importlib.util as found\n"
            "find = found.find_spec\n"
            "found.find_spec = lambda name, *more: None if name == 'opentelemetry' else find(name, *more)\n"
            "import sojourn.cli\nsojourn.cli.main()",
        )

    server = Bare(tmp_path, **receiver.settings, OTEL_EXPORTER_OTLP_PROTOCOL="grpc")
    assert create(server, parent()).status_code == 201
    server.stop()

    assert "no traces are sent: install sojourn[otel]" in server.log.read_text()
    assert "traces are sent by http/protobuf: grpc is not supported" in server.log.read_text()
    assert not receiver.spans


@pytest.mark.parametrize("variables", [{}, {"OTEL_SDK_DISABLED": "true"}, {"OTEL_TRACES_EXPORTER": "none"}])
def test_where_nobody_asks_for_traces_the_library_is_not_loaded(variables: dict[str, str]) -> None:
    endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"} if variables else {}
    loaded = subprocess.run(
        [
            *(sys.executable, "-W", "ignore", "-c"),
            "import sojourn.app, sys; from sojourn.observability import spans; spans.start();"
            " print(spans.watch(), 'opentelemetry' in sys.modules)",
        ],
        env={**os.environ, **endpoint, **variables},
        capture_output=True,
        text=True,
        check=True,
    )

    assert loaded.stdout == "None False\n"
