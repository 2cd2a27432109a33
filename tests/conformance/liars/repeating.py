"""Liars about tokens that are good twice, pages that do not add up, and what is done again."""

import copy
from typing import Any

from tests.conformance.liars.lying import Answer, Exchange, answers, documents, requests, rescued, whole
from tests.conformance.serving import FIRST, admin_token
from tests.live import API_KEY

ADMIN = {"authorization": f"Bearer {admin_token(FIRST)}", "x_api_key": API_KEY, "x_tenant_id": FIRST}


@documents("ROT-001", "does not rotate", "POST /sessions/refresh$")
def _(exchange: Exchange, document: Any) -> None:
    document["refresh_token"] = exchange.document["refresh_token"]


@whole("ROT-002", "accepts a rotated token")
async def _(exchange: Exchange) -> Answer:
    if exchange.path != "/sessions/refresh":
        return await exchange.ask()
    token = exchange.document["refresh_token"]
    if token not in exchange.memory:
        exchange.memory[token] = await exchange.ask()
    return copy.deepcopy(exchange.memory[token])  # type: ignore[no-any-return]


@whole("ROT-003", "signs out whoever lost an answer")
async def _(exchange: Exchange) -> Answer:
    if exchange.path != "/sessions/refresh":
        return await exchange.ask()
    again = exchange.memory.setdefault(exchange.document["refresh_token"], []) != []
    exchange.memory[exchange.document["refresh_token"]].append(1)
    answer = await exchange.ask()
    answer.status = 401 if again else answer.status
    return answer


@documents("ROT-004", "splits the token family when tabs race", "POST /sessions/refresh$")
def _(exchange: Exchange, document: Any) -> None:
    exchange.memory["count"] = exchange.memory.get("count", 0) + 1
    document["refresh_token"] += f"-{exchange.memory['count']}"


@requests("ROT-005", "does not look at the end of a refresh token", "POST /sessions/refresh$")
def _(exchange: Exchange) -> None:
    token = str(exchange.document.get("refresh_token", ""))
    for good in exchange.memory.get("good", ()):
        if token[:45] == good[:45]:
            exchange.put_document({"refresh_token": good})
            return
    exchange.memory.setdefault("good", []).append(token)


@whole("ROT-006", "spends the refresh token of whoever rotates the access token")
async def _(exchange: Exchange) -> Answer:
    answer = await exchange.ask()
    if exchange.path == "/sessions/rotate-access" and answer.status == 200:
        token = exchange.document["refresh_token"]
        for _ in range(2):
            pair = (await exchange.tell("POST", "/sessions/refresh", {"refresh_token": token})).document
            token = pair["refresh_token"]
    return answer


@requests("ROT-007", "ignores whose bearer token it is", "POST /sessions/refresh$")
def _(exchange: Exchange) -> None:
    exchange.put("authorization", None)


@documents("ROT-009", "gives two sessions one id", "/create$")
def _(exchange: Exchange, document: Any) -> None:
    document["data"]["session"]["id"] = exchange.memory.setdefault("id", document["data"]["session"]["id"])


@whole("ROT-010", "counts a session as revoked each time that it is ended")
async def _(exchange: Exchange) -> Answer:
    answer = await exchange.ask()
    if exchange.method == "DELETE" and exchange.path.startswith("/sessions/"):
        exchange.memory["ended"] = exchange.memory.get("ended", 0) + 1
    elif exchange.path == "/admin/sessions/stats" and answer.status == 200:
        document = answer.document
        document["revoked_sessions"] += exchange.memory.get("ended", 0)
        answer.document = document
    return answer


@whole("ROT-011", "lets a session refresh as often as it likes", settings={"SOJOURN_REFRESH_LIMIT": "100000"})
async def _(exchange: Exchange) -> Answer:
    return await exchange.ask()


@documents("ROT-012", "does not publish its keys", "/jwks.json$")
def _(exchange: Exchange, document: Any) -> None:
    document["keys"] = [{**key, "kid": "another"} for key in document["keys"]]


@requests("ROT-013", "makes tokens for whatever tenant the body names", "/generate-tokens$")
def _(exchange: Exchange) -> None:
    exchange.put_document({**exchange.document, "tenant_id": exchange.header("x-tenant-id")})


@requests("PAG-001", "begins to count pages at 0", "GET")
def _(exchange: Exchange) -> None:
    page = exchange.parameters.get("page", "")
    if page.isdigit() and int(page) < 1000:
        exchange.put_parameters(page=int(page) + 1)


@documents("PAG-002", "forgets the last page when it is not full", "GET")
def _(exchange: Exchange, document: Any) -> None:
    if "pagination" in document:
        info = document["pagination"]
        info["total_pages"] = info["total"] // info["page_size"]


