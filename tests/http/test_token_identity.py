"""One token has one text, and only what was verified is known as that token."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.http.conftest import Client
from tests.http.tokens import bearer, refresh, sign_in, validate

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
Respell = Callable[[str], str]


def in_parts(change: Callable[[str, str, str], str]) -> Respell:
    return lambda token: change(*token.split("."))


_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
MISSPELLED: dict[str, Respell] = {
    "padding": lambda token: token + "==",
    "padding of the header": in_parts(lambda head, body, sign: f"{head}==.{body}.{sign}"),
    "padding of the payload": in_parts(lambda head, body, sign: f"{head}.{body}==.{sign}"),
    "a sign that decoders skip": in_parts(lambda head, body, sign: f"{head}.{body}.{sign[:3]}!{sign[3:]}"),
    "bits that decoders ignore": lambda token: token[:-1] + _ALPHABET[_ALPHABET.index(token[-1]) ^ 1],
}
UNVERIFIED: dict[str, Respell] = MISSPELLED | {
    "another signature": lambda token: token.rpartition(".")[0] + ".AAAA",
    "no signature": lambda token: token.rpartition(".")[0] + ".",
    "what the signature covers": lambda token: token.rpartition(".")[0],
}
every_spelling = pytest.mark.parametrize("respell", MISSPELLED.values(), ids=MISSPELLED)
every_unverified = pytest.mark.parametrize("respell", UNVERIFIED.values(), ids=UNVERIFIED)


def blacklist(client: Client, token: str, user: str = "usr_abc123", **more: Any) -> Any:
    body = {"token": token, "token_type": "access", "user_id": user, **more}
    response = client.internal("POST", "/internal/session/blacklist-token", json=body)
    assert response.status_code == 200, response.text
    return response


def shown_everywhere(client: Client, token: str, session_id: str) -> dict[str, bool]:
    """Whether each operation that takes an access token takes this one."""
    introspected = client.as_admin("POST", "/admin/tokens/introspect", json={"token": token})
    exchanged = {"grant_type": EXCHANGE, "subject_token": token}
    return {
        "bearer": bearer(client, token, session_id).status_code == 200,
        "validation": validate(client, token)["valid"],
        "introspection": introspected.json()["active"],
        "exchange": client.as_admin("POST", "/admin/tokens/exchange", json=exchanged).status_code == 200,
        "refresh": refresh(client, token).status_code == 200,
    }


@every_spelling
@pytest.mark.parametrize("issuer", ["ours", "another issuer"])
def test_a_blacklisted_token_is_refused_in_every_spelling(client: Client, respell: Respell, issuer: str) -> None:
    signed_in = sign_in(client)
    token, session_id = signed_in["tokens"]["access_token"], signed_in["session"]["id"]
    if issuer != "ours":
        token = client.token("usr_abc123", sid=session_id)
    blacklist(client, token)

    assert not any(shown_everywhere(client, respell(token), session_id).values())


@every_unverified
def test_nobody_ends_a_token_by_a_text_that_only_looks_like_it(client: Client, respell: Respell) -> None:
    victim = sign_in(client)
    token, session_id = victim["tokens"]["access_token"], victim["session"]["id"]
    body = {"token": respell(token), "token_type": "access"}

    for user in ("usr_other", "usr_abc123"):
        mine = {**body, "user_id": user}
        assert client.as_user("POST", "/tokens/blacklist", user, json=mine).status_code == 200
    whose = {**body, "user_id": "usr_abc123"}
    assert client.as_admin("POST", "/tokens/blacklist", json=whose).status_code == 200
    blacklist(client, respell(token))

    assert validate(client, token)["valid"] is True
    assert bearer(client, token, session_id).status_code == 200


@every_unverified
def test_nobody_reads_the_entry_of_a_token_by_a_text_that_only_looks_like_it(client: Client, respell: Respell) -> None:
    token = sign_in(client)["tokens"]["access_token"]
    blacklist(client, token, reason="a secret of the victim")

    for method, sent in (("GET", {"params": {"token": respell(token)}}), ("POST", {"json": {"token": respell(token)}})):
        path = "/tokens/blacklist/check"
        answer = client.as_user(method, path, "usr_other", **sent)
        assert (answer.status_code, answer.json()["blacklisted"]) == (200, False)
        assert "reason" not in answer.json()


def test_what_a_user_shows_and_nobody_has_signed_is_answered_and_not_kept(client: Client) -> None:
    client.create()
    body = {"token": "whatever", "token_type": "refresh", "user_id": "usr_abc123"}

    assert client.as_user("POST", "/tokens/blacklist", "usr_abc123", json=body).status_code == 200

    assert client.as_admin("GET", "/admin/tokens/blacklist").json()["total"] == 0


def test_nobody_is_told_of_an_entry_that_was_made_for_another_user(client: Client) -> None:
    client.create()
    blacklist(client, "opaque", "usr_other", reason="a secret of the other")

    asked = {"json": {"token": "opaque"}}
    assert client.as_user("POST", "/tokens/blacklist/check", "usr_abc123", **asked).status_code == 403
    assert client.as_user("POST", "/tokens/blacklist/check", "usr_other", **asked).json()["blacklisted"] is True


@pytest.mark.parametrize("stated", [0, 1, 1_600_000_000])
def test_an_end_that_has_passed_says_nothing_of_a_token_that_nobody_can_read(client: Client, stated: int) -> None:
    client.create()
    blacklist(client, "opaque", expires_at=stated)

    assert client.as_admin("POST", "/tokens/blacklist/check", json={"token": "opaque"}).json()["blacklisted"] is True


def test_a_stated_end_that_is_to_come_is_kept_to(client: Client) -> None:
    client.create()
    blacklist(client, "opaque", expires_at=int(client.clock.now.timestamp()) + 600)
    asked = {"json": {"token": "opaque"}}
    assert client.as_admin("POST", "/tokens/blacklist/check", **asked).json()["blacklisted"] is True

    client.clock.advance(hours=1)

    assert client.as_admin("POST", "/tokens/blacklist/check", **asked).json()["blacklisted"] is False


def test_only_tokens_of_this_service_are_exchanged(client: Client) -> None:
    session_id = client.create()["id"]
    for token in (client.token("usr_abc123", roles=["root"]), client.token("usr_abc123", sid=session_id)):
        body = {"grant_type": EXCHANGE, "subject_token": token}
        refused = client.as_admin("POST", "/admin/tokens/exchange", json=body)
        assert (refused.status_code, refused.json()["code"]) == (400, 30100006)


def test_a_tenant_is_made_by_its_first_blacklisted_token(client: Client, start: Callable[..., Client]) -> None:
    blacklist(client, "opaque")
    assert client.as_admin("GET", "/admin/tokens/blacklist").json()["total"] == 1

    body = {"token": "opaque", "token_type": "access", "user_id": "usr_abc123"}
    by_hand = start(SOJOURN_TENANTS_PROVISIONED="true")
    refused = by_hand.internal("POST", "/internal/session/blacklist-token", "unknown", json=body)
    assert (refused.status_code, refused.json()["i18n_key"]) == (404, "error.tenant_not_found")


def test_a_text_that_was_blacklisted_before_it_could_be_verified_is_refused_afterwards(
    start: Callable[..., Client],
) -> None:
    before, after = start(SOJOURN_JWT_SECRET="another-secret-of-at-least-thirty-two-bytes"), start()
    session_id = before.create()["id"]
    token = before.token("usr_abc123")
    assert validate(before, token) == {"valid": False, "error": "invalid_token"}
    assert bearer(after, token, session_id).status_code == 200
    blacklist(before, token)

    assert bearer(after, token, session_id).status_code == 401
    assert validate(after, token)["error"] == "blacklisted"
    assert after.as_admin("POST", "/tokens/blacklist/check", json={"token": token}).json()["blacklisted"] is True
