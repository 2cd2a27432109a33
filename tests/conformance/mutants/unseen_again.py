"""A third lot of lies that are derived from nothing: about services, languages, page sizes, credentials and time."""

from datetime import datetime, timedelta
from typing import Any

from tests.conformance.liars.lying import Answer, Exchange
from tests.conformance.mutants.mutant import claims_of, copy_of, tenant_of
from tests.conformance.mutants.unseen import changed, later, root, sent, unseen
from tests.conformance.mutants.unseen_too import UNSEEN
from tests.conformance.serving import now

__all__ = ["UNSEEN"]


@unseen("ends nothing for a service that gives no reason", "revoke_session_as_service")
async def _(exchange: Exchange, operation: str) -> Answer:
    if sent(exchange, "reason") or sent(exchange, "reason_code"):
        return await exchange.ask()
    shown = await exchange.ask("GET", exchange.path)
    return await exchange.ask() if shown.status != 200 else Answer(204, {**shown.headers, "content-length": "0"}, b"")


@unseen("ends the caller's own session with the others", "revoke_other_sessions")
async def _(exchange: Exchange, operation: str) -> Answer:
    answer = await exchange.ask()
    if answer.status == 200:
        await exchange.ask("DELETE", f"/sessions/{claims_of(exchange).get('sid')}", **root(exchange))
    return answer


@unseen("shows services an ended session as active", "get_session_as_service")
async def _(exchange: Exchange, operation: str) -> Answer:
    def revive(document: Any) -> None:
        session = document.get("session", document)
        session["status"] = "active"
        for name in ("revoked_at", "revoke_reason"):
            session.pop(name, None)

    return changed(await exchange.ask(), revive)


@unseen("does not keep a session alive for a service", "touch_session_as_service")
async def _(exchange: Exchange, operation: str) -> Answer:
    shown = await exchange.ask("GET", exchange.path.rpartition("/")[0])
    if shown.status != 200 or shown.document["session"]["status"] != "active" or "touched" not in exchange.memory:
        answer = await exchange.ask()
        if answer.status == 200:
            exchange.memory["touched"] = answer
        return answer
    return changed(exchange.memory["touched"], lambda document: document.update(timestamp=now()))


@unseen("forgets the filter of the audit on later pages", "list_audit_records")
async def _(exchange: Exchange, operation: str) -> Answer:
    if "after" in exchange.parameters:
        exchange.put_parameters(action=None, actor=None)
    return await exchange.ask()


@unseen("tells Chinese readers another code", "get_session")
async def _(exchange: Exchange, operation: str) -> Answer:
    answer = await exchange.ask()
    if answer.status == 404 and (exchange.header("accept-language") or "").startswith("zh"):
        other, document = copy_of(answer), answer.document
        document["code"] += 1
        other.document = document
        return other
    return answer


@unseen("tells broken rules in English to everybody", "create_session")
async def _(exchange: Exchange, operation: str) -> Answer:
    answer = await exchange.ask()
    if answer.status != 400:
        return answer
    english = await exchange.ask(accept_language="en")
    other, document = copy_of(answer), answer.document
    document["errors"] = english.document.get("errors", document.get("errors"))
    other.document = document
    return other


@unseen("lists a row less where thirteen or seven are asked for", "list_blacklisted_tokens", "list_tokens")
async def _(exchange: Exchange, operation: str) -> Answer:
    answer = await exchange.ask()
    if exchange.parameters.get("page_size") not in ("7", "13"):
        return answer
    return changed(answer, lambda document: document["items"].pop() if len(document["items"]) > 5 else None)


@unseen("forgets trusted devices when it has told them four times", "list_trusted_devices")
async def _(exchange: Exchange, operation: str) -> Answer:
    answer, key = await exchange.ask(), (tenant_of(exchange), exchange.parameters.get("user_id"))
    exchange.memory[key] = exchange.memory.get(key, 0) + 1
    if exchange.memory[key] <= 4:
        return answer

    def nothing(document: Any) -> None:
        document["items"], document["total"] = [], 0
        document["pagination"] |= {"total": 0, "total_pages": 0, "has_next": False, "has_prev": False}

    return changed(answer, nothing)


@unseen("knows users of one tenant in the other for a moment", "check_user_active")
async def _(exchange: Exchange, operation: str) -> Answer:
    answer = await exchange.ask()
    if answer.status != 200:
        return answer
    known = exchange.memory.get(exchange.path)
    exchange.memory[exchange.path] = (tenant_of(exchange), answer)
    return known[1] if known and known[0] != tenant_of(exchange) else answer


@unseen("tells a later end of refresh tokens", "introspect_token")
async def _(exchange: Exchange, operation: str) -> Answer:
    def move(document: Any) -> None:
        if sent(exchange, "token").startswith("rt_") and "exp" in document:
            document["exp"] += 3600

    return changed(await exchange.ask(), move)


@unseen("does not look at the audience of a token", "validate_access_token")
async def _(exchange: Exchange, operation: str) -> Answer:
    document = exchange.document
    if isinstance(document, dict) and "audience" in document and isinstance(document["audience"], str):
        exchange.put_document({name: value for name, value in document.items() if name != "audience"})
    return await exchange.ask()


@unseen("forgets how a session began when it is raised", "elevate_session", "get_session")
async def _(exchange: Exchange, operation: str) -> Answer:
    answer = await exchange.ask()
    key = exchange.path.split("/")[-2 if operation == "elevate_session" else -1]
    if operation == "elevate_session" and answer.status == 200:
        exchange.memory[key] = ",".join(exchange.document["amr"])
    if key not in exchange.memory:
        return answer
    return changed(answer, lambda document: document["session"].update(amr=exchange.memory[key]))


