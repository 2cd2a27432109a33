"""Liars about the form of answers, problems, languages and headers."""

import re
from typing import Any

from tests.conformance.liars.lying import Answer, Exchange, answers, documents, problems, requests, rescued, whole


@documents("SCH-001", "drops a required field", "GET /internal/session/sessions/[^/]+$")
def _(exchange: Exchange, document: Any) -> None:
    for item in document["items"]:
        item.pop("expires_at")
    document.pop("total")


@documents("SCH-001", "answers a number as text", "/active$")
def _(exchange: Exchange, document: Any) -> None:
    document["session_count"] = str(document["session_count"])


@answers("SCH-001", "answers an undocumented status", "/activity$")
def _(exchange: Exchange, answer: Answer) -> None:
    answer.status = 202 if answer.status == 200 else answer.status


@requests("SCH-002", "refuses a documented parameter", "GET /admin/sessions$")
def _(exchange: Exchange) -> None:
    if "status" in exchange.parameters:
        exchange.put_parameters(colour="red")


@requests("SCH-003", "refuses the documented example", "/create$")
def _(exchange: Exchange) -> None:
    if len(exchange.document) > 4:
        exchange.put_document({**exchange.document, "ip": "unreadable"})


@documents("SCH-005", "serves a contract without an operation", "GET /openapi.json$")
def _(exchange: Exchange, document: Any) -> None:
    document["paths"].pop("/admin/sessions/stats")


@documents("SCH-006", "serves another contract as JSON than as YAML", "GET /openapi.json$")
def _(exchange: Exchange, document: Any) -> None:
    document["info"]["version"] = "99"


@documents("SCH-007", "forgets the user agent", "POST /internal/session/create$")
def _(exchange: Exchange, document: Any) -> None:
    document["data"]["session"].pop("user_agent", None)


@answers("HDR-006", "answers JSON as text", "GET /admin/sessions/stats")
def _(exchange: Exchange, answer: Answer) -> None:
    if answer.status == 200:
        answer.headers["content-type"] = "text/plain"


@requests("HDR-007", "sends everything again to who has it", "GET /(openapi.json|.well-known/jwks.json)$")
def _(exchange: Exchange) -> None:
    if (had := exchange.header("if-none-match")) and had.startswith('"') and had.count('"') == 2:
        exchange.put("if-none-match", None)


@requests("HDR-007", "takes part of a tag for the whole", "GET /problems$")
def _(exchange: Exchange) -> None:
    if exchange.header("if-none-match") not in (None, "*", '"another"'):
        exchange.put("if-none-match", "*")


@answers("HDR-007", "has another tag each time", "GET /openapi.json$")
def _(exchange: Exchange, answer: Answer) -> None:
    exchange.memory["asked"] = exchange.memory.get("asked", 0) + 1
    if "etag" in answer.headers:
        answer.headers["etag"] = f'"{exchange.memory["asked"]}"'


@answers("HDR-001", "lets answers about sessions be stored", "GET /sessions")
def _(exchange: Exchange, answer: Answer) -> None:
    answer.headers.pop("cache-control", None)


@answers("HDR-002", "forgets the request id")
def _(exchange: Exchange, answer: Answer) -> None:
    answer.headers.pop("x-request-id", None)


@answers("HDR-003", "lets refusals be stored")
def _(exchange: Exchange, answer: Answer) -> None:
    if answer.status >= 400:
        answer.headers.pop("cache-control", None)


@documents("HDR-004", "shows the token in the blacklist", "/blacklist")
def _(exchange: Exchange, document: Any) -> None:
    if "items" not in document:
        exchange.memory["token"] = exchange.document["token"]
    for item in document.get("items", ()):
        item["token_hash"] = exchange.memory.get("token", "")


@documents("HDR-005", "says why a token is not active", "/introspect$")
def _(exchange: Exchange, document: Any) -> None:
    if not document["active"]:
        document["error"] = "the signature is wrong"


@answers("PRB-001", "answers 500 as text")
def _(exchange: Exchange, answer: Answer) -> None:
    if answer.status == 404:
        answer.status, answer.body, answer.headers["content-type"] = 500, b"Internal Server Error", "text/plain"


@answers("PRB-001", "answers a problem as application/json")
def _(exchange: Exchange, answer: Answer) -> None:
    if answer.status >= 400:
        answer.headers["content-type"] = "application/json"


@problems("PRB-001", "says another status in the problem")
def _(exchange: Exchange, document: Any) -> None:
    document["status"] = 400


@answers("PRB-002", "has no page about its problems", "GET /problems/")
def _(exchange: Exchange, answer: Answer) -> None:
    answer.status = 404


@problems("PRB-003", "tells one violation only")
def _(exchange: Exchange, document: Any) -> None:
    document["errors"] = document.get("errors", [])[:1]


