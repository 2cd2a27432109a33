"""Liars about filters and walks: a filter not heeded, filters combined with or, a cursor that skips or that any list
takes.
"""

from typing import Any

from tests.conformance.liars.lying import Answer, Exchange, answers, documents, requests

LIST = "GET /admin/sessions$"


@requests("FLT-001", "does not heed the method", LIST)
def _(exchange: Exchange) -> None:
    exchange.put_parameters(amr=None)


@requests("FLT-001", "takes the address for the network", LIST)
def _(exchange: Exchange) -> None:
    if "/" in exchange.parameters.get("ip", ""):
        exchange.put_parameters(ip=exchange.parameters["ip"].partition("/")[0])


@requests("FLT-001", "heeds one of two filters: combined with or, both keep more", LIST)
def _(exchange: Exchange) -> None:
    if {"app_id", "device_id"} <= exchange.parameters.keys():
        exchange.put_parameters(app_id=None)


@documents("FLT-002", "skips a session at each step", LIST)
def _(exchange: Exchange, document: Any) -> None:
    if "cursor" in exchange.parameters and len(document["items"]) > 1:
        document["items"].pop()


@documents("FLT-002", "ends a walk before its end", LIST)
def _(exchange: Exchange, document: Any) -> None:
    if exchange.parameters.get("sort") == "created_at" and document["pagination"].pop("next_cursor", None):
        document["pagination"]["has_next"] = False


@answers("FLT-003", "takes a cursor for another list", LIST)
def _(exchange: Exchange, answer: Answer) -> None:
    if answer.status == 400 and "cursor" in exchange.parameters and "page" not in exchange.query:
        answer.status, answer.headers["content-type"] = 200, "application/json"


@answers("FLT-004", "takes a cursor of another tenant", LIST)
def _(exchange: Exchange, answer: Answer) -> None:
    if answer.status == 400 and set(exchange.parameters) == {"cursor"}:
        answer.status, answer.headers["content-type"] = 200, "application/json"


@documents("FLT-005", "leaves out the first session of each further step of a user's own list", "GET /sessions$")
def _(exchange: Exchange, document: Any) -> None:
    if "cursor" in exchange.parameters and len(document["items"]) > 1:
        document["items"].pop(0)


@answers("FLT-005", "takes a cursor of another user's sessions", "GET /internal/session/sessions/[^/]+$")
def _(exchange: Exchange, answer: Answer) -> None:
    if answer.status == 400 and "cursor" in exchange.parameters:
        answer.status, answer.headers["content-type"] = 200, "application/json"


@documents("FLT-006", "counts ended sessions of a device as active", "GET /admin/sessions/devices$")
def _(exchange: Exchange, document: Any) -> None:
    for item in document["items"]:
        item["active_count"] = item["session_count"]


@documents("FLT-006", "takes devices for one that differ in case alone", "GET /sessions/devices$")
def _(exchange: Exchange, document: Any) -> None:
    seen: set[str] = set()
    for item in list(document["items"]):
        name = item.get("device_id", "").lower()
        if name in seen:
            document["items"].remove(item)
        seen.add(name)


@requests("FLT-007", "does not heed the country", LIST)
def _(exchange: Exchange) -> None:
    exchange.put_parameters(country=None)


@requests("FLT-008", "does not heed the session of tokens", "GET /admin/tokens$")
def _(exchange: Exchange) -> None:
    exchange.put_parameters(session_id=None)
