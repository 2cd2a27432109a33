"""Liars whose answers break a law that holds for every answer, whatever was asked."""

from typing import Any

from tests.conformance.liars.lying import Answer, Exchange, answers, documents, problems, requests, rescued
from tests.conformance.mutants.mutant import claims_of, tenant_of
from tests.conformance.serving import FIRST, SECOND, admin_token

ADMIN = {"authorization": f"Bearer {admin_token(FIRST)}"}
TWIN = {"authorization": f"Bearer {admin_token(SECOND)}"}
OWN_LIST = ("about list_own_sessions",)
LISTS = "GET /admin/sessions$"
POLICY = "/admin/policies/sessions$"


@documents("LAW-001", "answers a count as text", "/active$")
def _(exchange: Exchange, document: Any) -> None:
    document["session_count"] = str(document["session_count"])


@documents("LAW-002", "tells instants in the zone of the server", "GET /internal/session/sessions/[^/]+$")
def _(exchange: Exchange, document: Any) -> None:
    document["timestamp"] = document["timestamp"].replace("Z", "+00:00")


@problems("LAW-003", "names the wrong place in its problems", "GET /sessions/")
def _(exchange: Exchange, document: Any) -> None:
    document["instance"] = "/sessions"


@answers("LAW-004", "challenges with the other scheme", "GET /admin/sessions/stats")
def _(exchange: Exchange, answer: Answer) -> None:
    if answer.status == 401:
        answer.headers["www-authenticate"] = 'ApiKey realm="sojourn"'


@documents("LAW-005", "always has a next page", LISTS)
def _(exchange: Exchange, document: Any) -> None:
    document["pagination"]["has_next"] = True


@documents("LAW-006", "lists the oldest first", "GET /internal/session/sessions/[^/]+$")
def _(exchange: Exchange, document: Any) -> None:
    document["items"].reverse()


@documents("LAW-007", "shows another address than it was told", "POST /internal/session/create$")
def _(exchange: Exchange, document: Any) -> None:
    document["data"]["session"]["ip"] = "203.0.113.1"


@documents("LAW-008", "counts a kind of device twice", "GET /admin/sessions/stats")
def _(exchange: Exchange, document: Any) -> None:
    kind = next(iter(document["device_breakdown"]), "desktop")
    document["device_breakdown"][kind] = 2 * document["device_breakdown"].get(kind, 1)


@documents("LAW-008", "leaves out the last reason for a score", "/risk-score$")
def _(exchange: Exchange, document: Any) -> None:
    document["factors"] = document["factors"][:-1]


@documents("LAW-009", "moves the end of a session in one list", LISTS)
def _(exchange: Exchange, document: Any) -> None:
    for item in document["items"]:
        item["expires_at"] = item["expires_at"].replace("20", "21", 1)


@documents("LAW-010", "shows ended sessions as active in exports", "/export-user-data$")
def _(exchange: Exchange, document: Any) -> None:
    for item in document["sessions"]:
        item["status"] = "active"


@documents("LAW-011", "tells the time of a minute ago", "GET /admin/tokens$")
def _(exchange: Exchange, document: Any) -> None:
    minutes = int(document["timestamp"][14:16])
    document["timestamp"] = f"{document['timestamp'][:14]}{(minutes + 59) % 60:02}{document['timestamp'][16:]}"


@answers("LAW-012", "mints the same request id again", "GET /admin/sessions$")
def _(exchange: Exchange, answer: Answer) -> None:
    answer.headers["x-request-id"] = "req_1"


@problems("LAW-013", "has two titles for one kind of problem", "GET /api/sessions/all")
def _(exchange: Exchange, document: Any) -> None:
    document["title"] = "No"


@documents("LAW-014", "moves the end of a token each time that it is listed", "GET /admin/tokens$")
def _(exchange: Exchange, document: Any) -> None:
    exchange.memory["times"] = exchange.memory.get("times", 0) + 1
    for item in document["items"]:
        year = int(item["expires_at"][:4]) + exchange.memory["times"]
        item["expires_at"] = f"{year}{item['expires_at'][4:]}"


@documents("LAW-015", "tells that sessions were authenticated tomorrow", "GET /internal/session/sessions/[^/]+$")
def _(exchange: Exchange, document: Any) -> None:
    for item in document["items"]:
        item["authenticated_at"] = item["authenticated_at"].replace("20", "21", 1)


@documents("LAW-015", "knows what is revoked until tomorrow", "GET /internal/revocations$")
def _(exchange: Exchange, document: Any) -> None:
    document["as_of"] = document["as_of"].replace("20", "21", 1)


@documents("LAW-019", "tells a thousand changes of one", f"PUT {POLICY}")
def _(exchange: Exchange, document: Any) -> None:
    document["version"] *= 1_000


