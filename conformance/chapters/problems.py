"""Problems and languages: every refusal is a problem document that says the same in each language."""

import json
import re
from collections.abc import Iterator
from typing import Any

from sojourn.conformance.chapters.walks import wrong_parts
from sojourn.conformance.checks import NotApplicable, check
from sojourn.conformance.contexts import tenants_for
from sojourn.conformance.contract import Operation
from sojourn.conformance.fresh import authorised, valid_request, values_for
from sojourn.conformance.wire import Raw, Reply
from sojourn.conformance.world import World, expect
from sojourn.openapi.document import METHODS

_ERRORS = "the contract, Problems; RFC 9457"
_LANGUAGES = "the contract, Problems: title and detail follow Accept-Language"
UNCHANGED = ("status", "code", "type", "i18n_key")
CANARY = "canary-5e1f"


def refusals(world: World) -> Iterator[Reply]:
    """One refusal of each kind that is easily had."""
    stats = world.first.request("get_session_stats")
    session = world.first.sign_in()
    yield expect(world.send(stats), 401)
    yield expect(world.first.bearer(session.access, "get_session_stats"), 403)
    yield expect(world.first.admin("get_session", session_id="sess_nobody"), 404)
    yield expect(_as_admin(world, stats.with_query("colour", "red")), 400)
    yield expect(_as_admin(world, stats.copy(path="/no/such/path")), 404)
    yield expect(_as_admin(world, stats.copy(method="PATCH")), 405)
    yield expect(_as_admin(world, stats.with_header("Accept", "image/png")), 406)
    create = world.first.request("create_session").with_header("X-API-Key", world.target.api_key)
    yield expect(world.send(create.with_header("Content-Type", "text/plain")), 415)


def _as_admin(world: World, request: Raw) -> Reply:
    return world.send(request.with_header("Authorization", f"Bearer {world.first.admin_token}"))


@check("PRB-001", "Every refusal MUST be a problem document with the status of the response.", source=_ERRORS)
def test_every_refusal_is_a_problem_document(world: World) -> None:
    wanted = {"type", "title", "status", "detail", "code", "i18n_key", "instance", "request_id", "trace_id", "span_id"}
    for reply in refusals(world):
        assert reply.media_type == "application/problem+json", f"{reply.status} of type {reply.media_type!r}"
        assert reply.json["status"] == reply.status, f"{reply.status} says {reply.json['status']}"
        assert wanted <= set(reply.json), f"{reply.status} lacks {', '.join(sorted(wanted - set(reply.json)))}"
        assert len(str(reply.json["code"])) == 8, f"the code {reply.json['code']} has not eight digits"


@check("PRB-002", "The `type` of a problem MUST lead to its documentation.", source=_ERRORS)
def test_the_type_of_a_problem_leads_to_its_page(world: World) -> None:
    for reply in refusals(world):
        slug = str(reply.json["type"]).rpartition("/")[2]
        page = expect(world.first.anyone("get_problem_type", slug=slug), 200).json
        for name in ("status", "code", "i18n_key", "title"):
            assert page[name] == reply.json[name], f"{slug}: {name} is {reply.json[name]}, its page says {page[name]}"


@check(
    "PRB-003",
    "All broken rules MUST be listed at once, each with its field.",
    source="the contract, Strictness; schema FieldViolation",
)
def test_all_violations_are_told_at_once(world: World) -> None:
    valid = world.first.request("list_user_sessions", user_id="usr_nobody").with_header(
        "X-API-Key", world.target.api_key
    )
    wrong = valid.with_query("page", "0").with_query("page_size", "x").with_query("colour", "red")
    fields = [item["field"] for item in expect(world.send(wrong), 400).json["errors"]]
    assert sorted(fields) == ["colour", "page", "page_size"], f"told of {fields}"
    body = {"auth_user_id": 5, "colour": "red", "amr": ["password", 7], "ip": "127.0.0.256"}
    fields = [item["field"] for item in expect(world.first.service("create_session", body=body), 400).json["errors"]]
    assert sorted(set(fields)) == ["amr[1]", "auth_user_id", "colour", "ip"], f"told of {fields}"


