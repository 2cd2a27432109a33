"""Liars about lives: sessions that do not end, or end too soon, and numbers that do not follow."""

import copy
from typing import Any

from tests.conformance.liars.lying import Answer, Exchange, answers, documents, requests, rescued, whole
from tests.conformance.serving import FIRST, admin_token
from tests.live import API_KEY

ADMIN = {"authorization": f"Bearer {admin_token(FIRST)}", "x_api_key": API_KEY, "x_tenant_id": FIRST}
SHORT = {"SOJOURN_IDLE_TIMEOUT": "2s", "SOJOURN_ABSOLUTE_TIMEOUT": "4s"}


@whole("LIF-001", "creates sessions that nobody finds")
async def _(exchange: Exchange) -> Answer:
    answer = await exchange.ask()
    if exchange.path.endswith("/active") and answer.status == 200:
        answer.document = {"active": False, "session_count": 0}
    return answer


@whole("LIF-002", "counts revoked sessions as active")
async def _(exchange: Exchange) -> Answer:
    answer = await exchange.ask()
    if exchange.path.endswith("/active") and answer.status == 200:
        user = exchange.path.split("/")[-2]
        listed = (await exchange.ask("GET", f"/admin/sessions?user_id={user}", **ADMIN)).document
        answer.document = {"active": listed["total"] > 0, "session_count": listed["total"]}
    return answer


@whole("LIF-002", "leaves tokens good when their session is ended")
async def _(exchange: Exchange) -> Answer:
    answer = await exchange.ask()
    if exchange.path.endswith("/validate-token") and answer.status == 200:
        answer.document = {**answer.document, "valid": exchange.document["access_token"].count(".") == 2}
    return answer


@requests("LIF-003", "ends the newest session of a user only", "DELETE /internal/session/session/user/")
def _(exchange: Exchange) -> None:
    exchange.path = exchange.path.replace("usr_conf", "usr_nobody")


@documents("LIF-004", "says that every id of a bulk was ended", "/bulk")
def _(exchange: Exchange, document: Any) -> None:
    document["succeeded"] += document["failed"]
    document["failed"] = []


@documents("LIF-005", "moves the end of a session that is used", "GET /sessions/[^/]+$")
def _(exchange: Exchange, document: Any) -> None:
    document["session"]["expires_at"] = document["session"]["expires_at"].replace("20", "21", 1)


@rescued("LIF-006", "keeps revoked sessions alive", "/activity$", 401, 404, 409)
async def _(exchange: Exchange, answer: Answer) -> Answer:
    answer.status = 200
    return answer


@whole("LIF-007", "tells stale numbers")
async def _(exchange: Exchange) -> Answer:
    if exchange.path == "/admin/sessions/stats":
        if "stats" not in exchange.memory:
            exchange.memory["stats"] = await exchange.ask()
        return copy.deepcopy(exchange.memory["stats"])  # type: ignore[no-any-return]
    return await exchange.ask()


@documents("LIF-008", "exports active sessions only", "/export-user-data$")
def _(exchange: Exchange, document: Any) -> None:
    document["sessions"] = [item for item in document["sessions"] if item["status"] == "active"]


@documents("LIF-009", "forgets that a session was upgraded", "GET /sessions/[^/]+$")
def _(exchange: Exchange, document: Any) -> None:
    document["session"]["amr"] = "password"


@whole("LIF-010", "counts a use twice")
async def _(exchange: Exchange) -> Answer:
    if exchange.method == "POST" and exchange.path.endswith("/usage"):
        await exchange.ask()
    return await exchange.ask()


@whole("LIF-011", "never expires: its clock stands still", frozen=True)
async def _(exchange: Exchange) -> Answer:
    return await exchange.ask()


@requests("LIF-011", "is off by five seconds on deadlines", "PUT /admin/tokens/config")
def _(exchange: Exchange) -> None:
    """A token's times are whole seconds, so a small error would be seen in some runs only."""
    exchange.put_document({**exchange.document, "leeway": "5s"})


@requests("LIF-012", "lets refresh tokens live on", "PUT /admin/tokens/config")
def _(exchange: Exchange) -> None:
    exchange.put_document({**exchange.document, "refresh_expiry": "1h"})


@documents("LIF-013", "gives tokens that outlive their session", "/create$")
def _(exchange: Exchange, document: Any) -> None:
    document["data"]["tokens"]["expires_in"] = 31_536_000


