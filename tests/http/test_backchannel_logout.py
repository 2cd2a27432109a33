"""OpenID Connect Back-Channel Logout 1.0: what ends at the provider ends here, and nothing else does.

Sixty logout tokens that are wrong in one way each are refused in the words of the standard, and end nothing.
"""

import base64
import json
from collections.abc import Callable
from typing import Any

import httpx
import jwt
import pytest

from sojourn.domain.logout_tokens import EVENT
from tests.http.conftest import JWT_SECRET, START, Client
from tests.http.test_identity_providers import provider as provider  # a fixture

PATH = "/backchannel-logout"
FORM = "application/x-www-form-urlencoded"
ISSUER = "https://id.example.com/realms/shop"
CLIENT, OTHER_CLIENT = "shop-web", "shop-app"
SID = "08a5019c-17e1-4977-8f42-65a12843ea02"
SETTINGS = {"SOJOURN_JWT_ISSUER": ISSUER, "SOJOURN_LOGOUT_AUDIENCE": f"{CLIENT},{OTHER_CLIENT}"}
AT = int(START.timestamp())
LEFT_OUT = object()
CLAIMS: dict[str, Any] = {
    "iss": ISSUER,
    "sub": "usr_1",
    "aud": CLIENT,
    "iat": AT,
    "exp": AT + 120,
    "jti": "bWJq",
    "sid": SID,
    "events": {EVENT: {}},
}


def claims(**changes: Any) -> dict[str, Any]:
    return {name: value for name, value in {**CLAIMS, **changes}.items() if value is not LEFT_OUT}


def logout_token(*, header: dict[str, Any] | None = None, key: Any = JWT_SECRET, **changes: Any) -> str:
    """A logout token of the issuer; a change to `LEFT_OUT` leaves a claim out."""
    return by_hand({"alg": "HS256", "typ": "logout+jwt", **(header or {})}, claims(**changes), key=key)


def by_hand(header: dict[str, Any], payload: Any, *, key: Any = JWT_SECRET, signature: str | None = None) -> str:
    """Header and payload as they are, signed as the header says unless another signature is given."""
    parts = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, payload)]
    text = ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
    if signature is None:
        algorithm = jwt.get_algorithm_by_name(header["alg"])
        made = algorithm.sign(text.encode(), algorithm.prepare_key(key))
        signature = base64.urlsafe_b64encode(made).rstrip(b"=").decode()
    return f"{text}.{signature}"


def of_now(client: Client, **changes: Any) -> str:
    """A logout token that is issued just now."""
    now = int(client.clock.now.timestamp())
    return logout_token(iat=now, exp=now + 120, **changes)


def log_out(client: Client, token: str, **more: str) -> httpx.Response:
    return client.request("POST", PATH, data={"logout_token": token, **more})


def active(client: Client, user: str = "usr_1", tenant: str = "acme") -> int:
    path = f"/internal/session/sessions/{user}/active"
    count: int = client.internal("GET", path, tenant).json()["session_count"]
    return count


@pytest.fixture
def shop(start: Callable[..., Client]) -> Client:
    """A service that trusts one provider, with sessions of two users, two tenants and two sessions at the provider."""
    client = start(**SETTINGS)
    for tenant in ("acme", "globex"):
        for user, sid in (("usr_1", SID), ("usr_1", "another"), ("usr_2", "theirs")):
            client.create(user, tenant, idp={"issuer": ISSUER, "session_id": f"{sid}-{tenant}"})
        client.create("usr_1", tenant, idp={"issuer": "https://other.example.com", "session_id": f"{SID}-{tenant}"})
        client.create("usr_1", tenant)
    return client


def counts(client: Client) -> dict[tuple[str, str], int]:
    found = {}
    for tenant in ("acme", "globex"):
        users = {"user_ids": ["usr_1", "usr_2"]}
        items = client.internal("POST", "/internal/session/active", tenant, json=users).json()["items"]
        found |= {(tenant, item["id"]): item["session_count"] for item in items}
    return found


def trail(client: Client, tenant: str) -> list[dict[str, Any]]:
    bearer = {"Authorization": f"Bearer {client.token('root', tenant, ['admin'], iss=ISSUER)}"}
    found: list[dict[str, Any]] = client.request("GET", "/admin/audit", headers=bearer).json()["items"]
    return found


BEFORE = {("acme", "usr_1"): 4, ("acme", "usr_2"): 1, ("globex", "usr_1"): 4, ("globex", "usr_2"): 1}


def test_by_sid_the_sessions_of_the_providers_session_end_and_no_other(shop: Client) -> None:
    response = log_out(shop, logout_token(sid=f"{SID}-acme"))

    assert response.status_code == 200, response.text
    assert response.content == b""
    assert response.headers["cache-control"] == "no-store"
    assert "content-type" not in response.headers
    assert counts(shop) == BEFORE | {("acme", "usr_1"): 3}


def test_by_sub_alone_all_sessions_of_the_user_end_wherever_the_issuer_has_begun_one(shop: Client) -> None:
    assert log_out(shop, logout_token(sid=LEFT_OUT)).status_code == 200

    assert counts(shop) == BEFORE | {("acme", "usr_1"): 0, ("globex", "usr_1"): 0}


