"""Liars that do more than they were asked, or something although they refused."""

from typing import Any

from tests.conformance.liars.lying import Answer, Exchange, documents, problems, requests, rescued, whole
from tests.conformance.mutants.mutant import tenant_of
from tests.conformance.serving import FIRST, SECOND, admin_token

OF_A_DEVICE = ("about trust_device",)
OF_OWN_DEVICES = ("about list_own_devices",)
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
