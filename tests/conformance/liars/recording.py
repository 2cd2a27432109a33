"""Liars about the audit trail, and about what an API key may do."""

from typing import Any

from tests.conformance.liars.admitting import parts
from tests.conformance.liars.lying import Answer, Exchange, documents, problems, requests, rescued, whole
from tests.conformance.serving import MANAGER, SECOND, admin_token
from tests.live import API_KEY

TRAIL = "GET /admin/audit$"
TWIN = {"authorization": f"Bearer {admin_token(SECOND)}"}


@documents("AUD-001", "writes no record of one act", TRAIL, options=("about revoke_sessions_of_user",))
def _(exchange: Exchange, document: Any) -> None:
    document["items"] = [item for item in document["items"] if item["action"] != "sessions.ended"]


@documents("AUD-001", "writes two records of one act", TRAIL, options=("about revoke_sessions_of_user",))
def _(exchange: Exchange, document: Any) -> None:
    document["items"] += [item for item in document["items"] if item["action"] == "sessions.ended"]


@documents("AUD-001", "records no request", TRAIL, options=("about revoke_sessions_of_user",))
def _(exchange: Exchange, document: Any) -> None:
    for item in document["items"]:
        item["request_id"] = None


@documents("AUD-002", "leaves a gap in the chain", TRAIL)
def _(exchange: Exchange, document: Any) -> None:
    document["items"] = document["items"][:1] + document["items"][2:]


@documents("AUD-002", "lost the first record of the chain", TRAIL)
def _(exchange: Exchange, document: Any) -> None:
    document["items"] = document["items"][1:]


@documents("AUD-002", "has changed who did it", TRAIL)
def _(exchange: Exchange, document: Any) -> None:
    for item in document["items"]:
        item["actor"]["id"] = "psd_somebody"


@documents("AUD-002", "has two records in the other order", TRAIL)
def _(exchange: Exchange, document: Any) -> None:
    document["items"].reverse()


@whole("AUD-003", "deletes the records of a user who is erased")
async def _(exchange: Exchange) -> Answer:
    answer = await exchange.ask()
    exchange.memory["erased"] = exchange.memory.get("erased") or exchange.path.endswith("/erase-user-data")
    if exchange.path == "/admin/audit" and exchange.memory["erased"] and answer.status == 200:
        document = answer.document
        erased = {item["target"] for item in document["items"] if item["action"] == "user.erased"}
        items = [item for item in document["items"] if item["target"] not in erased or item["action"] == "user.erased"]
        answer.document = {**document, "items": items}
    return answer


@whole("AUD-004", "names the user in the trail")
async def _(exchange: Exchange) -> Answer:
    answer = await exchange.ask()
    if exchange.path.startswith("/admin/sessions/user/"):
        exchange.memory["user"] = exchange.path.rpartition("/")[2]
    if exchange.path == "/admin/audit" and answer.status == 200 and "user" in exchange.memory:
        document = answer.document
        for item in document["items"]:
            item["target"] = exchange.memory["user"]
        answer.document = document
    return answer


@requests("AUD-005", "filters by no action", TRAIL)
def _(exchange: Exchange) -> None:
    exchange.put_parameters(action=None)


@requests("AUD-005", "filters by no actor", TRAIL)
def _(exchange: Exchange) -> None:
    exchange.put_parameters(actor=None)


@documents("AUD-006", "writes no record of a rotated key", TRAIL)
def _(exchange: Exchange, document: Any) -> None:
    document["items"] = [item for item in document["items"] if item["action"] != "api_key.rotated"]


@documents("AUD-007", "does not record what an administrator does to one session", TRAIL)
def _(exchange: Exchange, document: Any) -> None:
    document["items"] = [item for item in document["items"] if item["action"] != "session.ended"]


@whole("AUD-007", "records what users do to their own sessions")
async def _(exchange: Exchange) -> Answer:
    answer = await exchange.ask()
    own = "admin" not in parts(exchange)[1].get("roles", ())
    if exchange.method == "DELETE" and exchange.path.startswith("/sessions/") and own:
        exchange.memory["request"] = answer.headers["x-request-id"]
    if exchange.path == "/admin/audit" and answer.status == 200 and "request" in exchange.memory:
        document = answer.document
        made = {"request_id": exchange.memory["request"], "action": "session.ended", "actor": {}, "target": None}
        answer.document = {**document, "items": [*document["items"], made]}
    return answer


@whole("AUD-008", "tests the endpoint before once more", options=("about test_webhook",))
async def _(exchange: Exchange) -> Answer:
    answer = await exchange.ask()
    if exchange.path.endswith("/test") and answer.status == 200:
        await exchange.ask_the_one_before()
    return answer


@rescued(
    "AUD-008",
    "sends events again although it refuses to",
    "/replay$",
    403,
    options=("about replay_webhook_deliveries",),
)
async def _(exchange: Exchange, answer: Answer) -> Answer:
    await exchange.ask(**TWIN)  # an endpoint is of one of the two: the other knows none
    return answer


@rescued("SCO-001", "ignores the scope of one operation", "/active$", 403, options=("about check_user_active",))
async def _(exchange: Exchange, answer: Answer) -> Answer:
    return await exchange.ask(x_api_key=API_KEY)


@requests("SCO-001", "lets a key with one scope do what it has no scope for", options=("about generate_tokens",))
def _(exchange: Exchange) -> None:
    if exchange.header("x-api-key") not in (None, MANAGER.text) and not exchange.path.startswith("/admin/"):
        exchange.put("x-api-key", API_KEY)


@problems("SCO-002", "does not say which scope is missing", options=("about check_user_active",))
def _(exchange: Exchange, document: Any) -> None:
    if document.get("i18n_args", {}).get("scope"):
        document.update(detail="This operation needs an API key with another scope.", i18n_args={})


@problems("SCO-002", "names another scope than the missing one", options=("about check_user_active",))
def _(exchange: Exchange, document: Any) -> None:
    if scope := document.get("i18n_args", {}).get("scope"):
        document.update(detail=document["detail"].replace(scope, "tokens"), i18n_args={"scope": "tokens"})


@rescued("SCO-003", "lets every key manage keys", "GET /admin/api-keys$", 403)
async def _(exchange: Exchange, answer: Answer) -> Answer:
    return await exchange.ask(x_api_key=MANAGER.text)


@whole("SCO-004", "gives a key without named scopes one scope alone", options=("about generate_tokens",))
async def _(exchange: Exchange) -> Answer:
    if exchange.method == "POST" and exchange.path == "/admin/api-keys" and "scopes" not in exchange.document:
        exchange.put_document({**exchange.document, "scopes": ["sessions:read"]})
    return await exchange.ask()


@rescued("SCO-005", "takes revoked keys", "GET /internal/", 401)
async def _(exchange: Exchange, answer: Answer) -> Answer:
    return await exchange.ask(x_api_key=API_KEY)


@requests("SCO-005", "knows no overlap of two secrets", "/rotate$")
def _(exchange: Exchange) -> None:
    exchange.put_document({"overlap": "0s"})
