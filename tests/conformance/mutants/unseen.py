"""Lies that are derived from nothing: stateful, between operations, with time. Written before any check was looked at.

They are kept apart from the liars: no check is named that should catch one, and none may be written for one alone.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote

import jwt

from sojourn.conformance.contract import Operation
from tests.conformance.liars.lying import Answer, Exchange
from tests.conformance.mutants.mutant import Mutant, copy_of, tenant_of
from tests.conformance.serving import FIRST, SECOND, admin_token
from tests.live import JWT_SECRET

UNSEEN: list[Mutant] = []
Body = Callable[[Exchange, str], Awaitable[Answer]]
"""A lie: the exchange, and the operation's id."""


def unseen(defect: str, *operations: str) -> Callable[[Body], Body]:
    """Note a lie about some operations."""

    def register(body: Body) -> Body:
        async def lie(exchange: Exchange, operation: Operation) -> Answer:
            return await body(exchange, operation.id)

        first, *others = operations
        UNSEEN.append(Mutant(first, "unseen", defect, "", lie, asked=True, others=tuple(others)))
        return body

    return register


def changed(answer: Answer, change: Callable[[Any], None]) -> Answer:
    """A copy of a successful answer with its document changed in place."""
    if answer.status >= 300 or answer.document is None:
        return answer
    other, document = copy_of(answer), answer.document
    change(document)
    other.document = document
    return other


def sent(exchange: Exchange, name: str) -> str:
    """A text of the request's body; empty where it is none."""
    body = exchange.document
    value = body.get(name) if isinstance(body, dict) else None
    return value if isinstance(value, str) else ""


def later(text: str, **by: float) -> str:
    """An instant, moved."""
    return (datetime.fromisoformat(text) + timedelta(**by)).isoformat().replace("+00:00", "Z")


def root(exchange: Exchange) -> dict[str, str]:
    """Headers of the administrator of the exchange's tenant."""
    return {"authorization": f"Bearer {admin_token(tenant_of(exchange) or FIRST)}", "accept": "application/json"}


@unseen("counts a user's sessions a minute late", "check_user_active")
async def _(exchange: Exchange, operation: str) -> Answer:
    truth = await exchange.ask()
    return exchange.memory.setdefault((tenant_of(exchange), exchange.path), truth) if truth.status == 200 else truth


@unseen("lists the second page the other way round", "list_user_sessions", "list_sessions_of_user")
async def _(exchange: Exchange, operation: str) -> Answer:
    truth = await exchange.ask()
    return changed(
        truth, lambda document: document["items"].reverse() if exchange.parameters.get("page") == "2" else None
    )


@unseen("lets a refresh token be spent twice", "refresh_tokens")
async def _(exchange: Exchange, operation: str) -> Answer:
    known = exchange.memory.setdefault("next", {})
    spent = sent(exchange, "refresh_token")
    if spent in known:
        exchange.put_document({"refresh_token": known[spent]})
    answer = await exchange.ask()
    if answer.status == 200:
        known[spent] = answer.document["refresh_token"]
    return answer


@unseen("forgets access tokens when all tokens are revoked", "revoke_all_tokens", "validate_access_token")
async def _(exchange: Exchange, operation: str) -> Answer:
    answer = await exchange.ask()
    if operation == "revoke_all_tokens":
        exchange.memory["cut"] = exchange.memory.get("cut") or answer.status < 300
    elif answer.status == 200:
        key = (tenant_of(exchange), sent(exchange, "access_token"))
        if answer.document["valid"]:
            exchange.memory[key] = answer
        elif exchange.memory.get("cut") and key in exchange.memory:
            return exchange.memory[key]  # type: ignore[no-any-return]
    return answer