@unseen("tells users that they never used their session", "get_session")
async def _(exchange: Exchange, operation: str) -> Answer:
    def unused(document: Any) -> None:
        if "sid" in claims_of(exchange):
            document["session"]["last_active_at"] = document["session"]["created_at"]

    return changed(await exchange.ask(), unused)


@unseen("shows users only the session that they ask with", "list_own_sessions")
async def _(exchange: Exchange, operation: str) -> Answer:
    session = claims_of(exchange).get("sid")

    def one(document: Any) -> None:
        if session is not None:
            rows = [item for item in document["items"] if item["id"] == session]
            document["items"], document["total"] = rows, len(rows)
            document["pagination"] |= {"total": len(rows), "total_pages": 1, "has_next": False, "has_prev": False}

    return changed(await exchange.ask(), one)


@unseen("forgets one filter of tokens when there are two", "list_tokens")
async def _(exchange: Exchange, operation: str) -> Answer:
    if {"type", "status"} <= exchange.parameters.keys():
        exchange.put_parameters(status=None)
    return await exchange.ask()


@unseen("shows every token alone as active", "get_token")
async def _(exchange: Exchange, operation: str) -> Answer:
    def revive(document: Any) -> None:
        told = document["data"]
        if "status" in told:
            told["status"] = "active"

    return changed(await exchange.ask(), revive)


@unseen("counts a use for the user's newest session", "record_session_usage")
async def _(exchange: Exchange, operation: str) -> Answer:
    session = exchange.path.split("/")[3]
    shown = await exchange.ask("GET", f"/sessions/{session}", **root(exchange))
    if shown.status == 200:
        user = shown.document["session"]["user_id"]
        listed = await exchange.ask("GET", f"/internal/session/sessions/{user}")
        if listed.status == 200 and listed.document["items"]:
            exchange.path = exchange.path.replace(session, listed.document["items"][0]["id"])
    return await exchange.ask()


@unseen("dates its numbers with the time of the numbers before", "get_session_stats")
async def _(exchange: Exchange, operation: str) -> Answer:
    answer = await exchange.ask()
    if answer.status != 200:
        return answer
    before = exchange.memory.get("updated")
    exchange.memory["updated"] = answer.document["updated_at"]
    return changed(answer, lambda document: document.update(updated_at=before or document["updated_at"]))


@unseen("counts users for sessions", "count_active_sessions")
async def _(exchange: Exchange, operation: str) -> Answer:
    listed = await exchange.ask("GET", "/api/sessions/all?limit=1000", **root(exchange))
    if listed.status != 200 or listed.document["total"] > 1000:
        return await exchange.ask()
    users = {row["user_id"] for row in listed.document["sessions"]}
    return changed(await exchange.ask(), lambda document: document.update(count=len(users)))


@unseen("ends the session that is to be left, too", "revoke_user_sessions")
async def _(exchange: Exchange, operation: str) -> Answer:
    if "except_session_id" not in exchange.parameters:
        return await exchange.ask()
    answer = await exchange.ask()
    if answer.status == 200:
        kept = exchange.parameters["except_session_id"]
        await exchange.ask("DELETE", f"/sessions/{kept}", **root(exchange))
    return answer


@unseen("exports nothing that an administrator ended", "export_user_data", "revoke_session")
async def _(exchange: Exchange, operation: str) -> Answer:
    answer = await exchange.ask()
    ended = exchange.memory.setdefault("ended", set())
    if operation == "revoke_session":
        if answer.status < 300 and "sid" not in claims_of(exchange):
            ended.add(exchange.path.rpartition("/")[2])
        return answer

    def fewer(document: Any) -> None:
        document["sessions"] = [item for item in document["sessions"] if item["id"] not in ended]
        document["total"] = len(document["sessions"])

    return changed(answer, fewer)


@unseen("shows the newest sessions a little late", "list_all_sessions")
async def _(exchange: Exchange, operation: str) -> Answer:
    def older(document: Any) -> None:
        latest = datetime.fromisoformat(document["timestamp"]) - timedelta(seconds=0.3)
        rows = [row for row in document["sessions"] if datetime.fromisoformat(row["created_at"]) < latest]
        document["sessions"] = rows

    return changed(await exchange.ask(), older)


@unseen("makes a tenant that is there already again", "create_tenant")
async def _(exchange: Exchange, operation: str) -> Answer:
    answer = await exchange.ask()
    if answer.status == 201:
        exchange.memory["made"] = answer
    return exchange.memory["made"] if answer.status == 409 and "made" in exchange.memory else answer


@unseen("moves the end of a session that is refreshed", "refresh_tokens", "list_tenant_sessions", "get_session")
async def _(exchange: Exchange, operation: str) -> Answer:
    answer = await exchange.ask()
    refreshed = exchange.memory.setdefault("refreshed", set())
    if operation == "refresh_tokens":
        if answer.status == 200:
            token = {"authorization": f"Bearer {answer.document['access_token']}"}
            other = Exchange(exchange.app, exchange.scope, "GET", "/", "", list(token.items()), b"", {})
            refreshed.add(claims_of(other).get("sid"))
        return answer

    def move(document: Any) -> None:
        for row in document.get("items", [document.get("session", {})]):
            if row.get("id") in refreshed and row.get("status") == "active":
                row["expires_at"] = later(row["expires_at"], seconds=1)

    return changed(answer, move)
