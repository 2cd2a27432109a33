"""Liars about events: an end that is not told, or twice, or in another order, and readers that tell another story."""

from typing import Any

from tests.conformance.liars.lying import Answer, Exchange, answers, documents, requests

PAGES, STREAM, SNAPSHOT = "GET /internal/events$", "GET /internal/events/stream$", "GET /internal/revocations$"


def is_end(event: dict[str, Any], code: str = "") -> bool:
    return event["type"] == "session.ended" and code in ("", event["data"]["reason_code"])


@documents("EVT-001", "tells nothing of what ends in bulk", PAGES)
def _(exchange: Exchange, document: Any) -> None:
    document["items"] = [event for event in document["items"] if not is_end(event, "bulk")]


@documents("EVT-001", "tells the ends by services twice", PAGES)
def _(exchange: Exchange, document: Any) -> None:
    doubled = [event for event in document["items"] if is_end(event, "revoked_by_service")]
    document["items"] += [{**event, "id": f"{event['id']}0"} for event in doubled]


@documents("EVT-001", "tells of the beginning of a session as of its end", PAGES)
def _(exchange: Exchange, document: Any) -> None:
    for event in document["items"]:
        if event["type"] == "session.created":
            event["type"] = "session.ended"


@documents("EVT-002", "leaves out the last event of a page that is not the last", PAGES)
def _(exchange: Exchange, document: Any) -> None:
    if document["has_more"] and len(document["items"]) > 1:
        document["items"].pop()


@documents("EVT-002", "has the newest event of a page first", PAGES)
def _(exchange: Exchange, document: Any) -> None:
    document["items"].reverse()


@answers("EVT-003", "streams no ends", STREAM)
def _(exchange: Exchange, answer: Answer) -> None:
    blocks = answer.body.split(b"\n\n")
    answer.body = b"\n\n".join(block for block in blocks if b"event: session.ended" not in block)


@requests("EVT-003", "streams to who takes anything", STREAM)
def _(exchange: Exchange) -> None:
    if exchange.header("accept") == "*/*":
        exchange.put("accept", "text/event-stream")


@requests("EVT-003", "begins each stream anew", STREAM)
def _(exchange: Exchange) -> None:
    exchange.put("last-event-id", exchange.memory.setdefault("first", exchange.header("last-event-id")))


@documents("EVT-004", "has the snapshot of the first one who asked", SNAPSHOT)
def _(exchange: Exchange, document: Any) -> None:
    document.update(exchange.memory.setdefault("first", document))


@documents("EVT-004", "leaves the ended sessions out of the snapshot", SNAPSHOT)
def _(exchange: Exchange, document: Any) -> None:
    document["items"] = [item for item in document["items"] if item["kind"] != "session"]
