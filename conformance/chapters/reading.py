"""The five reads, from reads alone: who may ask, for whom, how, and that what is shown stays so.

Nothing is written. What a server may leave out (pages of a list that has none in its documents, languages, `Accept`)
is judged only where it responds at all: then it must do so in every operation.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from sojourn.conformance.chapters.authentication import changed_claims, tampered, unsigned_tokens
from sojourn.conformance.chapters.seed import (
    NOBODY,
    SEEDS,
    ask,
    each_seed,
    some_users,
    statistics,
    steady,
)
from sojourn.conformance.checks import NotApplicable, check
from sojourn.conformance.target import subject_of
from sojourn.conformance.wire import Raw, Reply
from sojourn.conformance.world import World, expect

INTERNAL, ADMINISTRATIVE = SEEDS[:3], SEEDS[3:]
PAGED = ("list_user_sessions", "list_trusted_devices")
WRONG_PAGES = (
    ("page", "0"),
    ("page", "-1"),
    ("page", "x"),
    ("page_size", "0"),
    ("page_size", "x"),
    ("page_size", "1.5"),
)


def valid(world: World, operation: str, *, user: str = NOBODY) -> Raw:
    """A request of one of the five, with its credentials."""
    if operation in ADMINISTRATIVE:
        return world.first.request(operation).with_header("Authorization", f"Bearer {world.first.admin_token}")
    return world.first.request(operation, user_id=user).with_header("X-API-Key", world.target.api_key)


def takes(world: World, operation: str, **query: str) -> bool:
    """Whether a server knows a parameter that the five pages do not have."""
    request = valid(world, operation)
    for name, value in query.items():
        request = request.with_query(name, value)
    reply = expect(world.send(request), 200, 400)
    return reply.status == 200


@check(
    "SED-017",
    "A query parameter that is not documented MUST be refused with 400, every time.",
    source="the contract; the five seed pages, 400",
    profile="seed",
)
@each_seed
def test_an_unknown_parameter_is_refused(world: World, seed_operation: str) -> None:
    for name in ("colour", "PAGE", "user"):
        for _ in range(2):
            expect(world.send(valid(world, seed_operation).with_query(name, "1")), 400)
    if takes(world, seed_operation, page="2"):
        expect(world.send(valid(world, seed_operation).with_query("page", "2").with_query("colour", "1")), 400)
    if takes(world, seed_operation, limit="2"):
        expect(world.send(valid(world, seed_operation).with_query("limit", "2").with_query("colour", "1")), 400)


@check(
    "SED-018",
    "A page, limit, order or filter that cannot be MUST be refused with 400, every time.",
    source="the contract, pagination",
    profile="seed",
)
@each_seed
def test_a_page_that_cannot_be_is_refused(world: World, seed_operation: str) -> None:
    wrong: list[tuple[str, str]] = []
    if takes(world, seed_operation, page="1"):
        largest = str(maximum(world, seed_operation, name="page_size") + 1)
        wrong += [*WRONG_PAGES, ("page_size", largest), ("page", "")]
    if takes(world, seed_operation, limit="1"):
        largest = str(maximum(world, seed_operation, name="limit") + 1)
        wrong += [("limit", text) for text in ("0", "-1", "x", "", "1.5", largest)] + [("cursor", "x"), ("cursor", "")]
    for parameter in world.operation(seed_operation).named("query"):
        values = parameter["schema"].get("enum", ())
        if values and takes(world, seed_operation, **{parameter["name"]: values[0]}):
            wrong += [(parameter["name"], "neither"), (parameter["name"], values[0].upper())]
    plain = valid(world, seed_operation)
    later = plain.with_query("cursor", first_row(world)) if seed_operation in ADMINISTRATIVE else plain
    for name, value in wrong:
        for request in (plain, later.with_query("page", "2") if seed_operation in PAGED else later):
            for _ in range(2):
                expect(world.send(request.with_query(name, value)), 400)


def maximum(world: World, operation: str, *, name: str) -> int:
    """The largest value of a parameter by the contract."""
    found = [item["schema"] for item in world.operation(operation).named("query") if item["name"] == name]
    return int(found[0].get("maximum", 2**31 - 2)) if found else 2**31 - 2


@check(
    "SED-019",
    "A token that is unsigned, changed or of another kind MUST be refused with 401, every time.",
    source="RFC 7519 section 7.2; RFC 8725 section 3.2; RFC 6750 section 3.1",
    profile="seed",
)
@pytest.mark.parametrize("seed_operation", ADMINISTRATIVE)
def test_a_token_that_is_none_opens_nothing(world: World, seed_operation: str) -> None:
    token = world.first.admin_token
    bare = world.first.request(seed_operation)
    for value in (*unsigned_tokens(token), tampered(token), changed_claims(token), token[:-1], "x.y.z", "x"):
        for _ in range(2):
            expect(world.send(bare.with_header("Authorization", f"Bearer {value}")), 401)
    for header in ("Bearer", f"Token {token}", "Basic YTpi"):
        expect(world.send(bare.with_header("Authorization", header)), 401)
    for _ in range(2):
        expect(world.send(bare), 401)
        expect(world.send(bare.with_header("X-API-Key", world.target.api_key)), 401)
    if takes(world, seed_operation, limit="1"):
        paged = bare.with_query("limit", "1").with_query("cursor", str(first_row(world)))
        for value in (*unsigned_tokens(token), tampered(token)):
            expect(world.send(paged.with_header("Authorization", f"Bearer {value}")), 401)
        expect(world.send(paged), 401)


def first_row(world: World) -> str:
    """The id of a row of the list of all sessions, or one that could be."""
    rows = expect(ask(world, "list_all_sessions"), 200).json["sessions"]
    return str(rows[0]["session_id"]) if rows else "01968a3c-5c00-7000-8000-00a1b2c3d4e5"


@check(
    "SED-020",
    "A key that is not the right one, to the letter, MUST be refused with 401, every time.",
    source="the seed pages, 401",
    profile="seed",
)
@pytest.mark.parametrize("seed_operation", INTERNAL)
def test_another_key_opens_nothing(world: World, seed_operation: str) -> None:
    key = world.target.api_key
    bare = world.first.request(seed_operation, user_id=NOBODY)
    requests = [bare, bare.with_query("page", "2")] if seed_operation in PAGED else [bare]
    for request in requests:
        for wrong in ("wrong", "", key[:-1], key + "x", key.swapcase(), "a" * 300):
            for _ in range(2):
                if wrong != key:
                    expect(world.send(request.with_header("X-API-Key", wrong)), 401)
        for _ in range(2):
            expect(world.send(request), 401)
            expect(world.send(request.with_header("Authorization", f"Bearer {world.first.admin_token}")), 401)


@check(
    "SED-021",
    "A tenant MUST see what is its own: a user of one is nobody in another.",
    source="the seed pages, X-Tenant-ID",
    profile="seed",
)
def test_a_user_is_nobody_in_another_tenant(world: World) -> None:
    for user in [*some_users(world)][:2]:
        for operation in INTERNAL:
            for other in ("tnt-nobody-ever-was", f"{world.first.id}x"):
                for _ in range(2):
                    reply = world.send(valid(world, operation, user=user).with_header("X-Tenant-ID", other))
                    expect(reply, 200, 403, 404)
                    assert not is_something(reply), f"{operation} of {user} has something in the tenant {other}"
    for operation in INTERNAL:
        for _ in range(2):
            expect(world.send(valid(world, operation).with_header("X-Tenant-ID", "a b")), 400)
            expect(world.send(valid(world, operation).without("X-Tenant-ID")), 400)


def is_something(reply: Reply) -> bool:
    """Whether an answer tells of anything; a refusal does not."""
    if reply.status != 200:
        return False
    members = reply.json
    return any(members.get(name) for name in ("total", "session_count", "active", "items"))


@check(
    "SED-022",
    "A user's id MUST be taken to the letter: case, length, and whatever stands in it.",
    source="the contract, user_id",
    profile="seed",
)
def test_a_users_id_is_taken_to_the_letter(world: World) -> None:
    known = some_users(world)
    for user in [*known][:2]:
        for other in (
            f"{user}.nobody",
            f"{user}-nobody",
            user.swapcase(),
            user.upper(),
            user[:-1],
            f"{user}x",
            f"{user}%20x",
        ):
            if other in known or other == user or not other.strip("."):
                continue
            for operation in INTERNAL:
                for _ in range(2):
                    reply = world.send(valid(world, operation, user=other))
                    if is_something(reply) and not known_elsewhere(world, other):
                        raise AssertionError(f"{operation} of {other}, who is not {user}, has something")
    for user in known:
        for operation in INTERNAL:
            expect(world.send(valid(world, operation, user=user)), 200)


def known_elsewhere(world: World, user: str) -> bool:
    """Whether the list of all sessions shows such a user, too."""
    rows = expect(ask(world, "list_all_sessions"), 200).json["sessions"]
    return any(user in (row["username"], str(row["user_id"])) for row in rows)


@check(
    "SED-026",
    "The same request MUST get the same response as long as nothing happened.",
    source="RFC 9110 section 9.2.1",
    profile="seed",
)
@each_seed
def test_what_is_asked_again_is_answered_alike(world: World, seed_operation: str) -> None:
    users = [*some_users(world), NOBODY] if seed_operation in INTERNAL else [NOBODY]

    def read() -> Iterator[str]:
        first = [told(ask(world, seed_operation, user=user)) for user in users]
        again = [told(ask(world, seed_operation, user=user)) for user in users]
        for user, before, after in zip(users, first, again, strict=True):
            if before != after:
                yield f"asked again, {seed_operation} of {user} is another"

    steady(read)


def told(reply: Reply) -> Any:
    """What an answer tells, but for the instant of it."""
    document = expect(reply, 200, 404).json
    if reply.status == 404:
        pytest.skip("the server knows no such tenant")
    return {name: value for name, value in document.items() if name not in ("timestamp", "updated_at")}


@check(
    "SED-027",
    "Languages and `Accept` MUST be honoured by all of the operations or by none.",
    source="RFC 9110 section 12",
    profile="seed",
)
def test_what_is_negotiated_is_negotiated_everywhere(world: World) -> None:
    languages: dict[tuple[str, bool], str] = {}
    statuses: dict[int, str] = {}
    for operation in SEEDS:
        for _ in range(2):
            refused = world.first.request(operation, user_id=NOBODY).with_header("Accept-Language", "zh-CN")
            reply = expect(world.send(refused), 401)
            said = reply.headers.get("content-language", ""), any(letter >= "\u4e00" for letter in reply.json["title"])
            languages.setdefault(said, operation)
            answered = world.send(valid(world, operation).with_header("Accept", "image/png"))
            statuses.setdefault(expect(answered, 200, 406).status, operation)
    assert len(languages) == 1, f"asked for Chinese, they answer in different ways: {languages}"
    assert len(statuses) == 1, f"asked for a picture, they answer in different ways: {statuses}"


@check(
    "SED-028",
    "A user without the role of an administrator MUST be refused with 403, and a token that has ended with 401.",
    source="seed GET /admin/sessions/stats, 401 and 403",
    profile="seed",
)
@pytest.mark.parametrize("seed_operation", ADMINISTRATIVE)
def test_a_user_reads_no_numbers(world: World, seed_operation: str) -> None:
    given: list[tuple[str | None, int]] = [(world.target.user_token, 403), (world.target.expired_token, 401)]
    if not any(token for token, _ in given):
        raise NotApplicable("needs --user-token or --expired-token")
    bare = world.first.request(seed_operation)
    requests = [bare]
    if takes(world, seed_operation, limit="1"):
        requests += [bare.with_query("limit", "1"), bare.with_query("cursor", first_row(world))]
    for token, status in given:
        for request in requests:
            for _ in range(2 if token else 0):
                expect(world.send(request.with_header("Authorization", f"Bearer {token}")), status)


@check(
    "SED-029",
    "An administrator's numbers MUST be asked for by name: the statistics name the one who asked, each time.",
    source="seed GET /admin/sessions/stats",
    profile="seed",
)
def test_the_numbers_are_those_of_the_one_who_asks(world: World) -> None:
    subject = subject_of(world.target.admin_token)

    def read() -> Iterator[str]:
        said = [statistics(world)["user_id"] for _ in range(3)]
        if len(set(said)) > 1 or (subject is not None and said[0] != subject):
            yield f"asked as {subject}, the statistics are for {', '.join(said)}"

    steady(read)