@unseen("leaves the administrator's roles in exchanged tokens", "exchange_token")
async def _(exchange: Exchange, operation: str) -> Answer:
    def add(document: Any) -> None:
        claims = jwt.decode(document["access_token"], options={"verify_signature": False})
        head = jwt.get_unverified_header(document["access_token"])
        claims["roles"] = sorted({*claims.get("roles", ()), "admin"})
        document["access_token"] = jwt.encode(claims, JWT_SECRET, algorithm="HS256", headers=head)

    return changed(await exchange.ask(), add)


@unseen("shows a trusted device of another user with an equal print", "trust_device", "list_trusted_devices")
async def _(exchange: Exchange, operation: str) -> Answer:
    answer = await exchange.ask()
    known = exchange.memory.setdefault(tenant_of(exchange), {})
    if operation == "trust_device" and answer.status < 300:
        known.setdefault(sent(exchange, "device_fingerprint"), {})[sent(exchange, "user_id")] = True
        return answer
    if answer.status != 200:
        return answer
    for row in list(answer.document["items"]):
        for other in known.get(row["device_fingerprint"], {}):
            if other != exchange.parameters["user_id"]:
                exchange.put_parameters(user_id=other)
                theirs = await exchange.ask()
                extra = [item for item in theirs.document["items"] if item["id"] != row["id"]]
                return changed(answer, lambda document, extra=extra: _more(document, extra))  # type: ignore[misc]
    return answer


def _more(document: Any, rows: list[Any]) -> None:
    document["items"] += rows
    document["total"] += len(rows)
    document["pagination"]["total"] += len(rows)


@unseen("moves the absolute end of a session when it is used", "touch_session", "get_session")
async def _(exchange: Exchange, operation: str) -> Answer:
    answer = await exchange.ask()
    session = exchange.path.split("/")[2]
    if operation == "touch_session" and answer.status == 200:
        exchange.memory[session] = exchange.memory.get(session, 0) + 10
    minutes = exchange.memory.get(session, 0)
    if operation != "get_session" or not minutes:
        return answer

    def move(document: Any) -> None:
        document["session"]["expires_at"] = later(document["session"]["expires_at"], minutes=minutes)

    return changed(answer, move)


@unseen("lists ended sessions as active for one page size", "list_tenant_sessions")
async def _(exchange: Exchange, operation: str) -> Answer:
    if exchange.parameters.get("status") != "active" or exchange.parameters.get("page_size") not in ("5", "10"):
        return await exchange.ask()
    exchange.put_parameters(status=None)

    def all_active(document: Any) -> None:
        for item in document["items"]:
            item["status"] = "active"

    return changed(await exchange.ask(), all_active)


@unseen("says that it ended sessions that nobody knows", "revoke_sessions", "revoke_sessions_in_bulk")
async def _(exchange: Exchange, operation: str) -> Answer:
    def all_done(document: Any) -> None:
        document["succeeded"] += [item["session_id"] if isinstance(item, dict) else item for item in document["failed"]]
        document["failed"] = []

    return changed(await exchange.ask(), all_done)


@unseen("shows the last row of a page of all sessions again", "list_all_sessions")
async def _(exchange: Exchange, operation: str) -> Answer:
    answer = await exchange.ask()
    if answer.status != 200 or not answer.document["sessions"]:
        return answer
    last = exchange.memory.get("last")
    exchange.memory["last"] = answer.document["sessions"][-1]
    if "cursor" not in exchange.parameters or last is None:
        return answer
    return changed(answer, lambda document: document["sessions"].__setitem__(0, last))


@unseen("leaves one kind of device out of the statistics", "get_session_stats")
async def _(exchange: Exchange, operation: str) -> Answer:
    def fewer(document: Any) -> None:
        document["device_breakdown"].pop("tablet", None)
        document["total_sessions"] = sum(document["device_breakdown"].values())
        left = document["expired_sessions"] + document["revoked_sessions"]
        document["active_sessions"] = max(document["total_sessions"] - left, 0)
        document["revoked_sessions"] = (
            document["total_sessions"] - document["active_sessions"] - document["expired_sessions"]
        )

    return changed(await exchange.ask(), fewer)


