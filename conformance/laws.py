"""Rules for one request and its response, whatever the operation.

A law is a function from an exchange to sentences, one for each way in which it is broken.
"""

import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote

from sojourn.conformance.contract import Operation
from sojourn.conformance.instants import MILLISECOND, duration, instant
from sojourn.conformance.paging import is_a_step, page_violations, step_violations
from sojourn.conformance.scores import score_violations
from sojourn.conformance.target import claims_of
from sojourn.conformance.traffic import Exchange

Law = Callable[[Exchange], Iterator[str]]
ACTIVE_ONLY = ("list_user_sessions", "list_own_sessions", "list_sessions_of_user")
ORDERED_BY_NAME = ("list_logout_clients",)
MADE_NOW = ("create_session", "start_session")
CHALLENGES = {"apiKey": "ApiKey", "http": "Bearer"}
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:?\d\d)?")
_TOKENS = ("access_token", "token")
_DURATIONS = ("idle_timeout", "absolute_timeout", "access_expiry", "refresh_expiry", "leeway")
_OF_NOW = ("timestamp", "updated_at", "evaluated_at")


def document_of(exchange: Exchange) -> dict[str, Any]:
    """The answer's JSON object; an empty one where it has none."""
    try:
        found = exchange.reply.json
    except AssertionError:
        return {}
    return found if isinstance(found, dict) else {}


def name_of(exchange: Exchange) -> str:
    """The operation that was asked, or its method and path."""
    return exchange.operation.id if exchange.operation else f"{exchange.request.method} {exchange.request.path[:40]}"


def is_success(exchange: Exchange) -> bool:
    """Whether the request was done."""
    return 200 <= exchange.reply.status < 300