@answers("PAG-003", "answers 404 past the end", "GET")
def _(exchange: Exchange, answer: Answer) -> None:
    document = answer.document
    if answer.status == 200 and isinstance(document, dict) and document.get("items") == [] and document["total"]:
        answer.status = 404


@documents("PAG-004", "lists the oldest first", "GET")
def _(exchange: Exchange, document: Any) -> None:
    if "pagination" in document:
        document["items"].reverse()


@documents("PAG-005", "loses an item of a later page", "GET")
def _(exchange: Exchange, document: Any) -> None:
    if "pagination" in document and document["pagination"]["page"] == 4:
        document["items"] = document["items"][:-1]


@requests("PAG-006", "has another size of pages than it documents", "GET")
def _(exchange: Exchange) -> None:
    if "user_id" in exchange.query and "page_size" not in exchange.query:
        exchange.put_parameters(page_size=10)


@requests("PAG-007", "ignores the cursor", "/api/sessions/all$")
def _(exchange: Exchange) -> None:
    exchange.put_parameters(cursor=None)


@requests("PAG-008", "ignores a filter", "GET /admin/sessions$")
def _(exchange: Exchange) -> None:
    exchange.put_parameters(status=None)


@documents("IDM-002", "keeps two entries of one token", "GET /admin/tokens/blacklist$")
def _(exchange: Exchange, document: Any) -> None:
    document["total"] *= 2


@whole("IDM-001", "lets the second ending count")
async def _(exchange: Exchange) -> Answer:
    answer = await exchange.ask()
    if exchange.method == "DELETE" and exchange.path.startswith("/sessions/"):
        exchange.memory["reason"] = exchange.document.get("reason")
    elif exchange.path.endswith("/export-user-data") and answer.status == 200:
        document = answer.document
        for item in document["sessions"]:
            item["revoke_reason"] = exchange.memory.get("reason", "unspecified")
        answer.document = document
    return answer


@documents("IDM-003", "gives a device another id each time", "POST /internal/session/trusted-devices$")
def _(exchange: Exchange, document: Any) -> None:
    exchange.memory["count"] = exchange.memory.get("count", 0) + 1
    document["id"] = f"{document['id'][:-1]}{exchange.memory['count'] % 10}"


@whole("IDM-004", "says that trust was taken back and keeps it")
async def _(exchange: Exchange) -> Answer:
    if exchange.method == "DELETE" and exchange.path.startswith("/admin/trusted-devices/"):
        exchange.path = "/admin/trusted-devices/dev_01968a3c-5c00-7000-8000-00a1b2c3d4e5"
    return await exchange.ask()


@rescued("IDM-005", "accepts blacklisted tokens", "GET /sessions/", 401)
async def _(exchange: Exchange, answer: Answer) -> Answer:
    return await exchange.ask(authorization=ADMIN["authorization"])


@whole("IDM-006", "does not reset lifetimes")
async def _(exchange: Exchange) -> Answer:
    if exchange.method == "DELETE" and exchange.path == "/admin/tokens/config":
        return await exchange.ask("DELETE", "/admin/sessions/expired")
    return await exchange.ask()


@whole("IDM-007", "ends a session when it is read")
async def _(exchange: Exchange) -> Answer:
    answer = await exchange.ask()
    if exchange.method == "GET" and exchange.path.startswith("/sessions/sess_"):
        await exchange.ask("DELETE", exchange.path, **ADMIN)
    return answer


@requests("IDM-008", "does not refuse all tokens of a user", "/revoke-all$")
def _(exchange: Exchange) -> None:
    exchange.put_document({**exchange.document, "user_id": "usr_nobody"})


@documents("RSK-001", "scores beyond a hundred", "/risk-score$")
def _(exchange: Exchange, document: Any) -> None:
    document["risk_score"] = 250


@documents("RSK-002", "scores at random", "/risk-score$")
def _(exchange: Exchange, document: Any) -> None:
    exchange.memory["count"] = exchange.memory.get("count", 0) + 1
    document["risk_score"] = exchange.memory["count"]


@answers("RSK-003", "knows the risk of what there is not", "/risk")
def _(exchange: Exchange, answer: Answer) -> None:
    answer.status = 200


@documents("RSK-004", "sees no risk anywhere", "/risk-score$")
def _(exchange: Exchange, document: Any) -> None:
    document["risk_score"] = 0


@documents("RSK-005", "does not count revoked sessions of a device", "/risk$")
def _(exchange: Exchange, document: Any) -> None:
    document["total_sessions"] -= document["revoked_sessions"]
    document["revoked_sessions"] = 0