@problems("PRB-004", "repeats the refused value")
def _(exchange: Exchange, document: Any) -> None:
    document["detail"] = exchange.body.decode("latin-1") or document["detail"]


@answers("PRB-005", "names one method only in Allow")
def _(exchange: Exchange, answer: Answer) -> None:
    if "allow" in answer.headers:
        answer.headers["allow"] = answer.headers["allow"].split(",")[0]


@answers("PRB-005", "answers 404 where the method is wrong")
def _(exchange: Exchange, answer: Answer) -> None:
    answer.status = 404 if answer.status == 405 else answer.status


@requests("PRB-006", "mints a request id although there is one")
def _(exchange: Exchange) -> None:
    exchange.put("x-request-id", None)


@requests("PRB-007", "does not continue a trace")
def _(exchange: Exchange) -> None:
    exchange.put("traceparent", None)


@requests("LNG-001", "ignores Accept-Language")
def _(exchange: Exchange) -> None:
    exchange.put("accept-language", None)


@problems("LNG-001", "changes the code with the language")
def _(exchange: Exchange, document: Any) -> None:
    if exchange.header("accept-language") == "zh-CN":
        document["code"] += 1


@requests("LNG-002", "takes the first language that is named")
def _(exchange: Exchange) -> None:
    named = exchange.header("accept-language")
    if named and named[0].isalpha():
        exchange.put("accept-language", re.split("[,;]", named)[0])


@answers("LNG-003", "does not say the language of a problem")
def _(exchange: Exchange, answer: Answer) -> None:
    answer.headers.pop("content-language", None)


@requests("LNG-004", "has pages in English only", "GET /problems/")
def _(exchange: Exchange) -> None:
    exchange.put("accept-language", "en")


@requests("STR-001", "takes a number with a plus sign")
def _(exchange: Exchange) -> None:
    exchange.query = exchange.query.replace("%2B", "")


@requests("STR-001", "takes any page size", "GET /")
def _(exchange: Exchange) -> None:
    size = exchange.parameters.get("page_size", "1")
    if size.isdigit() and size.isascii() and len(size) < 9 and int(size) > 100:
        exchange.put_parameters(page_size=100)


@requests("STR-002", "takes a status that there is not", "GET /admin/sessions$")
def _(exchange: Exchange) -> None:
    if exchange.parameters.get("status") == "neither":
        exchange.put_parameters(status=None)


@requests("STR-003", "takes the last of two")
def _(exchange: Exchange) -> None:
    if exchange.query.count("page=") > 1:
        exchange.put_parameters()


@requests("STR-004", "ignores unknown parameters")
def _(exchange: Exchange) -> None:
    if "colour" in exchange.query:
        exchange.put_parameters(colour=None)


@requests("STR-005", "takes null for absent", "/trusted-devices$")
def _(exchange: Exchange) -> None:
    if exchange.document and None in exchange.document.values():
        exchange.put_document({name: value or "a1b2c3d4" for name, value in exchange.document.items()})


@answers("STR-006", "falls over NUL", "POST")
def _(exchange: Exchange, answer: Answer) -> None:
    if b"\\u0000" in exchange.body:
        answer.status = 500


@requests("STR-007", "makes a text of what is none", "/create$")
def _(exchange: Exchange) -> None:
    body = exchange.document
    if isinstance(body, dict) and isinstance(body.get("device_id"), int):
        exchange.put_document({**body, "device_id": str(body["device_id"])})


@requests("STR-008", "reads JSON that is followed by text")
def _(exchange: Exchange) -> None:
    if exchange.body.endswith(b"}x"):
        exchange.body = exchange.body[:-1]
        exchange.put("content-length", str(len(exchange.body)))


@requests("STR-009", "reads any media type as JSON")
def _(exchange: Exchange) -> None:
    if exchange.header("content-type") == "text/plain":
        exchange.put("content-type", "application/json")


@answers("STR-010", "refuses a media type in capitals")
def _(exchange: Exchange, answer: Answer) -> None:
    if exchange.header("content-type") == "Application/JSON":
        answer.status = 415


@requests("STR-011", "ignores a body that is not declared", "GET")
def _(exchange: Exchange) -> None:
    exchange.body = b""
    exchange.put("content-length", None)
    exchange.put("content-type", None)


@requests("STR-012", "ignores Accept")
def _(exchange: Exchange) -> None:
    exchange.put("accept", None)


@whole("STR-013", "has no limit for bodies", settings={"SOJOURN_MAX_BODY_BYTES": "9000000"})
async def _(exchange: Exchange) -> Answer:
    return await exchange.ask()


@rescued("STA-001", "answers 404 where it documents 403", "/stats$", 403)
async def _(exchange: Exchange, answer: Answer) -> Answer:
    answer.status = 404
    return answer
