"""Liars about policies."""

from typing import Any

from tests.conformance.liars.lying import Answer, Exchange, documents, requests, rescued, whole

POLICIES, CREATE = "/admin/policies/sessions", "/internal/session/create"
POLICY, SIMULATIONS = f"{POLICIES}$", f"{POLICIES}/simulations"


def _with_limit(exchange: Exchange, **members: Any) -> None:
    limit = exchange.document.get("max_sessions")
    if isinstance(limit, dict):
        exchange.put_document({"max_sessions": {**limit, **members}})


@whole("POL-001", "allows one session more than the limit while many sign in at once")
async def _(exchange: Exchange) -> Answer:
    _remember(exchange)
    if not exchange.path.endswith(CREATE):
        return await exchange.ask()
    memory, user = exchange.memory, exchange.document.get("auth_user_id")
    memory["busy"] = memory.get("busy", 0) + 1
    answer = await exchange.ask()
    if answer.status == 409 and memory["busy"] > 1 and user not in memory.setdefault("refused", set()):
        memory["refused"].add(user)
        answer = await _all_the_same(exchange)
    memory["busy"] -= 1
    return answer


@whole("POL-002", "creates the session that it denies")
async def _(exchange: Exchange) -> Answer:
    _remember(exchange)
    answer = await exchange.ask()
    if answer.status == 409 and exchange.path.endswith(CREATE):
        await _all_the_same(exchange)
    return answer


@whole("POL-003", "sets the policy of the other tenant, too")
async def _(exchange: Exchange) -> Answer:
    answer = await exchange.ask()
    if exchange.method in ("PUT", "DELETE") and exchange.path.endswith(POLICIES):
        await exchange.ask_as_twin()
    return answer


@requests("POL-004", "ends the session that was active last", f"PUT {POLICY}")
def _(exchange: Exchange) -> None:
    if exchange.document.get("max_sessions", {}).get("on_limit") == "end_idlest":
        _with_limit(exchange, on_limit="end_oldest")


@requests("POL-004", "ends sessions of another application", f"PUT {POLICY}")
def _(exchange: Exchange) -> None:
    _with_limit(exchange, per="user")


@documents("POL-004", "shows a limit of one whatever it is", f"GET {POLICY}")
def _(exchange: Exchange, document: Any) -> None:
    if "max_sessions" in document:
        document["max_sessions"] = {**document["max_sessions"], "count": 1}


@documents("POL-008", "names no rule for the ends that it foretells", f"POST {SIMULATIONS}$")
def _(exchange: Exchange, document: Any) -> None:
    document["would_end_now"]["by_rule"]["max_sessions"] = 0


@whole("POL-005", "lets a session begin in the place of a suspended one")
async def _(exchange: Exchange) -> Answer:
    if exchange.path.endswith("/suspend"):
        answer = await exchange.ask()
        await exchange.ask("DELETE", POLICIES)
        return answer
    return await exchange.ask()


@documents("POL-006", "never raises the version", POLICY)
def _(exchange: Exchange, document: Any) -> None:
    document["version"] = 0


@rescued("POL-006", "tells no change of a policy", "GET /internal/events$", 200)
async def _(exchange: Exchange, answer: Answer) -> Answer:
    document = answer.document
    document["items"] = [item for item in document["items"] if item["type"] != "policy.changed"]
    answer.document = document
    return answer


@requests("POL-007", "does not look at conditions of a policy", POLICY)
def _(exchange: Exchange) -> None:
    exchange.put("if-match", None)


@whole("POL-008", "sets a policy when it simulates one")
async def _(exchange: Exchange) -> Answer:
    if exchange.path.endswith(SIMULATIONS):  # one that hinders nobody: the next liar has the same server
        policy = {"max_sessions": {**exchange.document["max_sessions"], "count": 9_999}}
        await _set(exchange, exchange.header("authorization") or "", policy=policy)
    return await exchange.ask()


@documents("POL-008", "foretells that no session ends", f"POST {SIMULATIONS}$")
def _(exchange: Exchange, document: Any) -> None:
    document["would_end_now"] |= {"sessions": 0, "users": 0}