@unseen("gives the same access token for a refresh token for ever", "rotate_access_token")
async def _(exchange: Exchange, operation: str) -> Answer:
    answer = await exchange.ask()
    key = str(exchange.document)
    return exchange.memory.setdefault(key, answer) if answer.status == 200 else answer  # type: ignore[no-any-return]


@unseen("sets the token lifetimes of the other tenant, too", "set_token_config")
async def _(exchange: Exchange, operation: str) -> Answer:
    answer = await exchange.ask()
    if answer.status == 200:
        other = SECOND if tenant_of(exchange) == FIRST else FIRST
        await exchange.ask(authorization=f"Bearer {admin_token(other)}")
    return answer


@unseen(
    "keeps tokens from before a session was raised", "elevate_session", "upgrade_session_mfa", "validate_access_token"
)
async def _(exchange: Exchange, operation: str) -> Answer:
    answer = await exchange.ask()
    if operation != "validate_access_token":
        exchange.memory["raised"] = exchange.memory.get("raised") or answer.status < 300
    elif answer.status == 200:
        key = sent(exchange, "access_token")
        if answer.document["valid"]:
            exchange.memory[key] = (tenant_of(exchange), answer)
        elif exchange.memory.get("raised") and exchange.memory.get(key, [""])[0] == tenant_of(exchange):
            session = await exchange.ask("GET", f"/sessions/{claims_sid(key)}", **root(exchange))
            if session.status == 200 and session.document["session"]["status"] == "active":
                return exchange.memory[key][1]  # type: ignore[no-any-return]
    return answer


def claims_sid(token: str) -> str:
    """The session that a token names."""
    return str(jwt.decode(token, options={"verify_signature": False}).get("sid"))


@unseen("does not look at the case of refused tokens", "blacklist_token", "check_blacklisted_token")
async def _(exchange: Exchange, operation: str) -> Answer:
    answer = await exchange.ask()
    token = sent(exchange, "token")
    if answer.status >= 300:
        return answer
    if operation == "blacklist_token":
        exchange.memory[tenant_of(exchange), token.lower()] = token
    elif not answer.document["blacklisted"] and (tenant_of(exchange), token.lower()) in exchange.memory:
        exchange.put_document({"token": exchange.memory[tenant_of(exchange), token.lower()]})
        return await exchange.ask()
    return answer


@unseen("tells the last reason why a session was ended", "revoke_session", "list_tenant_sessions")
async def _(exchange: Exchange, operation: str) -> Answer:
    answer = await exchange.ask()
    if operation == "revoke_session":
        if answer.status < 300 and sent(exchange, "reason"):
            exchange.memory[exchange.path.split("/")[2]] = sent(exchange, "reason")
        return answer

    def last(document: Any) -> None:
        for item in document["items"]:
            if "revoke_reason" in item:
                item["revoke_reason"] = exchange.memory.get(item["id"], item["revoke_reason"])

    return changed(answer, last)


@unseen("leaves all but one device out of an export", "export_user_data")
async def _(exchange: Exchange, operation: str) -> Answer:
    def fewer(document: Any) -> None:
        for name, value in document.items():
            if "device" in name and isinstance(value, list):
                document[name] = value[:1]

    return changed(await exchange.ask(), fewer)


@unseen("takes trust back from all users with an equal print", "trust_device", "untrust_device")
async def _(exchange: Exchange, operation: str) -> Answer:
    answer = await exchange.ask()
    if answer.status >= 300:
        return answer
    known = exchange.memory.setdefault(tenant_of(exchange), {})
    if operation == "trust_device":
        known.setdefault(sent(exchange, "device_fingerprint"), set()).add(sent(exchange, "user_id"))
    else:
        for user in known.get(unquote(exchange.path.rpartition("/")[2]), ()):
            exchange.put_parameters(user_id=user)
            await exchange.ask()
    return answer