def test_a_token_that_names_a_tenant_ends_sessions_in_that_tenant_alone(shop: Client) -> None:
    assert log_out(shop, logout_token(sid=LEFT_OUT, tenant_id="globex")).status_code == 200

    assert counts(shop) == BEFORE | {("globex", "usr_1"): 0}


def test_in_a_tenant_that_is_named_the_user_ends_whoever_recorded_the_sessions(start: Callable[..., Client]) -> None:
    client = start(**SETTINGS, SOJOURN_JWT_TENANT="acme")
    client.create("usr_1")
    client.create("usr_1", "globex")

    assert log_out(client, logout_token(sid=LEFT_OUT)).status_code == 200

    assert (active(client), active(client, tenant="globex")) == (0, 1)


def test_a_session_that_a_providers_token_began_ends_with_the_providers_session(start: Callable[..., Client]) -> None:
    client = start(**SETTINGS)
    bearer = {"Authorization": f"Bearer {client.token('usr_1', iss=ISSUER, sid=SID)}"}
    assert client.request("POST", "/sessions", headers=bearer, json={"auth_user_id": "usr_1"}).status_code == 201

    assert log_out(client, logout_token(sub=LEFT_OUT)).status_code == 200

    assert active(client) == 0


def test_a_sign_in_of_before_begins_no_session_once_the_user_was_logged_out(start: Callable[..., Client]) -> None:
    client = start(**SETTINGS, SOJOURN_JWT_TENANT="acme")
    early = client.token("usr_1", iss=ISSUER, sid=SID)
    client.create("usr_1")
    client.clock.advance(seconds=2)
    assert log_out(client, logout_token(sid=LEFT_OUT)).status_code == 200

    late = client.request(
        "POST", "/sessions", headers={"Authorization": f"Bearer {early}"}, json={"auth_user_id": "usr_1"}
    )

    assert late.json()["type"] == "/problems/sign-in-superseded"


NOTHING: list[dict[str, Any]] = [
    {"sid": "nobody's"},
    {"sid": LEFT_OUT, "sub": "nobody"},
    {"tenant_id": "nowhere"},
    {"sid": LEFT_OUT, "tenant_id": "nowhere"},
    {"sid": SID},
]


def test_what_matches_nothing_is_answered_alike(shop: Client) -> None:
    matched = log_out(shop, logout_token(sid=f"{SID}-acme"))
    left = counts(shop)

    for number, changes in enumerate(NOTHING):
        nothing = log_out(shop, logout_token(jti=f"nothing {number}", **changes))
        assert (nothing.status_code, nothing.content) == (matched.status_code, matched.content) == (200, b"")
        assert nothing.headers.keys() == matched.headers.keys()
    assert counts(shop) == left


def test_a_logout_token_is_accepted_once_and_remembered_until_it_expires(shop: Client) -> None:
    token = logout_token(sid=f"{SID}-acme")
    assert log_out(shop, token).status_code == 200
    shop.create("usr_1", idp={"issuer": ISSUER, "session_id": f"{SID}-acme"})
    left = counts(shop)

    again = log_out(shop, token)
    same_id = log_out(shop, logout_token(sid=LEFT_OUT))
    shop.clock.advance(seconds=126)
    late = log_out(shop, token)

    assert again.status_code == same_id.status_code == late.status_code == 400
    assert "received before" in again.json()["error_description"]
    assert "received before" in same_id.json()["error_description"]
    assert "exp " in late.json()["error_description"]
    assert counts(shop) == left


def test_many_who_send_one_token_at_once_end_each_session_once(shop: Client) -> None:
    token = logout_token(sid=LEFT_OUT, tenant_id="acme")
    cursor = shop.internal("GET", "/internal/revocations").json()["cursor"]

    responses = shop.gather(*[("POST", PATH, {"data": {"logout_token": token}})] * 8)

    assert sorted(response.status_code for response in responses) == [200] + [400] * 7
    page = shop.internal("GET", "/internal/events", params={"after": cursor, "wait": "20ms"}).json()
    ended = [event["data"]["session_id"] for event in page["items"] if event["type"] == "session.ended"]
    assert len(ended) == len(set(ended)) == 4


def test_each_end_says_who_began_it_and_stands_in_the_trail(shop: Client) -> None:
    cursor = shop.internal("GET", "/internal/revocations").json()["cursor"]
    assert log_out(shop, logout_token(sid=f"{SID}-acme")).status_code == 200

    page = shop.internal("GET", "/internal/events", params={"after": cursor, "wait": "20ms"}).json()
    (event,) = [event for event in page["items"] if event["type"] == "session.ended"]
    facts = {name: event["data"][name] for name in ("reason_code", "initiated_by", "actor")}
    assert facts == {"reason_code": "signed_out", "initiated_by": "service", "actor": ISSUER}
    (record,) = trail(shop, "acme")
    assert (record["action"], record["actor"]) == ("sessions.ended", {"kind": "service", "id": ISSUER})
    assert record["after"] == {"sessions": 1}
    assert trail(shop, "globex") == []
