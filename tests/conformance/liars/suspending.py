"""Liars about suspension."""

from typing import Any

from tests.conformance.liars.lying import Answer, Exchange, documents, requests, rescued, whole

SUSPENDED = "session_suspended"


@documents("SUS-001", "calls tokens of a suspended session good", "/validate-token$")
def _(exchange: Exchange, document: Any) -> None:
    if document.get("error") == SUSPENDED:
        document.clear()
        document.update(valid=True, claims={})


@rescued("SUS-001", "touches a suspended session", "/activity$", 404)
async def _(exchange: Exchange, answer: Answer) -> Answer:
    return _with({"code": 0, "message": "activity recorded", "timestamp": "2026-04-15T10:00:00Z"})


@whole("SUS-001", "never reactivates a session")
async def _(exchange: Exchange) -> Answer:
    if exchange.path.endswith("/reactivate"):
        return await exchange.ask("POST", exchange.path.replace("/reactivate", "/suspend"))
    return await exchange.ask()


@documents("SUS-002", "counts suspended sessions as active", "/stats$")
def _(exchange: Exchange, document: Any) -> None:
    document["active_sessions"] += document["suspended_sessions"]
    document["suspended_sessions"] = 0


@requests("SUS-003", "forgets when a suspension ends", "/suspend$")
def _(exchange: Exchange) -> None:
    if "until" in exchange.document:
        exchange.put_document({})


@requests("SUS-003", "reactivates what was to end", "/suspend$")
def _(exchange: Exchange) -> None:
    if "then" in exchange.document:
        exchange.put_document({**exchange.document, "then": "reactivate"})


@documents("SUS-004", "leaves suspensions out of the snapshot", "/internal/revocations$")
def _(exchange: Exchange, document: Any) -> None:
    document["items"] = [item for item in document["items"] if item["kind"] != "suspension"]


@rescued("SUS-005", "suspends what has ended", "/suspend$", 404)
async def _(exchange: Exchange, answer: Answer) -> Answer:
    answer.status = 200
    return answer


def _with(document: Any) -> Answer:
    answer = Answer(200, {"content-type": "application/json"}, b"")
    answer.document = document
    return answer