@check(
    "PRB-008",
    "All broken rules of every operation MUST be listed at once, each with its field, every time.",
    source="the contract, Strictness; schema FieldViolation",
)
def test_everything_that_is_wrong_is_named_at_once(world: World, operation: Operation) -> None:
    complaints: list[str] = []
    for tenant in tenants_for(operation, world):
        valid = authorised(operation, tenant, request=operation.request(values_for(operation, tenant)))
        for names, request in all_wrong(operation, valid):
            for language in ("en", "zh-CN", "en", "zh-CN"):
                reply = expect(world.send(request.with_header("Accept-Language", language)), 400)
                told = {re.split(r"[.\[]", str(item["field"]))[0] for item in reply.json.get("errors", ())}
                if "code" in reply.json and told - {"body"} != names:  # a rule about several members names the body
                    complaints.append(f"for {tenant.id}: wrong were {sorted(names)}, told of {sorted(told)}")
    assert not complaints, f"{len(complaints)}: {complaints[0]}"


def all_wrong(operation: Operation, valid: Raw) -> Iterator[tuple[set[str], Raw]]:
    """Every parameter wrong at once with one that nobody declared; and every member likewise."""
    query, members = valid.with_query("colour", "red"), {"colour": "red"}
    names = {"colour"}
    for name, request in wrong_parts(operation, valid):
        if request.body == valid.body:
            query = query.with_query(name, dict(request.query)[name])
            names.add(name)
        else:
            members[name] = json.loads(request.body or b"{}")[name]
    yield names, query
    if len(members) > 1:
        yield set(members), valid.with_body(members)


@check(
    "PRB-004",
    "A refused value MUST NOT be repeated in the problem.",
    source="the contract, Strictness; schema FieldViolation",
)
def test_a_refused_value_is_not_repeated(world: World, operation: Operation) -> None:
    if operation.body_schema is None:
        raise NotApplicable("no body")
    valid = valid_request(operation, world.first)
    members = json.loads(valid.body or b"{}")
    for name, sent in members.items():
        wrong = [CANARY] if isinstance(sent, dict) else {CANARY: CANARY}
        reply = expect(world.send(valid.with_body({**members, name: wrong})), 400)
        assert CANARY not in reply.text, f"the value of {name} is repeated"


@check(
    "PRB-005",
    "An unknown path MUST be 404, an unknown method 405 with all methods of the path in `Allow`.",
    source="the contract, Strictness; RFC 9110 section 15.5.6",
)
def test_a_wrong_method_is_told_the_right_ones(world: World, operation: Operation) -> None:
    valid = valid_request(operation, world.first)
    for method in METHODS:
        if method.upper() in operation.path_methods or method == "trace":
            continue
        reply = expect(world.send(valid.copy(method=method.upper(), body=None)), 405)
        allowed = {name.strip() for name in reply.headers.get("allow", "").split(",")}
        assert allowed == operation.path_methods, f"Allow is {sorted(allowed)}"
    expect(world.send(valid.copy(path=valid.path + "/")), 404)


@check(
    "PRB-006",
    "A request id MUST be echoed in header and problem; without one the server MUST make one.",
    source="the contract, Tracing",
)
def test_a_request_id_is_echoed_or_minted(world: World) -> None:
    request = world.first.request("get_session_stats")
    reply = world.send(request.with_header("X-Request-ID", "conformance-1"))
    assert reply.headers.get("x-request-id") == "conformance-1", f"echoed {reply.headers.get('x-request-id')!r}"
    assert reply.json["request_id"] == "conformance-1", "the problem has another one"
    minted = [world.send(request).headers.get("x-request-id") for _ in range(2)]
    assert all(minted), "none was minted"
    assert minted[0] != minted[1], "the same one was minted twice"


