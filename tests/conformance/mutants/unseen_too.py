"""More lies that are derived from nothing: about callers, tokens, erasure and counts."""

from typing import Any
from urllib.parse import quote

from tests.conformance.liars.lying import Answer, Exchange
from tests.conformance.mutants.mutant import claims_of, tenant_of
from tests.conformance.mutants.unseen import UNSEEN, changed, root, sent, unseen

__all__ = ["UNSEEN"]


@unseen("introspects a spent refresh token as active", "introspect_token")
async def _(exchange: Exchange, operation: str) -> Answer:
    answer = await exchange.ask()
    token = sent(exchange, "token")
    if answer.status != 200:
        return answer
    key = (tenant_of(exchange), token)
    if answer.document["active"] and answer.document.get("token_type") != "access":
        exchange.memory[key] = answer
    return answer if answer.document["active"] else exchange.memory.get(key, answer)  # type: ignore[no-any-return]


@unseen("shows another user's session when asked again", "get_session")
async def _(exchange: Exchange, operation: str) -> Answer:
    answer = await exchange.ask()
    if answer.status in (403, 404) and "sid" in claims_of(exchange):
        key = (exchange.path, exchange.header("authorization"))
        exchange.memory[key] = exchange.memory.get(key, 0) + 1
        if exchange.memory[key] > 1:
            other = await exchange.ask(**root(exchange))
            return other if other.status == 200 else answer
    return answer


@unseen("counts an ended session until it is asked again", "count_active_sessions")
async def _(exchange: Exchange, operation: str) -> Answer:
    answer = await exchange.ask()
    if answer.status != 200:
        return answer
    before = exchange.memory.get(tenant_of(exchange), 0)
    exchange.memory[tenant_of(exchange)] = answer.document["count"]
    return changed(answer, lambda document: document.update(count=max(before, document["count"])))


@unseen("counts no more than three uses of a session", "get_session_usage")
async def _(exchange: Exchange, operation: str) -> Answer:
    def few(document: Any) -> None:
        for day in document["usage"]:
            day["count"] = min(day["count"], 3)

    return changed(await exchange.ask(), few)


@unseen("takes any device for a token that it has seen with the right one", "validate_access_token")
async def _(exchange: Exchange, operation: str) -> Answer:
    answer = await exchange.ask()
    token = sent(exchange, "access_token")
    if answer.status != 200:
        return answer
    if answer.document["valid"]:
        exchange.memory[token] = answer
    elif sent(exchange, "device_fingerprint") and token in exchange.memory:
        exchange.put_document({"access_token": token})
        return await exchange.ask()
    return answer


@unseen(
    "keeps the trusted devices of erased users", "erase_user_data", "list_trusted_devices", "list_user_trusted_devices"
)
async def _(exchange: Exchange, operation: str) -> Answer:
    if operation == "erase_user_data":
        user = sent(exchange, "user_id")
        path = f"/internal/session/trusted-devices?user_id={quote(user)}"
        before = await exchange.ask("GET", path, content_type=None)
        answer = await exchange.ask()
        if answer.status < 300 and before.status == 200:
            exchange.memory[tenant_of(exchange), user] = before.document
        return answer
    kept = exchange.memory.get((tenant_of(exchange), exchange.parameters.get("user_id")))
    return changed(await exchange.ask(), lambda document: document.update(kept or {}))


@unseen("finds users whose id begins like the one asked for", "list_tenant_sessions")
async def _(exchange: Exchange, operation: str) -> Answer:
    answer, user = await exchange.ask(), exchange.parameters.get("user_id")
    if answer.status != 200 or user is None:
        return answer
    exchange.put_parameters(user_id=None)
    everybody = await exchange.ask()

    def more(document: Any) -> None:
        known = {item["id"] for item in document["items"]}
        rows = [item for item in everybody.document["items"] if item["user_id"].startswith(user)]
        rows = [item for item in rows if item["id"] not in known]
        document["items"] += rows
        document["total"] += len(rows)
        document["pagination"]["total"] += len(rows)

    return changed(answer, more)


@unseen("lifts all refusals of a user with one", "list_blacklisted_tokens", "remove_blacklist_entry")
async def _(exchange: Exchange, operation: str) -> Answer:
    answer = await exchange.ask()
    known = exchange.memory.setdefault(tenant_of(exchange), {})
    if operation == "list_blacklisted_tokens":
        if answer.status == 200:
            known |= {item["id"]: item.get("user_id") for item in answer.document["items"]}
    elif answer.status < 300:
        owner = known.get(exchange.path.rpartition("/")[2])
        for entry in [entry for entry, user in known.items() if user == owner and owner]:
            await exchange.ask("DELETE", f"/admin/tokens/blacklist/{entry}")
    return answer
