"""Applications that are sent a logout token for each session that ends (OpenID Connect Back-Channel Logout 1.0)."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import jwt
import pytest

from sojourn.domain.logout_tokens import EVENT
from tests.http.conftest import Client
from tests.http.tokens import bearer
from tests.receiver import Receiver, status, until
from tests.sending.test_egress import SPELLINGS

CLIENTS = "/admin/logout-clients"
URI = "https://shop.example.com/logout"


@pytest.fixture
def here(start: Callable[..., Client]) -> Client:
    """The application where this machine may be sent to, and a tenant of look-alikes."""
    client = start(SOJOURN_WEBHOOK_ALLOW="127.0.0.1", SOJOURN_TOKEN_ISSUER="https://sessions.example.com")
    client.create("usr_one", "noise")
    client.create("usr_first")
    return client


def made(client: Client, uri: str = URI, tenant: str = "acme", **members: Any) -> dict[str, Any]:
    response = client.as_admin("POST", CLIENTS, tenant, json={"client_id": "shop", "uri": uri, **members})
    assert response.status_code == 201, response.text
    application: dict[str, Any] = response.json()
    return application


def ended(client: Client, user: str = "usr_one", tenant: str = "acme", **facts: Any) -> str:
    """A session that began and ended; its id."""
    session: str = client.create(user, tenant, **facts)["id"]
    assert client.internal("DELETE", f"/internal/session/{session}", tenant).status_code == 204
    return session


def came(client: Client, receiver: Receiver, count: int) -> list[str]:
    """The logout tokens that the receiver accepted, once so many came. Each question lets the application go on."""
    until(lambda: client.request("GET", "/health/live") and len(receiver.accepted) >= count)
    return [parse_qs(one.body.decode())["logout_token"][0] for one in receiver.accepted]


def verified(client: Client, token: str, audience: str = "shop") -> dict[str, Any]:
    """The claims of a token, verified as section 2.6 asks of a relying party."""
    head = jwt.get_unverified_header(token)
    keys = jwt.PyJWKSet.from_dict(client.request("GET", "/.well-known/jwks.json").json())
    claims: dict[str, Any] = jwt.decode(
        token,
        keys[head["kid"]],
        algorithms=[head["alg"]],
        audience=audience,
        issuer="https://sessions.example.com",
        options={"require": ["iss", "aud", "iat", "exp", "jti"], "verify_exp": False, "verify_iat": False},
    )
    assert head["typ"] == "logout+jwt"
    assert "nonce" not in claims
    assert claims["events"] == {EVENT: {}}
    return claims


def test_an_application_is_sent_a_verifiable_token_for_each_session_that_ends(here: Client, receiver: Receiver) -> None:
    made(here, receiver.url)
    session = ended(here)

    [token] = came(here, receiver, 1)

    claims, now = verified(here, token), int(here.clock.now.timestamp())
    assert (claims["sid"], claims["sub"]) == (session, "usr_one")
    assert (claims["iat"], claims["exp"]) == (now, now + 120)
    [one] = receiver.received
    assert one.headers["content-type"] == "application/x-www-form-urlencoded"
    assert not {"webhook-id", "webhook-signature"} & one.headers.keys()
    assert bearer(here, token, session).status_code == 401, "a logout token is no access token"


def test_each_of_many_sessions_that_end_at_once_has_a_token(here: Client, receiver: Receiver) -> None:
    made(here, receiver.url)
    sessions = {here.create("usr_one")["id"] for _ in range(3)}

    here.internal("DELETE", "/internal/session/session/user/usr_one")

    assert {verified(here, token)["sid"] for token in came(here, receiver, 3)} == sessions


def test_only_sessions_of_its_applications_count_and_only_those_of_its_tenant(here: Client, receiver: Receiver) -> None:
    made(here, receiver.url, apps=["app_shop"])
    for facts in ({}, {"app_id": "app_other"}):
        ended(here, "usr_one", **facts)
    ended(here, "usr_one", "noise", app_id="app_shop")

    session = ended(here, "usr_one", app_id="app_shop")

    assert [verified(here, token)["sid"] for token in came(here, receiver, 1)] == [session]
    assert len(receiver.received) == 1


def test_a_token_that_does_not_arrive_is_sent_again_with_another_jti(here: Client, receiver: Receiver) -> None:
    receiver.answers = [status(500)]
    made(here, receiver.url)
    session = ended(here)
    until(lambda: "held_until" in here.as_admin("GET", f"{CLIENTS}/shop").json())
    here.clock.advance(seconds=6)

    [token] = came(here, receiver, 1)

    first = parse_qs(receiver.received[0].body.decode())["logout_token"][0]
    both = [verified(here, one) for one in (first, token)]
    assert [claims["sid"] for claims in both] == [session, session]
    assert both[0]["jti"] != both[1]["jti"]


def test_a_token_that_is_refused_is_not_sent_again_and_the_next_ones_are(here: Client, receiver: Receiver) -> None:
    receiver.answers = [status(400)]
    made(here, receiver.url)
    first = ended(here)
    until(lambda: "held_until" in here.as_admin("GET", f"{CLIENTS}/shop").json())
    here.clock.advance(minutes=10)

    second = ended(here)

    assert [verified(here, token)["sid"] for token in came(here, receiver, 1)] == [second]
    assert len(receiver.received) == 2
    refused = parse_qs(receiver.received[0].body.decode())["logout_token"][0]
    assert verified(here, refused)["sid"] == first
    assert here.as_admin("GET", f"{CLIENTS}/shop").json()["enabled"] is True


def test_an_application_that_is_gone_is_disabled_and_can_be_enabled_again(here: Client, receiver: Receiver) -> None:
    receiver.answers = [status(410)]
    made(here, receiver.url)
    ended(here)
    shown = until(lambda: (found := here.as_admin("GET", f"{CLIENTS}/shop").json())["enabled"] is False and found)
    assert shown["disabled_because"] == "gone"
    ended(here, "usr_meanwhile")

    enabled = here.as_admin("PATCH", f"{CLIENTS}/shop", json={"enabled": True, "apps": []})

    assert (enabled.status_code, enabled.json()["enabled"]) == (200, True)
    assert "apps" not in enabled.json()
    session = ended(here, "usr_two")
    assert [verified(here, token)["sid"] for token in came(here, receiver, 1)] == [session]


def test_applications_are_listed_by_client_id_changed_and_deleted(client: Client) -> None:
    client.create()
    names = ["b", "a", "c"]
    for name in names:
        made(client, client_id=name)
    made(client, tenant="noise", client_id="d")

    first = client.as_admin("GET", CLIENTS, params={"limit": 2}).json()
    rest = client.as_admin("GET", CLIENTS, params={"after": first["next_cursor"]}).json()
    changed = client.as_admin("PATCH", f"{CLIENTS}/b", json={"session_required": True, "apps": ["z", "y"]}).json()

    assert [item["client_id"] for item in (*first["items"], *rest["items"])] == ["a", "b", "c"]
    assert (changed["session_required"], changed["apps"], changed["uri"]) == (True, ["y", "z"], URI)
    assert client.as_admin("GET", f"{CLIENTS}/b").json() == changed
    assert client.as_admin("DELETE", f"{CLIENTS}/b").status_code == 204
    for method in ("GET", "DELETE"):
        gone = client.as_admin(method, f"{CLIENTS}/b")
        assert (gone.status_code, gone.json()["i18n_key"]) == (404, "error.logout_client_not_found")
    assert client.as_admin("GET", "/admin/webhooks").json()["items"] == []


def test_a_client_id_is_there_once_in_a_tenant(client: Client) -> None:
    client.create()
    made(client)
    made(client, tenant="noise")

    again = client.as_admin("POST", CLIENTS, json={"client_id": "shop", "uri": "https://other.example.com/"})

    assert (again.status_code, again.json()["i18n_key"]) == (409, "error.logout_client_exists")
    assert client.as_admin("GET", f"{CLIENTS}/shop").json()["uri"] == URI


def test_nothing_is_sent_where_a_webhook_may_not_lead(client: Client) -> None:
    client.create()
    made(client)
    for uri in SPELLINGS[:12]:
        for method, path, body in (
            ("POST", CLIENTS, {"client_id": "other", "uri": uri}),
            ("PATCH", f"{CLIENTS}/shop", {"uri": uri}),
        ):
            refused = client.as_admin(method, path, json=body)
            assert refused.status_code == 400, uri
            assert {one["field"] for one in refused.json()["errors"]} == {"uri"}


def test_the_token_of_an_erased_user_names_the_session_alone(here: Client, receiver: Receiver) -> None:
    receiver.answers = [status(500)]
    made(here, receiver.url)
    session = ended(here)
    until(lambda: "held_until" in here.as_admin("GET", f"{CLIENTS}/shop").json())
    here.internal("POST", "/internal/session/erase-user-data", json={"user_id": "usr_one"})
    here.clock.advance(seconds=6)

    claims = verified(here, came(here, receiver, 1)[0])

    assert claims["sid"] == session
    assert "sub" not in claims
