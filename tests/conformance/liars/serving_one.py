"""Liars about one session: ends that end nothing or too much, receipts, and who blacklists what."""

from typing import Any

from tests.conformance.liars.lying import Answer, Exchange, documents, requests, rescued, whole
from tests.conformance.serving import FIRST, admin_token

ADMIN = f"Bearer {admin_token(FIRST)}"
ONE = "GET /internal/session/sess_[^/]+$"
DONE = b'{"code": 0, "message": "0 sessions revoked", "timestamp": "2026-04-15T10:31:00.123Z"}'


@whole("ONE-001", "says that a session was ended and leaves it")
async def _(exchange: Exchange) -> Answer:
    if exchange.method == "DELETE" and exchange.path.startswith("/internal/session/sess_"):
        return Answer(204, {}, b"")
    return await exchange.ask()


@documents("ONE-002", "forgets the code of an end", ONE)
def _(exchange: Exchange, document: Any) -> None:
    if "reason_code" in document["session"]:
        document["session"]["reason_code"] = "unspecified"


@documents("ONE-003", "takes the address of an activity for that of the sign-in", ONE)
def _(exchange: Exchange, document: Any) -> None:
    document["session"]["ip"] = document["session"].get("last_ip", document["session"].get("ip"))


@requests("ONE-004", "ends all, whatever is to be kept", "DELETE /internal/session/session/user/")
def _(exchange: Exchange) -> None:
    exchange.put_parameters(except_session_id=None)


@whole("ONE-005", "says that the others were signed out and leaves them")
async def _(exchange: Exchange) -> Answer:
    if exchange.method == "DELETE" and exchange.path == "/sessions":
        return Answer(200, {"content-type": "application/json"}, DONE)
    return await exchange.ask()


@documents("ONE-006", "writes receipts of more than there was", "/erase-user-data$")
def _(exchange: Exchange, document: Any) -> None:
    document["sessions"] += 1


@rescued("ONE-007", "lets anybody blacklist any token", "POST /tokens/blacklist$", 403)
async def _(exchange: Exchange, answer: Answer) -> Answer:
    return await exchange.ask(authorization=ADMIN)


@rescued("ONE-008", "takes a padded token for another one", "GET /sessions/[^/]+$", 401)
async def _(exchange: Exchange, answer: Answer) -> Answer:
    padded = (exchange.header("authorization") or "").endswith("=")
    return await exchange.ask(authorization=ADMIN) if padded else answer


@documents("ONE-009", "moves the end of a session that is used", ONE)
def _(exchange: Exchange, document: Any) -> None:
    document["session"]["expires_at"] = document["session"]["expires_at"].replace("20", "21", 1)