def members(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Every scalar in a document with the name of its member."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from members(item, key)
    elif isinstance(value, list):
        for item in value:
            yield from members(item, name)
    else:
        yield name, value


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in a document."""
    if isinstance(value, dict):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from objects(item)


def instants_are_utc(exchange: Exchange) -> Iterator[str]:
    """RFC 3339 in UTC, with `Z`."""
    for name, value in members(document_of(exchange)):
        if isinstance(value, str) and _INSTANT.fullmatch(value) and not value.endswith("Z"):
            yield f"{name} is {value!r}"


def instants_of_now(exchange: Exchange) -> Iterator[tuple[str, datetime, timedelta]]:
    """The members of an answer that say when it was made, or when what it made began; and how exact each is."""
    document = document_of(exchange)
    public = exchange.operation is not None and exchange.operation.scheme is None
    if is_success(exchange) and public:
        return  # the contract and its pages tell of examples
    found = [(name, value) for name, value in members(document) if name in _OF_NOW]
    if name_of(exchange) in MADE_NOW and is_success(exchange):
        session = document.get("data", document).get("session", {})
        told = b"authenticated_at" in (exchange.request.body or b"")
        begun = ("created_at", "last_active_at") if told else ("created_at", "authenticated_at", "last_active_at")
        found += [(name, session.get(name)) for name in begun]
    for name, value in found:
        try:
            yield name, instant(str(value)), timedelta(seconds=0 if "." in str(value) else 1)
        except ValueError:
            continue  # another law's


def refusals_are_problems(exchange: Exchange) -> Iterator[str]:
    """A problem document that tells of this request (RFC 9457 section 3.1)."""
    reply = exchange.reply
    if reply.status < 400 or exchange.request.method == "HEAD":
        return
    problem = document_of(exchange)
    if reply.media_type != "application/problem+json" or not problem:
        yield f"a refusal of type {reply.media_type!r} with {len(problem)} members"
        return
    if problem.get("status") != reply.status:
        yield f"its status is {problem.get('status')!r} in an answer of {reply.status}"
    asked, said = exchange.request.path, str(problem.get("instance", "")).partition("?")[0]
    if "instance" in problem and re.fullmatch(r"(?!//)[\w/-]{1,200}", asked) and not said.endswith(asked):
        yield f"its instance is {said!r}, asked for was {asked!r}"
    minted = problem.get("request_id", problem.get("requestId"))
    header = reply.headers.get("x-request-id")
    if minted is not None and header is not None and minted != header:
        yield f"its request id is {minted!r}, X-Request-ID is {header!r}"
    errors = [json.dumps(error, sort_keys=True) for error in problem.get("errors") or []]
    if len(set(errors)) != len(errors):
        yield "a violation is there twice"
    if "error" in problem and "detail" in problem and problem["error"] != problem["detail"]:
        yield "`error` and `detail` say different things"


def refused_callers_are_challenged(exchange: Exchange) -> Iterator[str]:
    """401 with the challenge of the operation's scheme (RFC 9110 section 11.6.1)."""
    if exchange.reply.status != 401:
        return
    said = exchange.reply.headers.get("www-authenticate", "")
    if not said:
        yield "a 401 without WWW-Authenticate"
    elif exchange.operation is not None and exchange.operation.scheme is not None:
        wanted = CHALLENGES.get(exchange.operation.scheme, "")
        if not said.startswith(wanted + " "):
            yield f"the challenge is {said!r}, the operation asks for {wanted}"


def pages_add_up(exchange: Exchange) -> Iterator[str]:
    """The numbers of a page agree with each other and with what was asked for."""
    document = document_of(exchange)
    if not is_success(exchange) or exchange.operation is None or "pagination" not in document:
        return
    asked = dict(exchange.request.query)
    if is_a_step(asked):
        yield from step_violations(document, asked)
        return
    yield from page_violations(document)
    for parameter in exchange.operation.named("query"):
        name = parameter["name"]
        if name in ("page", "page_size"):
            wanted = str(asked.get(name, parameter["schema"].get("default")))
            if wanted.isdigit() and document["pagination"][name] != int(wanted):
                yield f"{name} is {document['pagination'][name]}, asked for was {wanted}"


def rows_are_what_was_asked_for(exchange: Exchange) -> Iterator[str]:
    """Rows of the caller's tenant, of the user, status and kind that were asked for, each once."""
    if not is_success(exchange) or exchange.operation is None or exchange.request.method != "GET":
        return
    document, wanted = document_of(exchange), asked_of(exchange)
    listed = document.get("items", document.get("sessions"))
    rows = [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []
    for row in rows:
        for name, value in wanted.items():
            if name in row and row[name] != value:
                yield f"{name} of a row is {row[name]!r}, asked for was {value!r}"
    # What is refused may be so for several reasons: items that have a kind name their session more than once.
    named = [row for row in rows if {"id", "session_id"} & set(row) and "kind" not in row]
    keys = [str(row.get("id", row.get("session_id"))) for row in named]
    if len(set(keys)) != len(keys):
        yield "a row is there twice"
    asked = dict(exchange.request.query)
    by_time = exchange.operation.id not in ORDERED_BY_NAME
    order = asked.get("sort", "-created_at") if by_time else ""
    begun = [str(row["created_at"]) for row in rows if "created_at" in row]
    if order == "-created_at" and begun != sorted(begun, reverse=True):
        yield "the newest is not first"
    if order == "created_at" and begun != sorted(begun):
        yield "the oldest is not first"
    limit = asked.get("limit", "")
    if limit.isdigit() and len(rows) > int(limit):
        yield f"{len(rows)} rows, asked for were {limit}"


def asked_of(exchange: Exchange) -> dict[str, str]:
    """What the rows of a list must say: tenant, user, status, kind."""
    request, operation = exchange.request, exchange.operation
    assert operation is not None
    found = {}
    headers = {name.lower(): value for name, value in request.headers}
    tenant = headers.get("x-tenant-id") or claims_of(headers.get("authorization", "")).get("tenant_id")
    if operation.scheme is not None and isinstance(tenant, str):
        found["tenant_id"] = tenant
    asked = {name: unquote(value) for name, value in request.query}
    match = re.search(r"/(?:sessions|user)/([^/]+)(?:/sessions)?$", request.path)
    if match and "{user_id}" in operation.path:
        found["user_id"] = unquote(match[1])
    for name, member in (
        ("user_id", "user_id"),
        ("auth_user_id", "user_id"),
        ("status", "status"),
        ("type", "token_type"),
    ):
        if name in asked:
            found[member] = asked[name]
    if operation.id in ACTIVE_ONLY:
        found.setdefault("status", "active")
    return found


def what_is_named_is_told(exchange: Exchange) -> Iterator[str]:
    """A response is about the tenant that asked, and about what the path names."""
    operation, document = exchange.operation, document_of(exchange)
    if not is_success(exchange) or operation is None or operation.scheme is None or not document:
        return
    tenant = asked_of(exchange).get("tenant_id")
    for row in (found for found in objects(document) if tenant is not None and "tenant_id" in found):
        if row["tenant_id"] != tenant and "tenants" not in operation.path:
            yield f"tenant_id is {row['tenant_id']!r}, the caller's is {tenant!r}"
    for name, value in named_by_the_path(operation, exchange.request.path).items():
        kind = value.partition("_")[0]
        parts = (document, document.get("data"), document.get("session"))
        for one in (part for part in parts if isinstance(part, dict)):
            told = one.get(name, one.get("id"))
            is_it = isinstance(told, str) and (name in one or told.startswith(f"{kind}_"))
            if is_it and told != value:
                yield f"{name} is {told!r}, the path names {value!r}"


def named_by_the_path(operation: Operation, path: str) -> dict[str, str]:
    """The values of the path's parameters."""
    pairs = zip(operation.path.split("/"), path.split("/"), strict=False)
    return {template[1:-1]: unquote(value) for template, value in pairs if template.startswith("{")}


def what_was_sent_is_told(exchange: Exchange) -> Iterator[str]:
    """What an answer tells of the request's own members is what they were."""
    operation = exchange.operation
    if not is_success(exchange) or operation is None or operation.body_schema is None or not exchange.request.body:
        return
    try:
        sent = json.loads(exchange.request.body)
    except ValueError:
        return
    answer = document_of(exchange)
    told = (
        {**answer, **answer.get("data", answer).get("session", {})}
        if isinstance(answer.get("data", answer), dict)
        else {}
    )
    for name, value in sent.items() if isinstance(sent, dict) else ():
        member = "user_id" if name == "auth_user_id" else name
        if member not in operation_members(told) or name in ("token", "access_token", "refresh_token", "reason"):
            continue
        wanted = ",".join(value) if name == "amr" and isinstance(value, list) else value
        if operation.id == "elevate_session" and name == "amr" and set(value) <= set(str(told[member]).split(",")):
            continue  # a session that is raised keeps the methods that it had
        if told[member] != wanted and not _means_the_same(name, told[member], sent=sent):
            yield f"{member} is {told[member]!r}, sent was {wanted!r}"


def _means_the_same(name: str, told: Any, *, sent: dict[str, Any]) -> bool:
    """Whether an answer tells in its own form what was sent: with the time of each factor, which is a method, too.

    A duration may be written otherwise, and types of events stand in alphabetical order.
    """
    if name == "events":
        return bool(told == sorted(sent[name]))
    if name in _DURATIONS:
        return abs(duration(str(told)) - duration(str(sent[name]))) < MILLISECOND
    if name == "factors":
        return {one["method"] for one in told} == {one["method"] for one in sent[name]}
    if name == "amr" and "factors" in sent:
        return set(sent[name]) <= set(str(told).split(","))
    return name == "authenticated_at"  # another way to write the instant, and never one to come


def operation_members(told: dict[str, Any]) -> dict[str, Any]:
    """The members of an answer that can be compared with what was sent."""
    return {name: value for name, value in told.items() if not isinstance(value, dict)}


def numbers_add_up(exchange: Exchange) -> Iterator[str]:
    """Counts that stand in one answer agree."""
    if not is_success(exchange):
        return
    document = document_of(exchange)
    if {"total_sessions", "active_sessions", "expired_sessions", "revoked_sessions"} <= set(document):
        parts = sum(document[f"{name}_sessions"] for name in ("active", "expired", "revoked"))
        parts += document.get("suspended_sessions", 0)
        if document["total_sessions"] != parts:
            yield f"total_sessions is {document['total_sessions']}, its parts make {parts}"
    kinds = document.get("device_breakdown")
    if kinds is not None and sum(kinds.values()) != document.get("total_sessions"):
        yield f"the kinds of device make {sum(kinds.values())} of {document.get('total_sessions')}"
    if {"active", "session_count"} <= set(document) and document["active"] is not (document["session_count"] > 0):
        yield f"active is {document['active']} with {document['session_count']} sessions"
    bulk = {"succeeded", "failed", "total"} <= set(document)
    if bulk and len(document["succeeded"]) + len(document["failed"]) != document["total"]:
        yield "succeeded and failed are not the total"
    rows = document.get("sessions", document.get("items"))
    if isinstance(rows, list) and document.get("total", len(rows)) < len(rows):
        yield f"{len(rows)} rows of {document['total']}"
    yield from score_violations(document)
    for row in objects(document):
        yield from _times_of(row)
        yield from _seconds_left(row, exchange)


def _seconds_left(row: dict[str, Any], exchange: Exchange) -> Iterator[str]:
    """`expires_in` of a pair of tokens is what is left until the `exp` of its access token, but for a second or two."""
    left, ends = row.get("expires_in"), claims_of(str(row.get("access_token", ""))).get("exp")
    if not isinstance(left, int) or not isinstance(ends, int | float):
        return
    earliest, latest = ends - exchange.received.timestamp() - 2, ends - exchange.sent.timestamp() + 2
    if not earliest <= left <= latest:
        yield f"expires_in is {left}, the token's own `exp` is {latest:.0f} seconds away"


def what_a_token_says_is_told(exchange: Exchange) -> Iterator[str]:
    """The claims that a response tells of a token are the claims in it."""
    if not is_success(exchange) or exchange.request.method != "POST" or not exchange.request.body:
        return
    try:
        sent = json.loads(exchange.request.body)
    except ValueError:
        return
    claims = (
        claims_of(str(next((sent[name] for name in _TOKENS if name in sent), ""))) if isinstance(sent, dict) else {}
    )
    told = document_of(exchange).get("claims")
    if not claims or not isinstance(told, dict):
        return
    for name, value in told.items():
        if claims.get(name) != value:
            yield f"the claim {name} is {value!r}, the token says {claims.get(name)!r}"


def _times_of(row: dict[str, Any]) -> Iterator[str]:
    """The times of a session, token or device are in their order."""
    order = ("created_at", "last_activity", "last_active_at", "idle_expires_at", "expires_at")
    there = [name for name in order if isinstance(row.get(name), str)]
    try:
        times = [instant(row[name]) for name in there]
    except ValueError:
        return
    if times != sorted(times):
        yield f"out of order: {', '.join(f'{name} {row[name]}' for name in there)}"
    if str(row.get("first_seen_at", "")) > str(row.get("last_seen_at", "~")):
        yield f"first seen at {row['first_seen_at']}, last seen at {row['last_seen_at']}"
    if row.get("status") in ("active", "expired") and "revoked_at" in row:
        yield f"{row.get('id')} is {row['status']} and was revoked at {row['revoked_at']}"