@check(
    "PRB-007",
    "A trace MUST be continued; a malformed `traceparent` MUST be ignored.",
    source="the contract, Tracing; W3C Trace Context section 3.2",
)
def test_a_trace_is_continued_and_a_malformed_one_ignored(world: World) -> None:
    request = world.first.request("get_session_stats")
    trace = "0af7651916cd43dd8448eb211c80319c"
    continued = expect(world.send(request.with_header("traceparent", f"00-{trace}-b7ad6b7169203331-01")), 401).json
    assert trace in continued["trace_id"], f"the trace is {continued['trace_id']}"
    assert continued["span_id"] != "b7ad6b7169203331", "the caller's own span"
    for wrong in ("00-xyz", f"00-{'0' * 32}-b7ad6b7169203331-01", f"ff-{trace}-b7ad6b7169203331-01"):
        answer = expect(world.send(request.with_header("traceparent", wrong)), 401).json
        assert trace not in answer["trace_id"], f"{wrong} was continued"


@check(
    "LNG-001",
    "Titles and details MUST follow `Accept-Language`; what programs read MUST NOT.",
    source=_LANGUAGES,
    feature="i18n",
)
def test_a_problem_speaks_the_readers_language(world: World) -> None:
    english, chinese = (_in_language(world, language) for language in ("en", "zh-CN"))
    for name in UNCHANGED:
        assert english[name] == chinese[name], f"{name} changes with the language"
    for name in ("title", "detail"):
        assert english[name] != chinese[name], f"{name} does not follow the language"
        assert any("\u4e00" <= letter <= "\u9fff" for letter in chinese[name]), f"{name} is not Chinese"
    assert english["errors"][0]["description"] != chinese["errors"][0]["description"], "violations do not follow"


@check(
    "LNG-002",
    "The language MUST be chosen by quality, English where none fits.",
    source="RFC 9110 section 12.5.4",
    feature="i18n",
)
def test_the_language_is_chosen_by_quality(world: World) -> None:
    english, chinese = (_in_language(world, language)["title"] for language in ("en", "zh-CN"))
    for accepted, wanted in (
        ("zh-CN;q=0.2, en;q=0.9", english),
        ("en;q=0.2, zh-CN;q=0.9", chinese),
        ("tlh", english),
        ("zh", chinese),
        ("*", english),
        ("zh-CN;q=0", english),
        ("garbage;;;q=x", english),
    ):
        assert _in_language(world, accepted)["title"] == wanted, f"{accepted!r} is answered in the wrong language"


@check(
    "LNG-003",
    "A problem MUST say the language that it is written in.",
    source="RFC 9110 section 8.5",
    feature="i18n",
)
def test_a_problem_says_its_language(world: World) -> None:
    for language in ("en", "zh-CN"):
        request = world.first.request("get_session_stats").with_header("Accept-Language", language)
        said = expect(world.send(request), 401).headers.get("content-language")
        assert said == language, f"asked for {language}, Content-Language is {said!r}"


@check("LNG-004", "Every kind of problem MUST have a page in each language.", source=_LANGUAGES, feature="i18n")
def test_every_kind_of_problem_has_a_page_in_each_language(world: World) -> None:
    for item in expect(world.first.anyone("list_problem_types"), 200).json["items"]:
        page = world.first.request("get_problem_type", slug=item["slug"])
        english, chinese = (
            expect(world.send(page.with_header("Accept-Language", language)), 200).json for language in ("en", "zh-CN")
        )
        assert english["code"] == chinese["code"] == item["code"], f"{item['slug']}: the codes differ"
        assert english["title"] != chinese["title"], f"{item['slug']} is not translated"


def _in_language(world: World, language: str) -> dict[str, Any]:
    request = world.first.request("get_session_stats").with_query("colour", "red")
    document: dict[str, Any] = expect(_as_admin(world, request.with_header("Accept-Language", language)), 400).json
    return document
