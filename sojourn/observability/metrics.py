"""Metrics in OpenMetrics form: what is counted, and where a worker process counts it.

`CATALOGUE` is the one table: the docs, the dashboard and the alert rules are checked against it. Labels take values
from closed sets only (operations, statuses, keys of problems, names of security events), so nothing that a client sends
makes a new series. No label names a tenant, a user or a session.

Nothing is counted, and the library is not loaded, unless `exposition.exposed` has said where.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sojourn.storage.unit_of_work import Occurrence

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The library's own variable: the folder in which all worker processes of one server keep their numbers."""

Kind = Literal["counter", "gauge", "histogram"]

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. `of_workers` says how a gauge of several workers becomes one number."""

    name: str
    kind: Kind
    about: str
    labels: tuple[str, ...] = ()
    of_workers: Literal["livesum", "max", "mostrecent"] = "livesum"


CATALOGUE: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(
            "sojourn_build",
            "gauge",
            "1, with the version and the engine.",
            ("version", "engine"),
            of_workers="mostrecent",
        ),
        Metric("sojourn_requests", "counter", "Requests answered, refusals included.", ("operation", "status")),
        Metric(
            "sojourn_request_duration_seconds",
            "histogram",
            "From the head of a request to the last byte of its answer.",
            ("operation",),
        ),
        Metric("sojourn_refusals", "counter", "Requests refused, by the key of the problem.", ("problem",)),
        Metric("sojourn_security_events", "counter", "Security events, by name.", ("event",)),
        Metric(
            "sojourn_sessions_active",
            "gauge",
            "Active sessions of all tenants, once a minute.",
            of_workers="mostrecent",
        ),
        Metric("sojourn_sessions_created", "counter", "Sessions that this server began."),
        Metric(
            "sojourn_sessions_ended",
            "counter",
            "Sessions that this server ended, by reason code; a time-out once housekeeping has seen it.",
            ("reason",),
        ),
        Metric(
            "sojourn_refreshes",
            "counter",
            "Refreshes: `rotated`, `repeated` (the same pair again), `access_token` (that alone), `reused` (refused).",
            ("outcome",),
        ),
        Metric(
            "sojourn_webhook_attempts",
            "counter",
            "Attempts to deliver an event to a webhook, by what came of it.",
            ("outcome",),
        ),
        Metric(
            "sojourn_webhook_backlog",
            "gauge",
            "Deliveries to webhooks that wait, for the first time or again, once a minute.",
            of_workers="mostrecent",
        ),
        Metric("sojourn_connections", "gauge", "Connections of clients that are open."),
        Metric("sojourn_writes_waiting", "gauge", "Writes that wait for the writer (SQLite)."),
        Metric(
            "sojourn_database_work",
            "gauge",
            "Reads and writes that are not finished, those that wait for a connection included.",
        ),
        Metric("sojourn_database_connections_in_use", "gauge", "Connections of the pool in use (PostgreSQL)."),
        Metric("sojourn_database_connections_max", "gauge", "How many the pool may hold (PostgreSQL)."),
        Metric("sojourn_feed_readers", "gauge", "Streams and long polls that wait for events."),
        Metric(
            "sojourn_feed_age_seconds",
            "gauge",
            "How long ago a worker whose readers wait last knew all events; 0 where nobody waits.",
            of_workers="max",
        ),
        Metric("sojourn_event_loop_delay_seconds", "histogram", "How late the timers of a worker run when it is busy."),
        Metric("sojourn_log_lines_dropped", "counter", "Log lines that nobody read in time.", ("kind",)),
        Metric("sojourn_clock_steps", "counter", "Times that the machine's clock was set under a worker."),
        Metric("sojourn_housekeeping_rounds", "counter", "Rounds of housekeeping that this server finished."),
        Metric("sojourn_housekeeping_settled", "counter", "Sessions whose expiry was settled."),
        Metric("sojourn_housekeeping_purged", "counter", "Sessions deleted after their retention."),
        Metric(
            "sojourn_housekeeping_overdue_seconds",
            "gauge",
            "For how long the oldest session is kept beyond its retention.",
            of_workers="mostrecent",
        ),
        Metric(
            "sojourn_housekeeping_last_round_timestamp_seconds",
            "gauge",
            "When this server last finished a round of housekeeping, in seconds since 1970.",
            of_workers="max",
        ),
    )
}
REFRESH_OUTCOMES = ("rotated", "repeated", "access_token", "reused")
AT_ZERO = {"sojourn_refreshes": REFRESH_OUTCOMES, "sojourn_log_lines_dropped": ("access", "other")}
"""Series that begin at 0 when the server starts: of one that begins later, `increase` does not see the first step."""
_OF_OCCURRENCES: Mapping[Occurrence, str] = {
    "created": CATALOGUE["sojourn_sessions_created"].name,
    "ended": CATALOGUE["sojourn_sessions_ended"].name,
    "refreshed": CATALOGUE["sojourn_refreshes"].name,
}


class Recorder:
    """The series of this process. Raises KeyError for a metric that is not in the catalogue."""

    def __init__(self) -> None:
        import prometheus_client as library  # it reads `FOLDER` when it is loaded

        registry = library.CollectorRegistry()
        makers = {"counter": library.Counter, "gauge": library.Gauge, "histogram": library.Histogram}
        options = {"counter": {}, "histogram": {"buckets": _SECONDS}}
        self._families: dict[str, Any] = {
            metric.name: makers[metric.kind](
                metric.name,
                metric.about,
                metric.labels,
                registry=registry,
                **options.get(metric.kind, {"multiprocess_mode": metric.of_workers}),
            )
            for metric in CATALOGUE.values()
        }
        self._series: dict[tuple[str, ...], Any] = {}
        for name, labels in AT_ZERO.items():
            for label in labels:
                self.series(name, label)

    def series(self, name: str, *labels: str) -> Any:
        """The one series of a metric with these values of its labels, in their order."""
        key = (name, *labels)
        found = self._series.get(key)
        if found is None:
            family = self._families[name]
            found = self._series[key] = family.labels(*labels) if labels else family
        return found


_recorder: Recorder | None = None


def start() -> None:
    """Count from now on in this process, where the server has said so. Called once in each worker."""
    global _recorder
    if _recorder is None and FOLDER in os.environ:
        _recorder = Recorder()


def are_on() -> bool:
    """Whether this process counts."""
    return _recorder is not None


def count(name: str, *labels: str, by: float = 1) -> None:
    """Add to a counter."""
    if _recorder is not None:
        _recorder.series(name, *labels).inc(by)


async def tally(occurrence: Occurrence, word: str, *, times: int) -> None:
    """Count what happened to sessions, once it is committed."""
    count(_OF_OCCURRENCES[occurrence], *([word] if word else []), by=times)


def move(name: str, by: float) -> None:
    """Add to a gauge, or take from it."""
    if _recorder is not None:
        _recorder.series(name).inc(by)


def show(name: str, value: float, *labels: str) -> None:
    """Set a gauge."""
    if _recorder is not None:
        _recorder.series(name, *labels).set(value)


def observe(name: str, seconds: float, *labels: str) -> None:
    """Put a duration into a histogram."""
    if _recorder is not None:
        _recorder.series(name, *labels).observe(seconds)


def answered(operation: str, status: int, *, seconds: float, problem: str | None) -> None:
    """Count one answered request."""
    if _recorder is None:
        return
    _recorder.series("sojourn_requests", operation, str(status)).inc()
    _recorder.series("sojourn_request_duration_seconds", operation).observe(seconds)
    if problem is not None:
        _recorder.series("sojourn_refusals", problem).inc()


def refused_unread(status: int, problem: str) -> None:
    """Count one request that was refused below the application, before its operation was known."""
    count("sojourn_requests", "-", str(status))
    count("sojourn_refusals", problem)
