"""Refresh tokens, by the rows of the requirements: F (refresh), X (leakage)."""

import base64
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import on_sqlite
from tests.http.conftest import Client, FrozenClock
from tests.http.tokens import bearer, generate, refresh, sign_in, status_of, validate


def claims(token: str) -> dict[str, Any]:
    """The claims of a JWT, unverified."""
    part = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def test_a_refresh_gives_a_new_pair_that_works(client: Client) -> None:
    signed_in = sign_in(client)
    first = signed_in["tokens"]

    response = refresh(client, first["refresh_token"])

    assert response.status_code == 200, response.text
    second = response.json()
    assert second["refresh_token"] != first["refresh_token"]
    assert second["access_token"] != first["access_token"]
    assert bearer(client, second["access_token"], signed_in["session"]["id"]).status_code == 200
    assert refresh(client, second["refresh_token"]).status_code == 200


def test_simultaneous_refreshes_give_the_same_successor(client: Client) -> None:
    signed_in = sign_in(client)
    body = {"json": {"refresh_token": signed_in["tokens"]["refresh_token"]}}

    responses = client.gather(*[("POST", "/sessions/refresh", body)] * 50)

    assert {response.status_code for response in responses} == {200}
    assert len({response.json()["refresh_token"] for response in responses}) == 1
    generations = [pair["refresh_token"].split(".")[2] for pair in (signed_in["tokens"], responses[0].json())]
    assert int(generations[1]) == int(generations[0]) + 1
    assert len({response.json()["access_token"] for response in responses}) == 50
    assert status_of(client, signed_in["session"]["id"]) == "active"


def test_a_lost_response_can_be_repeated_however_late(client: Client) -> None:
    token = sign_in(client)["tokens"]["refresh_token"]
    lost = refresh(client, token).json()
    client.clock.advance(minutes=30)

    again = refresh(client, token)

    assert again.status_code == 200, again.text
    assert again.json()["refresh_token"] == lost["refresh_token"]


def test_reuse_after_the_window_ends_the_session_everywhere(client: Client) -> None:
    signed_in = sign_in(client)
    first, session_id = signed_in["tokens"], signed_in["session"]["id"]
    second = refresh(client, first["refresh_token"]).json()
    assert bearer(client, second["access_token"], session_id).status_code == 200
    client.clock.advance(seconds=11)

    reused = refresh(client, first["refresh_token"])

    assert reused.status_code == 401
    assert reused.json()["i18n_key"] == "error.refresh_token_reused"
    assert status_of(client, session_id) == "revoked"
    for pair in (first, second):
        assert bearer(client, pair["access_token"], session_id).status_code == 401
        assert validate(client, pair["access_token"]) == {"valid": False, "error": "session_revoked"}
        refused = refresh(client, pair["refresh_token"])
        assert (refused.status_code, refused.json()["code"]) == (401, 30101005)


def test_once_a_revocation_is_acknowledged_nothing_issued_is_good(client: Client) -> None:
    for _ in range(5):
        signed_in = sign_in(client)
        session_id, first = signed_in["session"]["id"], signed_in["tokens"]
        body = {"json": {"refresh_token": first["refresh_token"]}}
        admin = {"headers": {"Authorization": f"Bearer {client.token('root', roles=['admin'])}"}}

        answers = client.gather(
            *[("POST", "/sessions/refresh", body)] * 3,
            ("DELETE", f"/sessions/{session_id}", admin),
            *[("POST", "/sessions/refresh", body)] * 3,
        )

        assert answers[3].status_code == 204
        for answer in answers:
            if answer.status_code == 200:
                assert validate(client, answer.json()["access_token"])["valid"] is False
                assert refresh(client, answer.json()["refresh_token"]).status_code == 401


def test_the_parent_of_the_parent_is_reuse_even_at_once(client: Client) -> None:
    signed_in = sign_in(client)
    first = signed_in["tokens"]["refresh_token"]
    refresh(client, refresh(client, first).json()["refresh_token"])

    assert refresh(client, first).json()["code"] == 30101006
    assert status_of(client, signed_in["session"]["id"]) == "revoked"


@pytest.mark.parametrize("part", range(5))
def test_a_forged_token_changes_nothing(client: Client, part: int) -> None:
    signed_in = sign_in(client)
    good = signed_in["tokens"]["refresh_token"]
    parts = good.split(".")
    parts[part] = {0: "rt_00000000-0000-7000-8000-000000000000", 2: "7"}.get(part, "A" * len(parts[part]))

    forged = refresh(client, ".".join(parts))

    assert (forged.status_code, forged.json()["code"]) == (401, 30101005)
    assert status_of(client, signed_in["session"]["id"]) == "active"
    assert refresh(client, good).status_code == 200


def test_the_rate_limit_spends_no_token(start: Callable[..., Client]) -> None:
    client = start(SOJOURN_REFRESH_LIMIT="2")
    token = sign_in(client)["tokens"]["refresh_token"]
    for _ in range(2):
        token = refresh(client, token).json()["refresh_token"]

    limited = refresh(client, token)

    assert limited.status_code == 429
    assert 1 <= int(limited.headers["Retry-After"]) <= 60
    assert limited.json()["code"] == 30129001
    client.clock.advance(seconds=61)
    assert refresh(client, token).status_code == 200


