"""Rotation and races: a refresh token works once, reuse ends the session, tabs that race do not end it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import jwt

from sojourn.conformance.checks import check
from sojourn.conformance.instants import now
from sojourn.conformance.wire import Reply
from sojourn.conformance.world import SignIn, World, expect

_ROTATION = "the contract, refresh_tokens; RFC 9700 section 4.14.2"
RACERS = 8
REFRESHES_A_MINUTE = 240
"""More than a session may have in two minutes, both of which a run may touch."""


def race(call: Callable[[], Reply], racers: int = RACERS) -> list[Reply]:
    """The same call made by several at once."""
    with ThreadPoolExecutor(racers) as pool:
        return list(pool.map(lambda _: call(), range(racers)))


@check(
    "ROT-001",
    "A refresh MUST give another pair whose tokens are valid.",
    source=_ROTATION,
    feature="refresh-rotation",
)
def test_a_refresh_gives_a_new_pair_that_works(world: World) -> None:
    made = world.first.sign_in()
    pair = expect(world.first.refresh(made.refresh), 200).json
    assert pair["refresh_token"] != made.refresh, "the refresh token was not rotated"
    assert pair["access_token"] != made.access, "the access token is the old one"
    assert world.first.is_good(pair["access_token"]), "the new access token is refused"
    expect(world.first.bearer(pair["access_token"], "get_session", session_id=made.id), 200)
    expect(world.first.refresh(pair["refresh_token"]), 200)


@check(
    "ROT-002",
    "A refresh token whose successor was already exchanged MUST be refused, and MUST end its session at once.",
    source=_ROTATION,
    feature="refresh-rotation",
)
def test_the_replay_of_an_old_token_ends_the_session(world: World) -> None:
    made = world.first.sign_in()
    second = expect(world.first.refresh(made.refresh), 200).json
    third = expect(world.first.refresh(second["refresh_token"]), 200).json
    expect(world.first.refresh(made.refresh), 401)
    assert world.first.status_of(made.id) == "revoked", "the session lives on"
    assert not world.first.is_good(third["access_token"]), "the latest access token is still good"
    expect(world.first.refresh(third["refresh_token"]), 401)


@check(
    "ROT-003",
    "A refresh whose response was lost MUST give the same successor when it is sent again.",
    source=_ROTATION,
    feature="refresh-rotation",
)
def test_a_lost_answer_can_be_asked_for_again(world: World) -> None:
    made = world.first.sign_in()
    first, again = (expect(world.first.refresh(made.refresh), 200).json for _ in range(2))
    assert first["refresh_token"] == again["refresh_token"], "it forked"
    assert world.first.status_of(made.id) == "active", "the user was signed out"


@check(
    "ROT-004",
    "Simultaneous refreshes MUST NOT sign the user out, nor split the token family.",
    source=_ROTATION,
    feature="refresh-rotation",
)
def test_refreshes_that_race_do_not_end_the_session(world: World) -> None:
    made = world.first.sign_in()
    replies = race(lambda: world.first.refresh(made.refresh))
    tokens = {expect(reply, 200).json["refresh_token"] for reply in replies}
    assert len(tokens) == 1, f"{len(tokens)} successors of one token"
    assert world.first.status_of(made.id) == "active", "the user was signed out"
    expect(world.first.refresh(tokens.pop()), 200)


@check(
    "ROT-005",
    "A forged refresh token MUST be refused and change nothing.",
    source=_ROTATION,
    feature="refresh-rotation",
)
def test_a_forged_refresh_token_changes_nothing(world: World) -> None:
    made = world.first.sign_in()
    for place in range(4, len(made.refresh) - 1, max(1, len(made.refresh) // 6)):
        other = "A" if made.refresh[place] != "A" else "B"
        expect(world.first.refresh(made.refresh[:place] + other + made.refresh[place + 1 :]), 400, 401)
    assert world.first.status_of(made.id) == "active", "a forgery ended the session"
    expect(world.first.refresh(made.refresh), 200)


@check(
    "ROT-006",
    "Rotating the access token MUST leave the refresh token valid.",
    source="the contract, rotate_access_token",
    feature="refresh-rotation",
)
def test_rotating_the_access_token_leaves_the_refresh_token(world: World) -> None:
    made = world.first.sign_in()
    body = {"refresh_token": made.refresh}
    access = expect(world.first.anyone("rotate_access_token", body=body), 200).json["access_token"]
    assert access != made.access, "it is the old one"
    assert world.first.is_good(access), "the new one is refused"
    expect(world.first.refresh(made.refresh), 200)


@check(
    "ROT-007",
    "A bearer token of another session beside a refresh token MUST be refused and spend nothing.",
    source="the contract, refresh_tokens",
    feature="refresh-rotation",
)
def test_a_bearer_of_another_session_spends_nothing(world: World) -> None:
    made, other = world.first.sign_in(), world.first.sign_in()
    body = {"refresh_token": made.refresh}
    expect(world.first.bearer(other.access, "refresh_tokens", body=body), 401, 403)
    expect(world.first.bearer(made.access, "refresh_tokens", body=body), 200)


@check(
    "ROT-008",
    "After an acknowledged revocation nothing MUST be renewed, whatever was under way.",
    source=_ROTATION,
    feature="refresh-rotation",
)
def test_nothing_is_renewed_after_a_revocation(world: World) -> None:
    for _ in range(3):
        made = world.first.sign_in()
        with ThreadPoolExecutor(RACERS) as pool:
            refreshes = [pool.submit(world.first.refresh, made.refresh) for _ in range(RACERS - 1)]
            revoked = pool.submit(world.first.admin, "revoke_session", session_id=made.id)
            expect(revoked.result(), 204)
        for reply in (item.result() for item in refreshes):
            expect(reply, 200, 401)
            if reply.status == 200:
                assert not world.first.is_good(reply.json["access_token"]), "a token is good after the revocation"
                expect(world.first.refresh(reply.json["refresh_token"]), 401)
        assert world.first.status_of(made.id) == "revoked", "a refresh revived it"


@check(
    "ROT-009",
    "Sessions that are created at once MUST all exist and be counted.",
    source="the contract, create_session and count_active_sessions",
)
def test_sessions_created_at_once_all_count(world: World) -> None:
    user = world.new_user()
    made: list[SignIn] = []
    with ThreadPoolExecutor(RACERS) as pool:
        made = list(pool.map(lambda _: world.first.sign_in(user), range(2 * RACERS)))
    assert len({item.id for item in made}) == 2 * RACERS, "two sessions have one id"
    counted = expect(world.first.service("check_user_active", user_id=user), 200).json["session_count"]
    assert counted == 2 * RACERS, f"{2 * RACERS} were created, {counted} are counted"


@check(
    "ROT-010",
    "A session that many end at once MUST be counted as revoked once.",
    source="the contract, get_session_stats",
)
def test_a_session_ended_by_many_is_counted_once(world: World) -> None:
    made = world.first.sign_in()
    before = expect(world.first.admin("get_session_stats"), 200).json
    for reply in race(lambda: world.first.admin("revoke_session", session_id=made.id)):
        expect(reply, 204)
    after = expect(world.first.admin("get_session_stats"), 200).json
    assert after["revoked_sessions"] - before["revoked_sessions"] == 1, "it is counted more than once"


@check(
    "ROT-011",
    "More refreshes than are allowed MUST be 429 with `Retry-After`, and spend no token.",
    source="the contract, refresh_tokens (429); RFC 6585 section 4",
    profile="full",
    feature="refresh-rotation",
)
def test_too_many_refreshes_are_told_to_wait(world: World) -> None:
    made = world.first.sign_in()
    token = made.refresh
    for _ in range(REFRESHES_A_MINUTE):
        reply = world.first.refresh(token)
        if reply.status != 200:
            break
        token = reply.json["refresh_token"]  # a token that is spent again and again is a replay some time
    expect(reply, 429)
    assert int(reply.headers["retry-after"]) >= 1, "it says to come back at once"
    assert world.first.status_of(made.id) == "active", "impatience ended the session"


@check(
    "ROT-012",
    "An access token MUST be verifiable with the published keys and carry its claims.",
    source="RFC 9068 section 2.2; the contract, get_key_set",
)
def test_an_access_token_is_verified_by_the_published_keys(world: World) -> None:
    made = world.first.sign_in()
    keys = jwt.PyJWKSet.from_dict(expect(world.first.anyone("get_key_set"), 200).json)
    head = jwt.get_unverified_header(made.access)
    assert head["alg"] != "none", "it is not signed"
    key = next((item for item in keys.keys if item.key_id == head["kid"]), None)
    assert key is not None, f"the key {head['kid']} is not published"
    claims = jwt.decode(made.access, key, algorithms=[head["alg"]], options={"verify_aud": False})
    assert (claims["sub"], claims["tenant_id"], claims["sid"]) == (made.user, world.first.id, made.id)
    assert claims["iat"] <= now().timestamp() + 60 < claims["exp"] + 60, "its times are not of now"


@check(
    "ROT-013",
    "Tokens for a tenant other than the header's MUST be refused with 400.",
    source="the contract, generate_tokens",
)
def test_tokens_are_made_for_the_tenant_of_the_header_only(world: World) -> None:
    made = world.first.sign_in()
    body = {"session_id": made.id, "tenant_id": f"not-{world.first.id}", "auth_user_id": made.user}
    expect(world.first.service("generate_tokens", body=body), 400)
    pair = world.first.service("generate_tokens", body={**body, "tenant_id": world.first.id})
    assert world.first.is_good(expect(pair, 200).json["access_token"])
