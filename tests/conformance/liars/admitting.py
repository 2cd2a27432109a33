"""Liars about who may do what, and about whose tenant it is."""

import base64
import json
from typing import Any

from tests.conformance.liars.lying import Answer, Exchange, answers, documents, requests, rescued, whole
from tests.conformance.serving import FIRST, admin_token
from tests.live import API_KEY


def parts(exchange: Exchange) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of the bearer token; empty where there is none."""
    token = (exchange.header("authorization") or "").removeprefix("Bearer ").split(".")
    if len(token) != 3:
        return {}, {}
    try:
        return tuple(json.loads(base64.urlsafe_b64decode(part + "==")) for part in token[:2])  # type: ignore[return-value]
    except ValueError:
        return {}, {}


def promote(exchange: Exchange) -> None:
    """From here on it is the administrator who asks."""
    exchange.put("authorization", f"Bearer {admin_token(FIRST)}")


@requests("AUT-001", "serves without credentials", "/internal/")
def _(exchange: Exchange) -> None:
    if exchange.header("x-api-key") is None and exchange.header("authorization") is None:
        exchange.put("x-api-key", API_KEY)


@requests("AUT-002", "takes any API key", "/internal/")
def _(exchange: Exchange) -> None:
    if exchange.header("x-api-key"):
        exchange.put("x-api-key", API_KEY)


@requests("AUT-003", "does not look at the signature")
def _(exchange: Exchange) -> None:
    if parts(exchange)[1].get("roles") == ["admin"] and parts(exchange)[0].get("alg") == "HS256":
        promote(exchange)


@requests("AUT-004", "accepts `alg: none`")
def _(exchange: Exchange) -> None:
    if str(parts(exchange)[0].get("alg")).lower() == "none":
        promote(exchange)


@requests("AUT-005", "believes claims that were changed")
def _(exchange: Exchange) -> None:
    if parts(exchange)[1].get("sub") == "somebody-else":
        promote(exchange)


@requests("AUT-006", "takes an API key for a bearer token")
def _(exchange: Exchange) -> None:
    if exchange.header("x-api-key") == API_KEY and not exchange.header("authorization"):
        promote(exchange)


@rescued("AUT-007", "lets users administrate", "/admin/", 403)
async def _(exchange: Exchange, answer: Answer) -> Answer:
    return await exchange.ask(authorization=f"Bearer {admin_token(FIRST)}")


@answers("AUT-008", "knows no security_admin", "/admin/")
def _(exchange: Exchange, answer: Answer) -> None:
    if "security_admin" in parts(exchange)[1].get("roles", ()):
        answer.status = 403


@answers("AUT-009", "validates before it authenticates", "/internal/")
def _(exchange: Exchange, answer: Answer) -> None:
    if "colour" in exchange.query:
        answer.status = 400


@answers("AUT-010", "challenges nobody")
def _(exchange: Exchange, answer: Answer) -> None:
    answer.headers.pop("www-authenticate", None)


@answers("AUT-011", "blames the token where there is none")
def _(exchange: Exchange, answer: Answer) -> None:
    if answer.status == 401:
        answer.headers["www-authenticate"] = 'Bearer realm="x", error="invalid_token"'


@rescued("AUT-012", "shows other users' sessions", "GET /sessions", 403, 404)
async def _(exchange: Exchange, answer: Answer) -> Answer:
    return await exchange.ask(authorization=f"Bearer {admin_token(FIRST)}")


@rescued("AUT-013", "lets users give themselves a role", "POST /sessions$", 403)
async def _(exchange: Exchange, answer: Answer) -> Answer:
    return await exchange.ask(authorization=f"Bearer {admin_token(FIRST)}")


@rescued("AUT-014", "takes an access token for a refresh token", "/refresh$", 400, 401)
async def _(exchange: Exchange, answer: Answer) -> Answer:
    answer.status = 200
    return answer


def odd(token: str, text: bytes) -> bool:
    """Whether this text is in the claims of a token."""
    part = token.split(".")[1] if token.count(".") == 2 else ""
    return text in base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


@answers("AUT-017", "breaks down at an instant beyond the calendar", "/introspect$")
def _(exchange: Exchange, answer: Answer) -> None:
    if odd(str(exchange.document.get("token", "")), b"e+300"):
        answer.status = 500


@documents("AUT-017", "believes a token that is written in UTF-16", "/validate-token$")
def _(exchange: Exchange, document: Any) -> None:
    if odd(str(exchange.document.get("access_token", "")), b"\xff\xfe"):
        document["valid"] = True


@answers("AUT-017", "breaks down at half a character of a bearer", "GET /trusted-devices$")
def _(exchange: Exchange, answer: Answer) -> None:
    if odd((exchange.header("authorization") or "").removeprefix("Bearer "), b"ud800"):
        answer.status = 500


@documents("VCH-008", "gives a session more time with each refresh", "GET /internal/session/sess_[^/]+$")
def _(exchange: Exchange, document: Any) -> None:
    exchange.memory["seen"] = exchange.memory.get("seen", 0) + 1
    if exchange.memory["seen"] > 2:
        document["session"]["expires_at"] = "2099-01-01T00:00:00.000Z"


@whole("AUT-016", "accepts tokens for another audience")
async def _(exchange: Exchange) -> Answer:
    if parts(exchange)[1].get("aud") == "api.example.com":
        promote(exchange)
    return await exchange.ask()


@rescued("TEN-001", "shows what another tenant has", "GET /sessions/[^/]+$", 404)
async def _(exchange: Exchange, answer: Answer) -> Answer:
    return await exchange.ask_as_twin()


@rescued("TEN-002", "leaks existence: 403 for what another tenant has", "/sessions/", 404)
async def _(exchange: Exchange, answer: Answer) -> Answer:
    if (await exchange.ask_as_twin()).status == 200:
        answer.status = 403
    return answer


@whole("TEN-003", "forgets the tenant in a list")
async def _(exchange: Exchange) -> Answer:
    answer = await exchange.ask()
    if exchange.path == "/admin/sessions" and answer.status == 200:
        document, other = answer.document, (await exchange.ask_as_twin()).document
        document["items"] += other["items"]
        document["total"] += other["total"]
        answer.document = document
    return answer


@whole("TEN-004", "counts other tenants' sessions")
async def _(exchange: Exchange) -> Answer:
    answer = await exchange.ask()
    if exchange.path == "/admin/sessions/stats" and answer.status == 200:
        document = answer.document
        document["active_sessions"] += (await exchange.ask_as_twin()).document["active_sessions"]
        answer.document = document
    return answer


@whole("TEN-005", "ends the user's sessions in every tenant")
async def _(exchange: Exchange) -> Answer:
    if exchange.method == "DELETE" and "/user/" in exchange.path:
        await exchange.ask_as_twin()
    return await exchange.ask()


@whole("TEN-006", "calls another tenant's token valid")
async def _(exchange: Exchange) -> Answer:
    answer = await exchange.ask()
    if exchange.path.endswith("/validate-token") and answer.status == 200 and not answer.document["valid"]:
        return await exchange.ask_as_twin()
    return answer


@whole("TEN-007", "ends another tenant's sessions in bulk")
async def _(exchange: Exchange) -> Answer:
    if "/bulk" in exchange.path:
        await exchange.ask_as_twin()
    return await exchange.ask()


@rescued("TEN-008", "keeps another tenant's session alive", "/activity$", 404)
async def _(exchange: Exchange, answer: Answer) -> Answer:
    return await exchange.ask_as_twin()


@whole("TEN-009", "refuses a token in every tenant")
async def _(exchange: Exchange) -> Answer:
    if exchange.path.endswith("/blacklist-token"):
        await exchange.ask_as_twin()
    return await exchange.ask()


@whole("TEN-010", "forgets trust in every tenant")
async def _(exchange: Exchange) -> Answer:
    if exchange.method == "DELETE" and "/trusted-devices/" in exchange.path:
        await exchange.ask_as_twin()
    return await exchange.ask()


@whole("TEN-011", "exports other tenants' sessions")
async def _(exchange: Exchange) -> Answer:
    answer = await exchange.ask()
    if exchange.path.endswith("/export-user-data") and answer.status == 200:
        document = answer.document
        document["sessions"] += (await exchange.ask_as_twin()).document["sessions"]
        answer.document = document
    return answer


@whole("TEN-012", "sets the lifetimes of every tenant")
async def _(exchange: Exchange) -> Answer:
    if exchange.path == "/admin/tokens/config" and exchange.method != "GET":
        await exchange.ask_as_twin()
    return await exchange.ask()


@whole("TEN-013", "refuses a user's tokens in every tenant")
async def _(exchange: Exchange) -> Answer:
    if exchange.path.endswith("/revoke-all"):
        await exchange.ask_as_twin()
    return await exchange.ask()


@documents("SED-003", "lists another user's sessions", "GET /internal/session/sessions/[^/]+$")
def _(exchange: Exchange, document: Any) -> None:
    for item in document["items"]:
        item["user_id"] = "usr_eve"
