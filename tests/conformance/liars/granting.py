"""Liars about the OAuth forms, about logout and signals, and about first tokens."""

import re
from base64 import b64decode, b64encode
from typing import Any
from urllib.parse import parse_qsl, urlencode

import jwt

from tests.conformance.liars.lying import Answer, Exchange, answers, documents, problems, requests, whole
from tests.conformance.liars.sending import DELIVERED
from tests.conformance.serving import FIRST, SECOND
from tests.live import API_KEY

INTROSPECT, REVOKE, TOKEN = "POST /oauth/introspect$", "POST /oauth/revoke$", "POST /oauth/token$"
METADATA = "GET /.well-known/oauth-authorization-server$"
PUBLIC = {"SOJOURN_PUBLIC_URL": "http://127.0.0.1"}
CLIENTS, LOGOUT = "POST /admin/logout-clients$", "POST /backchannel-logout$"
SIGNALS, FIRST_TOKENS = "POST /ssf/events$", "^/internal/session/[^/]+/tokens$"


def said(exchange: Exchange) -> dict[str, str]:
    """The form that was sent."""
    return dict(parse_qsl(exchange.body.decode("latin-1")))


def put(exchange: Exchange, form: dict[str, str]) -> None:
    exchange.body = urlencode(form).encode()
    exchange.put("content-length", str(len(exchange.body)))


@documents("OAU-001", "says of a token that is not valid why", INTROSPECT)
def _(exchange: Exchange, document: Any) -> None:
    if document.get("active") is False:
        document["reason"] = "revoked"


@documents("OAU-001", "calls every token active", INTROSPECT)
def _(exchange: Exchange, document: Any) -> None:
    document["active"] = True


@whole("OAU-002", "tells a client of the tokens of every tenant")
async def _(exchange: Exchange) -> Answer:
    answer = await exchange.ask()
    if re.search(INTROSPECT, f"{exchange.method} {exchange.path}") and answer.document == {"active": False}:
        pair = b64decode((exchange.header("authorization") or "").partition(" ")[2]).decode()
        other = b64encode(f"{SECOND}:{pair.partition(':')[2]}".encode()).decode()
        return await exchange.ask(authorization=f"Basic {other}")
    return answer


@requests("OAU-003", "revokes nothing", REVOKE)
def _(exchange: Exchange) -> None:
    put(exchange, {**said(exchange), "token": "another"})


@answers("OAU-004", "sends no challenge", INTROSPECT)
def _(exchange: Exchange, answer: Answer) -> None:
    answer.headers.pop("www-authenticate", None)


@documents("OAU-005", "gives the same refresh token again", TOKEN)
def _(exchange: Exchange, document: Any) -> None:
    if "refresh_token" in document:
        document["refresh_token"] = said(exchange)["refresh_token"]


@requests("OAU-006", "exchanges for this service whatever audience is named", TOKEN)
def _(exchange: Exchange) -> None:
    put(exchange, {name: value for name, value in said(exchange).items() if name != "audience"})


@problems("OAU-007", "calls an unknown grant an invalid request", TOKEN)
def _(exchange: Exchange, document: Any) -> None:
    if document.get("error") == "unsupported_grant_type":
        document["error"] = "invalid_request"


@documents("OAU-008", "has metadata with another address of the keys", METADATA, settings=PUBLIC)
def _(exchange: Exchange, document: Any) -> None:
    document["jwks_uri"] += "s"


@answers("BCL-001", "accepts every logout token", LOGOUT)
def _(exchange: Exchange, answer: Answer) -> None:
    answer.status, answer.body = 200, b""


@requests("BCL-002", "takes inner addresses of applications", CLIENTS)
def _(exchange: Exchange) -> None:
    body = exchange.document
    if "169.254" in str(body.get("uri", "")):
        exchange.put_document({**body, "uri": "https://shop.invalid/"})


@requests("BCL-003", "tells every application of every session", CLIENTS, **DELIVERED)
def _(exchange: Exchange) -> None:
    exchange.put_document({name: value for name, value in exchange.document.items() if name != "apps"})


@answers("SSF-001", "accepts every security event token", SIGNALS)
def _(exchange: Exchange, answer: Answer) -> None:
    answer.status, answer.body = 202, b""


@answers("SSF-001", "refuses a security event in the words of OAuth", SIGNALS)
def _(exchange: Exchange, answer: Answer) -> None:
    refusal = answer.document
    if answer.status == 400 and refusal:
        answer.document = {"error": refusal["err"], "error_description": refusal["description"]}


@whole("SSF-001", "does what a security event says before it looks who signed it")
async def _(exchange: Exchange) -> Answer:
    answer = await exchange.ask()
    if re.search(SIGNALS, f"{exchange.method} {exchange.path}") and exchange.body.count(b".") == 2:
        said = jwt.decode(exchange.body, options={"verify_signature": False}) if len(exchange.body) > 99 else {}
        if "sub_id" in said:
            key = {"x_api_key": API_KEY, "x_tenant_id": FIRST}
            await exchange.ask("DELETE", f"/internal/session/session/user/{said['sub_id']['id']}", **key)
    return answer


@requests("SSF-002", "takes an event of any media type for one of the right type", SIGNALS)
def _(exchange: Exchange) -> None:
    exchange.put("content-type", "application/secevent+jwt")


@answers("FTK-001", "introspects a token that was just issued as unknown", "POST /admin/tokens/introspect$")
def _(exchange: Exchange, answer: Answer) -> None:
    answer.document = {"active": False}


@documents("FTK-001", "lists no access tokens", "GET /admin/tokens$")
def _(exchange: Exchange, document: Any) -> None:
    document["items"] = [item for item in document["items"] if item["token_type"] != "access"]


@whole("FTK-002", "gives another first pair to a session that has one")
async def _(exchange: Exchange) -> Answer:
    answer = await exchange.ask()
    if re.search(FIRST_TOKENS, exchange.path) and answer.status == 409:
        answer.status = 201
        answer.document = {"access_token": "a", "expires_in": 1, "refresh_token": "b", "token_type": "Bearer"}
    return answer


@whole("FTK-002", "ends the first pair when it is asked for another")
async def _(exchange: Exchange) -> Answer:
    answer = await exchange.ask()
    if re.search(FIRST_TOKENS, exchange.path) and answer.status == 409:
        await exchange.ask("DELETE", exchange.path.removesuffix("/tokens"))
    return answer
