"""Token Status Lists: whoever has an access token learns from a public list whether its session ended."""

import asyncio
import zlib
from base64 import urlsafe_b64decode
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import jwt
import pytest

from sojourn.domain.clock import to_text
from sojourn.storage.engines import open_database
from sojourn.storage.upkeep.housekeeping import SETTLED_AFTER, settle_all
from tests.http.conftest import Client

URL = "https://sessions.example.com"
LISTS = "/status-lists"
JWT_TYPE = "application/statuslist+jwt"


@pytest.fixture
def public(start: Callable[..., Client]) -> Client:
    """A service with a public URL, and a tenant of look-alikes."""
    client = start(SOJOURN_PUBLIC_URL=URL)
    client.create("usr_abc123", "noise")
    return client


def sign_in(client: Client, user: str = "usr_abc123", tenant: str = "acme") -> dict[str, Any]:
    response = client.internal("POST", "/internal/session/create", tenant, json={"auth_user_id": user})
    assert response.status_code == 201, response.text
    begun: dict[str, Any] = response.json()["data"]
    return begun


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def reference(begun: dict[str, Any]) -> tuple[int, str]:
    """The place and the address that an access token names."""
    named = claims_of(begun["tokens"]["access_token"])["status"]
    assert set(named) == {"status_list"}
    assert set(named["status_list"]) == {"idx", "uri"}
    return named["status_list"]["idx"], named["status_list"]["uri"]


def fetched(client: Client, uri: str) -> dict[str, Any]:
    """The claims of a list, verified as section 8.3 of the draft says."""
    response = client.request("GET", uri.removeprefix(URL), headers={"Accept": JWT_TYPE})
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == JWT_TYPE
    keys = jwt.PyJWKSet.from_dict(client.request("GET", "/.well-known/jwks.json").json())
    head = jwt.get_unverified_header(response.text)
    assert head["typ"] == "statuslist+jwt"
    claims: dict[str, Any] = jwt.decode(
        response.text, keys[head["kid"]], algorithms=[head["alg"]], options={"verify_exp": False, "verify_iat": False}
    )
    now = int(client.clock.now.timestamp())
    assert claims["sub"] == uri
    assert claims["iat"] <= now < claims["iat"] + claims["ttl"] < claims["exp"]
    assert claims["status_list"]["aggregation_uri"] == URL + LISTS
    return claims


def status(client: Client, begun: dict[str, Any]) -> int:
    """What the list says of a session."""
    index, uri = reference(begun)
    found = fetched(client, uri)["status_list"]
    assert found["bits"] == 2
    array = zlib.decompress(urlsafe_b64decode(found["lst"] + "=" * (-len(found["lst"]) % 4)))
    return array[index // 4] >> index % 4 * 2 & 0b11


def test_a_session_is_valid_until_it_ends_and_invalid_then(public: Client) -> None:
    ended, stays = sign_in(public), sign_in(public)
    assert (status(public, ended), status(public, stays)) == (0, 0)

    assert public.internal("DELETE", f"/internal/session/{ended['session']['id']}").status_code == 204

    assert (status(public, ended), status(public, stays)) == (1, 0)


async def settled(url: str, now: datetime) -> None:
    """What another process does: it tells what has expired."""
    database = await open_database(url, timedelta(seconds=30))
    try:
        await settle_all(database, to_text(now - SETTLED_AFTER), told_at=to_text(now))
    finally:
        await database.close()


def test_an_idle_session_is_invalid_once_that_is_settled(start: Callable[..., Client], database_url: str) -> None:
    client = start(SOJOURN_PUBLIC_URL=URL, SOJOURN_IDLE_TIMEOUT="5m", SOJOURN_ACCESS_EXPIRY="1h")
    idle = sign_in(client)
    client.clock.advance(minutes=6)
    used = sign_in(client)

    now = client.clock.now
    asyncio.run(settled(database_url, now))

    assert (status(client, idle), status(client, used)) == (1, 0)


def test_no_two_sessions_share_a_place_and_tenants_share_no_list(public: Client) -> None:
    begun = [sign_in(public, f"user_{number}", tenant) for number in range(30) for tenant in ("acme", "globex")]
    places = [reference(one) for one in begun]

    assert len(set(places)) == len(begun)
    assert len({uri for _, uri in places}) == 2
    assert {uri for _, uri in places[::2]}.isdisjoint({uri for _, uri in places[1::2]})


def test_all_tokens_of_a_session_name_the_same_place(public: Client) -> None:
    begun = sign_in(public)
    refreshed = public.request(
        "POST", "/sessions/refresh", json={"refresh_token": begun["tokens"]["refresh_token"]}
    ).json()
    exchange = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": refreshed["access_token"],
        "audience": "other",
    }
    exchanged = public.as_admin("POST", "/admin/tokens/exchange", json=exchange)
    assert exchanged.status_code == 200, exchanged.text

    assert reference({"tokens": refreshed}) == reference(begun)
    assert reference({"tokens": exchanged.json()}) == reference(begun)