@documents("POL-008", "foretells no denied sign-in", f"POST {SIMULATIONS}$")
def _(exchange: Exchange, document: Any) -> None:
    document["would_deny"]["sign_ins"] = 0


@documents("POL-011", "shows a binding that was set as another one", POLICY)
def _(exchange: Exchange, document: Any) -> None:
    if "bind" in document:
        document["bind"] = dict.fromkeys(document["bind"], "end")


@requests("POL-011", "takes a binding to a city for none", f"PUT {POLICY}")
def _(exchange: Exchange) -> None:
    rules = exchange.document.get("bind")
    if isinstance(rules, dict) and "city" in rules:
        exchange.put_document({"bind": {}})


@whole("POL-012", "ends a bound session when it is told where it is used")
async def _(exchange: Exchange) -> Answer:
    if exchange.path.endswith("/activity") and "ip" in exchange.document:
        await exchange.ask("DELETE", exchange.path.removesuffix("/activity"))
    return await exchange.ask()


@whole("POL-009", "writes the time-outs of a policy down, and holds no session to them")
async def _(exchange: Exchange) -> Answer:
    return await _with_timeouts(exchange, {})


@whole("POL-009", "holds sessions to twice the time-outs of their tenant")
async def _(exchange: Exchange) -> Answer:
    return await _with_timeouts(exchange, {"idle_timeout": "2h", "absolute_timeout": "4h"})


@whole("POL-009", "gives sessions back what a time-out took, once it is taken away")
async def _(exchange: Exchange) -> Answer:
    answer = await exchange.ask()
    if exchange.method == "DELETE" and exchange.path.endswith(POLICIES):
        exchange.memory["is_taken"] = True
    document = answer.document
    if exchange.memory.get("is_taken") and exchange.path.startswith("/sessions/sess_") and answer.status == 200:
        document["session"]["expires_at"] = document["session"]["expires_at"].replace("20", "21", 1)
        answer.document = document
    return answer


@documents("POL-010", "takes tokens of a session that a time-out has ended", "/validate-token$")
def _(exchange: Exchange, document: Any) -> None:
    document["valid"] = True


@documents("POL-010", "finds a session that a time-out has ended among the active ones", "GET /admin/sessions$")
def _(exchange: Exchange, document: Any) -> None:
    if exchange.parameters.get("status") == "active":
        document["total"] = 1


@documents("POL-010", "tells the end by a time-out twice", "GET /internal/events$")
def _(exchange: Exchange, document: Any) -> None:
    document["items"] += [item for item in document["items"] if item["type"] == "session.ended"]


async def _with_timeouts(exchange: Exchange, other: dict[str, str]) -> Answer:
    """Set a policy with other time-outs, and say that it has those that were asked for."""
    asked = exchange.document
    if exchange.method != "PUT" or not exchange.path.endswith(POLICIES) or "idle_timeout" not in asked:
        return await exchange.ask()
    exchange.put_document(other)
    answer = await exchange.ask()
    answer.document = {"version": answer.document["version"], **asked}
    return answer


def _remember(exchange: Exchange) -> None:
    if exchange.method == "PUT" and exchange.path.endswith(POLICIES):
        exchange.memory["policy"] = exchange.header("authorization"), exchange.document


async def _all_the_same(exchange: Exchange) -> Answer:
    """Create what was denied: the limit is one higher meanwhile."""
    bearer, policy = exchange.memory["policy"]
    limit = policy["max_sessions"]
    await _set(exchange, bearer, policy={"max_sessions": {**limit, "count": limit["count"] + 1}})
    answer = await exchange.ask()
    await _set(exchange, bearer, policy=policy)
    return answer


async def _set(exchange: Exchange, bearer: str, *, policy: Any) -> None:
    headers = [pair for pair in exchange.headers if pair[0] not in ("x-api-key", "x-tenant-id", "idempotency-key")]
    other = Exchange(exchange.app, exchange.scope, "PUT", POLICIES, "", headers, b"", exchange.memory)
    other.put("authorization", bearer)
    other.put_document(policy)
    await other.ask()