@documents("MOD-001", "leaves ended sessions in the list of one operation", "GET /sessions$")
def _(exchange: Exchange, document: Any) -> None:
    before = exchange.memory.setdefault(f"{exchange.query} {exchange.header('authorization')}", document)
    document.update(before)


@documents("MOD-002", "counts each use of a session twice", "GET /internal/session/[^/]+/usage$")
def _(exchange: Exchange, document: Any) -> None:
    for day in document["usage"]:
        day["count"] *= 2


@requests("MOD-003", "keeps the prints of devices in lower case", "POST /internal/session/trusted-devices$")
def _(exchange: Exchange) -> None:
    body = exchange.document
    if isinstance(body, dict) and isinstance(body.get("device_fingerprint"), str):
        exchange.put_document({**body, "device_fingerprint": body["device_fingerprint"].lower()})


@documents("MOD-004", "forgets why a token is refused", "/tokens/blacklist/check$")
def _(exchange: Exchange, document: Any) -> None:
    document.pop("reason", None)


@rescued("MOD-005", "ends a session although it refuses to", "DELETE /sessions/", 401, 403, 404)
async def _(exchange: Exchange, answer: Answer) -> Answer:
    await exchange.ask(**ADMIN)
    await exchange.ask(**TWIN)  # a session is of one of the two: the other knows none
    return answer


@requests(
    "LST-001", "forgets the status that was asked for with one size", LISTS, options=("about list_tenant_sessions",)
)
def _(exchange: Exchange) -> None:
    if exchange.parameters.get("page_size") == "25":
        exchange.put_parameters(status=None)


@answers("WLK-001", "forgets the request's id where it refuses the second tenant", "GET /sessions$", options=OWN_LIST)
def _(exchange: Exchange, answer: Answer) -> None:
    if answer.status >= 400 and tenant_of(exchange) == SECOND:
        answer.headers["x-request-id"] = "req_another"


@answers("WLK-002", "forgets the request's id on later pages", "GET /sessions$", options=OWN_LIST)
def _(exchange: Exchange, answer: Answer) -> None:
    if exchange.parameters.get("page", "1") != "1":
        answer.headers["x-request-id"] = "req_another"


@rescued("WLK-003", "lets ended sessions read with a page size", "GET /sessions$", 401, options=OWN_LIST)
async def _(exchange: Exchange, answer: Answer) -> Answer:
    known = "page_size" in exchange.parameters and "sid" in claims_of(exchange)
    return await exchange.ask(**ADMIN) if known else answer


@requests("WLK-004", "ignores a wrong page for the second tenant", "GET /sessions$", options=OWN_LIST)
def _(exchange: Exchange) -> None:
    if tenant_of(exchange) == SECOND and not exchange.parameters.get("page", "1").isdigit():
        exchange.put_parameters(page=None)


@answers("SED-030", "lets what it refuses to users be stored", "GET /admin/sessions/stats$", options=("user",))
def _(exchange: Exchange, answer: Answer) -> None:
    if answer.status == 403:
        answer.headers["cache-control"] = "public"


@answers("SED-030", "may be stored where all sessions are read in pages", "GET /api/sessions/all$")
def _(exchange: Exchange, answer: Answer) -> None:
    if "cursor" in exchange.parameters:
        answer.headers["cache-control"] = "private"


@answers(
    "SED-030", "may be stored where it refuses a form for the second time", "GET /internal/session/sessions/.*/active$"
)
def _(exchange: Exchange, answer: Answer) -> None:
    if answer.status == 406:
        exchange.memory["refused"] = exchange.memory.get("refused", 0) + 1
        if exchange.memory["refused"] > 1:
            answer.headers.pop("cache-control")


@documents("SED-032", "tells the statistics of the first one who asked", "GET /admin/sessions/stats$")
def _(exchange: Exchange, document: Any) -> None:
    document.update(exchange.memory.setdefault("first", document))


@requests("SED-033", "has no page after the hundredth", "GET /internal/session/sessions/[^/]+$")
def _(exchange: Exchange) -> None:
    if exchange.parameters.get("page", "").isdigit():
        exchange.put_parameters(page=min(int(exchange.parameters["page"]), 100))


@problems("LAW-017", "gives its problems numbers of its own", "GET /sessions/")
def _(exchange: Exchange, document: Any) -> None:
    document["code"] += 1


@problems("WLK-001", "has types of problems that lead nowhere", "GET /sessions$", options=OWN_LIST)
def _(exchange: Exchange, document: Any) -> None:
    document["type"] = f"{document['type']}x"


@problems("WLK-001", "has codes of broken rules of its own", "GET /sessions$", options=OWN_LIST)
def _(exchange: Exchange, document: Any) -> None:
    for error in document.get("errors", ()):
        error["code"] = f"{error['code']}x"