def test_the_aggregation_names_every_list(public: Client) -> None:
    uris = {reference(sign_in(public, tenant=tenant))[1] for tenant in ("acme", "globex", "noise")}

    found = public.request("GET", LISTS).json()

    assert set(found) == {"status_lists"}
    assert set(found["status_lists"]) == uris


def test_a_list_belongs_to_a_week_and_retires_with_it(public: Client) -> None:
    first = reference(sign_in(public))[1]
    public.clock.advance(days=5)  # Monday
    second = reference(sign_in(public))[1]
    assert first != second
    assert set(public.request("GET", LISTS).json()["status_lists"]) >= {first, second}

    public.clock.advance(days=2)  # a day after the last session of the week before, and one more

    assert first not in public.request("GET", LISTS).json()["status_lists"]
    response = public.request("GET", first.removeprefix(URL))
    assert (response.status_code, response.json()["i18n_key"]) == (404, "error.status_list_not_found")


def test_who_has_the_list_is_not_sent_it_again_until_something_ends(public: Client) -> None:
    begun = sign_in(public)
    path = reference(begun)[1].removeprefix(URL)
    response = public.request("GET", path)
    known = {"If-None-Match": response.headers["etag"]}
    assert public.request("GET", path, headers=known).status_code == 304

    assert public.internal("DELETE", f"/internal/session/{begun['session']['id']}").status_code == 204

    changed = public.request("GET", path, headers=known)
    assert changed.status_code == 200
    assert changed.headers["etag"] != response.headers["etag"]
    assert changed.headers["cache-control"] == "public, max-age=60"


def test_a_list_is_signed_anew_before_it_is_old(public: Client) -> None:
    begun = sign_in(public)
    first = fetched(public, reference(begun)[1])
    public.clock.advance(seconds=61)

    assert fetched(public, reference(begun)[1])["iat"] == first["iat"] + 61


def test_erased_and_purged_sessions_stay_invalid_while_their_tokens_have_not_expired(public: Client) -> None:
    begun = sign_in(public)
    erased = public.internal("POST", "/internal/session/erase-user-data", json={"user_id": "usr_abc123"})
    assert erased.status_code == 200, erased.text

    assert status(public, begun) == 1


def test_a_status_list_is_no_access_token(public: Client) -> None:
    text = public.request("GET", reference(sign_in(public))[1].removeprefix(URL)).text

    response = public.request("GET", "/sessions", headers={"Authorization": f"Bearer {text}"})

    assert response.status_code == 401


def test_without_a_public_url_there_are_no_lists(client: Client) -> None:
    begun = sign_in(client)

    assert "status" not in claims_of(begun["tokens"]["access_token"])
    assert client.request("GET", LISTS).json() == {"status_lists": []}
    assert client.request("GET", f"{LISTS}/unknown").status_code == 404


@pytest.mark.parametrize("accept", ["application/json", "text/html"])
def test_a_list_is_a_json_web_token_and_nothing_else(public: Client, accept: str) -> None:
    path = reference(sign_in(public))[1].removeprefix(URL)

    assert public.request("GET", path, headers={"Accept": accept}).status_code == 406
    assert public.request("GET", path, headers={"Accept": "*/*"}).headers["content-type"] == JWT_TYPE
