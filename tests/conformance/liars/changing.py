"""Liars that do more than they were asked, or something although they refused."""

from typing import Any

from tests.conformance.liars.lying import Answer, Exchange, documents, problems, requests, rescued, whole
from tests.conformance.mutants.mutant import claims_of, tenant_of
from tests.conformance.serving import FIRST, SECOND, admin_token
from tests.live import API_KEY

OF_A_DEVICE = ("about trust_device",)
OF_OWN_DEVICES = ("about list_own_devices",)
REVOKE_ALL, ENDPOINTS = "/admin/tokens/revoke-all", "GET /admin/webhooks$"
ADMIN = {"authorization": f"Bearer {admin_token(FIRST)}"}
OF_A_RAISE = ("about elevate_session",)


@rescued(
    "EFF-001",
    "trusts a device although it refuses the parameters",
    "/internal/session/trusted-devices$",
    400,
    options=OF_A_DEVICE,
)
async def _(exchange: Exchange, answer: Answer) -> Answer:
    if exchange.method == "POST" and tenant_of(exchange) == SECOND:
        exchange.query = ""
        await exchange.ask()
    return answer


@whole("EFF-002", "raises the session before, too", options=OF_A_RAISE)
async def _(exchange: Exchange) -> Answer:
    answer = await exchange.ask()
    if exchange.path.endswith("/elevate") and answer.status == 200:
        before = exchange.memory.get("before")
        exchange.memory["before"] = exchange.path
        if before not in (None, exchange.path):
            await exchange.tell("POST", before, {**exchange.document, "amr": ["face"]})
    return answer


@documents("LAW-016", "tells the claims of the token that it validated first", "/validate-token$")
def _(exchange: Exchange, document: Any) -> None:
    if "claims" in document:
        document["claims"] = exchange.memory.setdefault("claims", document["claims"])


@documents(
    "WLK-002", "lists nothing when it is asked again", "GET /sessions/devices$", options=("about list_own_devices",)
)
def _(exchange: Exchange, document: Any) -> None:
    seen = exchange.memory.setdefault("seen", set())
    asked = (exchange.path, exchange.query, exchange.header("authorization"))
    if asked in seen:
        document["items"] = []
    seen.add(asked)


@rescued("PLN-001", "refuses nothing of what a plan ends before its rows have ended", "/validate-token$", 200)
async def _(exchange: Exchange, answer: Answer) -> Answer:
    if answer.document.get("valid") is False:
        answer.document = {"valid": True}
    return answer


@documents("PLN-001", "counts the exceptions of a plan, too", "POST /admin/revocation-plans$")
def _(exchange: Exchange, document: Any) -> None:
    document["sessions"] += len(exchange.document.get("except_session_ids", []))


@rescued("PLN-002", "applies a plan that drifted", "/apply$", 409)
async def _(exchange: Exchange, answer: Answer) -> Answer:
    return await exchange.tell(exchange.method, exchange.path, {"max_sessions": 1000})


@rescued("PLN-003", "shows plans to other tenants", "GET /admin/revocation-plans/", 404)
async def _(exchange: Exchange, answer: Answer) -> Answer:
    return await exchange.ask(authorization=f"Bearer {admin_token(FIRST)}")


@rescued("PLN-005", "says that what a plan ended is reactivated", "/reactivate$", 404)
async def _(exchange: Exchange, answer: Answer) -> Answer:
    answer.status = 200
    return answer


@requests("ONE-010", "does not look at conditions", "PATCH /internal/session/")
def _(exchange: Exchange) -> None:
    exchange.put("if-match", None)


@requests("PLN-004", "counts for plans what began in any network", "POST /admin/revocation-plans$")
def _(exchange: Exchange) -> None:
    sent = exchange.document
    if isinstance(sent.get("filter"), dict) and "ip" in sent["filter"]:
        exchange.put_document({**sent, "filter": {n: v for n, v in sent["filter"].items() if n != "ip"}})


