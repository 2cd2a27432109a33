"""Liars about what was written: they show less of it, or something else, here or every second time."""

from typing import Any

from tests.conformance.liars.lying import Answer, Exchange, documents, requests, rescued, whole
from tests.conformance.serving import FIRST, admin_token

HOOK, SESSION = "PATCH /admin/webhooks/[^/]+$", "GET /sessions/sess_[^/]+$"
OF_A_HOOK, OF_A_SESSION = ("about update_webhook",), ("about get_session",)
OF_CLIENTS, OF_A_DEVICE = ("about list_logout_clients",), ("about untrust_own_device",)
ADMIN = {"authorization": f"Bearer {admin_token(FIRST)}"}


@documents("WRT-001", "tells all types of events but the last of several", HOOK, options=OF_A_HOOK)
def _(exchange: Exchange, document: Any) -> None:
    document["events"] = document["events"][:-1] or document["events"]


@requests("WRT-001", "keeps the first two types of events", HOOK, options=OF_A_HOOK)
def _(exchange: Exchange) -> None:
    if len(exchange.document.get("events", ())) > 2:
        exchange.put_document({**exchange.document, "events": exchange.document["events"][:2]})


@documents("WRT-002", "shows every second time another end of a suspension", SESSION, options=OF_A_SESSION)
def _(exchange: Exchange, document: Any) -> None:
    exchange.memory["turn"] = exchange.memory.get("turn", 0) + 1
    if exchange.memory["turn"] % 2 == 0 and "suspended_then" in document["session"]:
        document["session"]["suspended_then"] = "reactivate"


@documents("WRT-002", "shows no texts of the caller of a session that is over", SESSION, options=OF_A_SESSION)
def _(exchange: Exchange, document: Any) -> None:
    if document["session"]["status"] == "revoked" and "metadata" in document["session"]:
        document["session"]["metadata"] = {}


@documents("LAW-018", "tells of another session than the one that is named", SESSION)
def _(exchange: Exchange, document: Any) -> None:
    document["session"]["id"] = document["session"]["id"][:-1] + "_"


@requests("STR-007", "reads durations in capitals", "/admin/tokens/config$", options=("about set_token_config",))
def _(exchange: Exchange) -> None:
    if isinstance(exchange.document.get("leeway"), str):
        exchange.put_document({**exchange.document, "leeway": exchange.document["leeway"].lower()})


@requests("STR-010", "reads twenty letters of a duration", "/rotate-secret$", options=("about rotate_webhook_secret",))
def _(exchange: Exchange) -> None:
    if isinstance(exchange.document.get("overlap"), str):
        exchange.put_document({**exchange.document, "overlap": exchange.document["overlap"][:20]})


@requests("PAG-009", "goes on behind a name in lower case", "GET /admin/logout-clients$", options=OF_CLIENTS)
def _(exchange: Exchange) -> None:
    if "after" in exchange.parameters:
        exchange.put_parameters(after=exchange.parameters["after"].lower())


@rescued("WLK-003", "asks for no token where a tenant is named", "DELETE /trusted-devices/", 401, options=OF_A_DEVICE)
async def _(exchange: Exchange, answer: Answer) -> Answer:
    named = exchange.header("authorization") is None and exchange.header("x-api-key") is None
    return await exchange.ask(**ADMIN) if named and exchange.header("x-tenant-id") == FIRST else answer


@whole("EFF-002", "touches the session before, too", options=("about touch_session",))
async def _(exchange: Exchange) -> Answer:
    answer = await exchange.ask()
    if exchange.path.endswith("/activity") and exchange.path.startswith("/sessions/") and answer.status == 200:
        await exchange.ask_the_one_before()
    return answer


@requests(
    "EXA-001", "ends trust of a user in lower case", "DELETE .*/trusted-devices/", options=("about untrust_device",)
)
def _(exchange: Exchange) -> None:
    if "user_id" in exchange.parameters:
        exchange.put_parameters(user_id=exchange.parameters["user_id"].lower())


@documents("LAW-008", "counts one thing at most of a list", "GET /internal/session/sessions/[^/]+$")
def _(exchange: Exchange, document: Any) -> None:
    document["total"] = min(document["total"], 1)


@requests("SED-018", "ignores every second order that there is not", "GET /internal/session/sessions/[^/]+$")
def _(exchange: Exchange) -> None:
    if exchange.parameters.get("sort") == "neither":
        exchange.memory["turn"] = exchange.memory.get("turn", 0) + 1
        if exchange.memory["turn"] % 2 == 0:
            exchange.put_parameters(sort=None)


@documents("LAW-009", "tells that a device was known a year before", "POST /internal/session/trusted-devices$")
def _(exchange: Exchange, document: Any) -> None:
    document["created_at"] = f"2020{document['created_at'][4:]}"