def test_a_restart_between_rotation_and_retry_changes_nothing(start: Callable[..., Client]) -> None:
    token = sign_in(before := start())["tokens"]["refresh_token"]
    successor = refresh(before, token).json()["refresh_token"]

    assert refresh(start(), token).json()["refresh_token"] == successor


def test_no_token_outlives_its_session(start: Callable[..., Client], clock: FrozenClock) -> None:
    client = start(SOJOURN_ABSOLUTE_TIMEOUT="20m", SOJOURN_IDLE_TIMEOUT="20m")
    pair = sign_in(client)["tokens"]
    end = clock.now.timestamp() + 20 * 60
    clock.advance(minutes=19)

    second = refresh(client, pair["refresh_token"]).json()

    assert claims(second["access_token"])["exp"] <= end
    assert second["expires_in"] <= 60
    clock.advance(minutes=1)
    assert refresh(client, second["refresh_token"]).status_code == 401


def test_access_tokens_live_at_most_five_per_cent_less(client: Client) -> None:
    lives = [sign_in(client)["tokens"]["expires_in"] for _ in range(20)]

    assert all(855 <= life <= 900 for life in lives)
    assert len(set(lives)) > 1


def test_rotating_the_access_token_leaves_the_refresh_token(client: Client) -> None:
    signed_in = sign_in(client)
    token = signed_in["tokens"]["refresh_token"]

    rotated = client.request("POST", "/sessions/rotate-access", json={"refresh_token": token})

    assert rotated.status_code == 200, rotated.text
    assert bearer(client, rotated.json()["access_token"], signed_in["session"]["id"]).status_code == 200
    refresh(client, refresh(client, token).json()["refresh_token"])
    reused = client.request("POST", "/sessions/rotate-access", json={"refresh_token": token})
    assert reused.json()["code"] == 30101006


def test_a_bearer_that_comes_along_may_be_expired_but_is_of_the_same_session(client: Client) -> None:
    one, other = sign_in(client)["tokens"], sign_in(client)["tokens"]
    client.clock.advance(minutes=20)

    own = refresh(client, one["refresh_token"], headers={"Authorization": f"Bearer {one['access_token']}"})
    foreign = refresh(client, other["refresh_token"], headers={"Authorization": f"Bearer {one['access_token']}"})

    assert (own.status_code, foreign.status_code) == (200, 403)


def test_generating_tokens_again_ends_the_earlier_family_and_the_session_goes_on(client: Client) -> None:
    signed_in = sign_in(client)
    second = generate(client, signed_in["session"])
    refresh(client, second["refresh_token"])

    assert refresh(client, signed_in["tokens"]["refresh_token"]).json()["code"] == 30101005
    assert status_of(client, signed_in["session"]["id"]) == "active"


def test_the_first_use_of_a_successor_makes_its_parent_reuse_from_that_response_on(client: Client) -> None:
    """Every way of showing a token counts as its use, and is noted before the answer is given."""

    def look(access: str, session_id: str) -> None:
        assert bearer(client, access, session_id).status_code == 200

    def ask(access: str, _: str) -> None:
        assert validate(client, access)["valid"] is True

    def introspect(access: str, _: str) -> None:
        answer = client.as_admin("POST", "/admin/tokens/introspect", json={"token": access})
        assert answer.json()["active"] is True

    for use in (look, ask, introspect):
        signed_in = sign_in(client)
        parent, session_id = signed_in["tokens"]["refresh_token"], signed_in["session"]["id"]
        successor = refresh(client, parent).json()
        client.clock.advance(seconds=11)
        use(successor["access_token"], session_id)

        assert refresh(client, parent).json()["i18n_key"] == "error.refresh_token_reused"
        assert status_of(client, session_id) == "revoked"


@on_sqlite
def test_a_stolen_database_holds_no_token_and_no_private_key(client: Client, tmp_path: Path) -> None:
    pair = sign_in(client)["tokens"]
    second = refresh(client, pair["refresh_token"]).json()

    with sqlite3.connect(tmp_path / "sojourn.db") as database:
        dump = "\n".join(database.iterdump())

    assert "PRIVATE KEY" not in dump
    for each in (pair, second):
        for name in ("access_token", "refresh_token"):
            for part in each[name].split("."):
                assert len(part) < 40 or part.startswith("rt_") or part not in dump
    assert '"d"' not in dump
    assert (tmp_path / "sojourn.db.key").stat().st_mode & 0o777 == 0o600


def test_no_token_is_in_any_log_line(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    signed_in = sign_in(client)
    pair = refresh(client, signed_in["tokens"]["refresh_token"]).json()
    bearer(client, pair["access_token"], signed_in["session"]["id"])
    refresh(client, pair["refresh_token"][:-3] + "AAA")

    for secret in (pair["access_token"], pair["refresh_token"], signed_in["tokens"]["refresh_token"]):
        assert secret.split(".")[-1] not in caplog.text
