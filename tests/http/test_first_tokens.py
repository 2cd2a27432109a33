"""An imported session gets its first pair of tokens once, however many requests there are at once."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from tests.conftest import on_sqlite
from tests.http.conftest import Client
from tests.imported import imported
from tests.live import API_KEY as LIVE_KEY
from tests.live import REFRESH_SECRET, LiveServer

ASKED = 20


def first_tokens(client: Client, session: str, tenant: str = "acme") -> httpx.Response:
    return client.internal("POST", f"/internal/session/{session}/tokens", tenant)


def claims(token: str) -> dict[str, Any]:
    said: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return said


def test_the_first_pair_is_good_and_there_is_one(client: Client) -> None:
    session = imported(client.url, client.clock.now)

    first, second = first_tokens(client, session), first_tokens(client, session)

    assert (first.status_code, second.status_code) == (201, 409)
    assert second.json()["i18n_key"] == "error.first_tokens_issued"
    pair = first.json()
    said = claims(pair["access_token"])
    assert {name: said[name] for name in ("sub", "sid", "tenant_id", "client_id", "amr")} == {
        "sub": "usr_abc123",
        "sid": session,
        "tenant_id": "acme",
        "client_id": "shop",
        "amr": ["pwd"],
    }
    body = {"access_token": pair["access_token"]}
    assert client.internal("POST", "/internal/session/validate-token", json=body).json()["valid"] is True
    following = client.request("POST", "/sessions/refresh", json={"refresh_token": pair["refresh_token"]})
    assert following.status_code == 200
    assert first_tokens(client, session).status_code == 409


@on_sqlite
def test_a_session_that_was_created_has_had_its_pair(client: Client) -> None:
    assert first_tokens(client, client.create()["id"]).status_code == 409


@on_sqlite
def test_where_tokens_were_generated_anew_the_first_pair_is_not_to_be_had(client: Client) -> None:
    session = imported(client.url, client.clock.now)
    body = {"session_id": session, "auth_user_id": "usr_abc123", "tenant_id": "acme"}
    assert client.internal("POST", "/internal/session/generate-tokens", json=body).status_code == 200

    assert first_tokens(client, session).status_code == 409


@on_sqlite
def test_there_is_none_for_what_is_over_unknown_or_of_another_tenant(client: Client) -> None:
    ended, expired = (imported(client.url, client.clock.now) for _ in range(2))
    client.internal("DELETE", f"/internal/session/{ended}")
    answers = [
        first_tokens(client, ended),
        first_tokens(client, imported(client.url, client.clock.now, tenant="noise")),
        first_tokens(client, "sess_nobody"),
    ]
    client.clock.advance(hours=9)
    answers.append(first_tokens(client, expired))

    assert [answer.json()["i18n_key"] for answer in answers] == ["error.session_not_found"] * 4


@on_sqlite
def test_it_gets_a_place_in_a_status_list(start: Callable[..., Client]) -> None:
    client = start(SOJOURN_PUBLIC_URL="https://sojourn.example")
    session = imported(client.url, client.clock.now)

    pair = first_tokens(client, session).json()

    assert claims(pair["access_token"])["status"]["status_list"]["uri"].startswith("https://sojourn.example/")


@pytest.fixture
def server(database_url: str, tmp_path: Path) -> Iterator[LiveServer]:
    """Two workers on either engine."""
    live = LiveServer(
        tmp_path, "--workers", "2", SOJOURN_DATABASE_URL=database_url, SOJOURN_REFRESH_SECRET=REFRESH_SECRET
    )
    yield live
    live.stop()


def test_of_many_who_ask_at_once_one_gets_the_pair(server: LiveServer, database_url: str) -> None:
    session = imported(database_url, datetime.now(UTC))  # noqa: TID251 - the server reads the clock, too
    headers = {"X-API-Key": LIVE_KEY, "X-Tenant-ID": "acme"}

    def ask(_: int) -> httpx.Response:
        return httpx.post(f"{server.url}/internal/session/{session}/tokens", headers=headers, timeout=60)

    with ThreadPoolExecutor(ASKED) as pool:
        found = list(pool.map(ask, range(ASKED)))

    assert sorted(answer.status_code for answer in found) == [201] + [409] * (ASKED - 1)
    (pair,) = [answer.json() for answer in found if answer.status_code == 201]
    listed = httpx.get(f"{server.url}/internal/session/sessions/usr_abc123", headers=headers).json()
    assert [item["id"] for item in listed["items"]] == [session]
    body = {"refresh_token": pair["refresh_token"]}
    assert httpx.post(f"{server.url}/sessions/refresh", json=body, timeout=60).status_code == 200