@requests(
    "EXA-001",
    "takes an id in capitals for that of a session",
    "GET /admin/sessions/risk-score$",
    options=("about get_risk_score",),
)
def _(exchange: Exchange) -> None:
    exchange.query = exchange.query.lower()


@problems(
    "PRB-008",
    "tells of two broken rules at most",
    "POST /internal/session/trusted-devices$",
    options=OF_A_DEVICE,
)
def _(exchange: Exchange, document: Any) -> None:
    if "errors" in document:
        document["errors"] = document["errors"][:2]


@documents("LAW-018", "shows a session with the name of another tenant", "GET /sessions/[^/]+$")
def _(exchange: Exchange, document: Any) -> None:
    document["session"]["tenant_id"] = SECOND


@whole("EFF-001", "erases a user the second time that it asks for a key", options=("about erase_user_data",))
async def _(exchange: Exchange) -> Answer:
    answer = await exchange.ask()
    if exchange.path.endswith("/erase-user-data") and answer.status == 401:
        exchange.memory["refused"] = exchange.memory.get("refused", 0) + 1
        if exchange.memory["refused"] > 1:
            await exchange.ask(x_api_key=API_KEY)
    return answer


@whole("EFF-002", "refuses the tokens of the user before once more", options=("about revoke_all_tokens",))
async def _(exchange: Exchange) -> Answer:
    answer = await exchange.ask()
    if exchange.path == REVOKE_ALL and answer.status == 200:
        before = exchange.memory.get("before")
        exchange.memory["before"] = exchange.document
        if before not in (None, exchange.document):
            await exchange.tell("POST", REVOKE_ALL, before)
    return answer


@requests("EFF-003", "reads twenty letters of an address", "/trusted-devices$", options=("about trust_device",))
def _(exchange: Exchange) -> None:
    sent = exchange.document if exchange.method == "POST" else {}
    if isinstance(sent.get("ip"), str):
        exchange.put_document({**sent, "ip": sent["ip"][:20]})


@requests("EFF-003", "keeps twenty letters of a reason", "POST /tokens/blacklist$", options=("about add_to_blacklist",))
def _(exchange: Exchange) -> None:
    sent = exchange.document
    if isinstance(sent.get("reason"), str):
        exchange.put_document({**sent, "reason": sent["reason"][:20]})


@requests(
    "EXA-001", "refuses the tokens of a user in lower case", f"POST {REVOKE_ALL}$", options=("about revoke_all_tokens",)
)
def _(exchange: Exchange) -> None:
    sent = exchange.document
    if isinstance(sent.get("user_id"), str):
        exchange.put_document({**sent, "user_id": sent["user_id"].lower()})


@documents("PAG-009", "says of every page of endpoints that there is more", ENDPOINTS, options=("about list_webhooks",))
def _(exchange: Exchange, document: Any) -> None:
    document["has_more"] = True


@documents("WLK-002", "shows every second time a key without its curve", "/jwks.json$", options=("about get_key_set",))
def _(exchange: Exchange, document: Any) -> None:
    exchange.memory["turn"] = exchange.memory.get("turn", 0) + 1
    if exchange.memory["turn"] % 2 == 0:
        document["keys"] = [{name: key[name] for name in key if name != "crv"} for key in document["keys"]]


@rescued(
    "WLK-003",
    "believes a user's token that nobody signed",
    "GET /trusted-devices$",
    401,
    options=("about list_own_trusted_devices",),
)
async def _(exchange: Exchange, answer: Answer) -> Answer:
    claims = claims_of(exchange)
    return await exchange.ask(**ADMIN) if claims and "admin" not in claims.get("roles", ()) else answer


@whole("AUD-001", "makes two plans of one", options=("about create_revocation_plan",))
async def _(exchange: Exchange) -> Answer:
    if exchange.method == "POST" and exchange.path == "/admin/revocation-plans":
        await exchange.ask()
    return await exchange.ask()