@documents("LIF-014", "shows an expired session as active", "GET /sessions/[^/]+$", settings=SHORT, options=("short",))
def _(exchange: Exchange, document: Any) -> None:
    document["session"]["status"] = "active"


@whole("LIF-015", "ends a session at its first idle deadline, used or not", settings=SHORT, options=("short",))
async def _(exchange: Exchange) -> Answer:
    if exchange.path.endswith("/activity"):
        return await exchange.ask("GET", exchange.path.removesuffix("/activity"))
    return await exchange.ask()


@documents("LIF-016", "counts expired sessions as active", "/stats$", settings=SHORT, options=("short",))
def _(exchange: Exchange, document: Any) -> None:
    document["active_sessions"] += document["expired_sessions"]


@documents("LIF-017", "tells times out of order", "/create$")
def _(exchange: Exchange, document: Any) -> None:
    session = document["data"]["session"]
    session["idle_expires_at"], session["expires_at"] = session["expires_at"], session["created_at"]


@whole("LIF-018", "removes active sessions with the ended ones")
async def _(exchange: Exchange) -> Answer:
    if exchange.path.endswith("/create"):
        exchange.memory["user"] = exchange.document.get("auth_user_id")
    elif exchange.method == "DELETE" and exchange.path == "/admin/sessions/expired":
        await exchange.ask("DELETE", f"/internal/session/session/user/{exchange.memory['user']}", **ADMIN)
    return await exchange.ask()


@answers("LNK-001", "has a link that leads nowhere", "GET /internal/session/sess_[^/]+/usage$")
def _(exchange: Exchange, answer: Answer) -> None:
    answer.status = 404


@documents("ROT-008", "calls what was renewed while the session was ended good", "/validate-token$")
def _(exchange: Exchange, document: Any) -> None:
    document["valid"] = True


@documents("RUN-001", "answers what no schema says, once and somewhere", "GET /internal/session/sessions/[^/]+$")
def _(exchange: Exchange, document: Any) -> None:
    document["total"] = "none"


@answers("TEN-014", "invents numbers for a tenant that does not exist", "GET /admin/", options=("stranger",))
def _(exchange: Exchange, answer: Answer) -> None:
    answer.status = 200 if answer.status == 404 else answer.status


@whole("STA-002", "waits for a body for ever", settings={"SOJOURN_BODY_TIMEOUT": "60s"})
async def _(exchange: Exchange) -> Answer:
    return await exchange.ask()


@documents("FUZ-001", "answers a number as text, before generated requests", "/active$", options=("few",))
def _(exchange: Exchange, document: Any) -> None:
    document["session_count"] = str(document["session_count"])


@rescued("VCH-001", "lets access tokens start sessions", "POST /sessions$", 403)
async def _(exchange: Exchange, answer: Answer) -> Answer:
    return await exchange.ask(authorization=f"Bearer {admin_token(FIRST)}")


@rescued("VCH-002", "lets users call themselves strong", "/upgrade-mfa$", 403)
async def _(exchange: Exchange, answer: Answer) -> Answer:
    return await exchange.ask(authorization=f"Bearer {admin_token(FIRST)}")


@requests("VCH-003", "forgets the context class of an elevation", "/elevate$")
def _(exchange: Exchange) -> None:
    exchange.put_document({name: value for name, value in exchange.document.items() if name != "acr"})


@rescued("VCH-004", "leaves the access tokens of before good", "GET /sessions/[^/]+$", 401)
async def _(exchange: Exchange, answer: Answer) -> Answer:
    return await exchange.ask(authorization=f"Bearer {admin_token(FIRST)}")


@rescued("VCH-005", "says that an ended session was raised", "/elevate$", 404)
async def _(exchange: Exchange, answer: Answer) -> Answer:
    return Answer(200, {**answer.headers, "content-type": "application/json"}, b'{"session": {}}')


@whole("VCH-006", "begins a session for a user who was ended while the body was on its way")
async def _(exchange: Exchange) -> Answer:
    """The liar reads the body before it asks: what is asked begins after the end."""
    return await exchange.ask()


@documents("VCH-007", "hides who started a session for a user", "POST /sessions$")
def _(exchange: Exchange, document: Any) -> None:
    document["session"].pop("impersonator", None)
