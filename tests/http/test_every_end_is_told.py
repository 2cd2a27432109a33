"""Every way to end a session, and every reader: each end is told once, whoever reads and however it came about."""

import asyncio
import itertools
import json
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from sojourn.domain.clock import to_text
from sojourn.domain.endings import RESTORED
from sojourn.domain.ids import TenantId
from sojourn.domain.values import Tenant
from sojourn.storage.database import Database
from sojourn.storage.engines import open_database
from sojourn.storage.upkeep.housekeeping import SETTLED_AFTER, settle_all
from sojourn.storage.upkeep.mass_revocation import end_all
from tests.http.conftest import API_KEY, REFRESH_SECRET, Client
from tests.http.test_backchannel_logout import ISSUER, LEFT_OUT, log_out, of_now
from tests.http.test_event_stream import NAMED, STREAM, messages
from tests.http.tokens import refresh, sign_in
from tests.live import LiveServer

MANY = int(os.environ.get("SOJOURN_TEST_ENDS", "300"))
SECONDS = 120 + MANY / 10
"""How long is waited at most for what must happen."""
ACME = Tenant(TenantId("acme"))
SETTINGS = {
    "SOJOURN_STREAM_MAX_AGE": "1ms",
    "SOJOURN_IDLE_TIMEOUT": "30m",
    "SOJOURN_ABSOLUTE_TIMEOUT": "1h",
    "SOJOURN_MAX_SESSIONS_PER_USER": "3",
}
Signed = dict[str, Any]
Way = Callable[["Scene", Signed], None]


class Scene:
    """An application, the database that it shares with other processes, and everybody who signed in."""

    def __init__(self, client: Client, url: str) -> None:
        self.client = client
        self._url = url
        self._users = itertools.count()
        self.sessions: list[str] = []

    def sign_in(self, user: str | None = None) -> Signed:
        user = user or f"user_{next(self._users)}"
        signed = sign_in(self.client, user, idp={"issuer": ISSUER, "session_id": user})
        self.sessions.append(signed["session"]["id"])
        return signed

    def beside(self, work: Callable[[Database], Awaitable[Any]]) -> None:
        """What another process does."""

        async def run() -> None:
            database = await open_database(self._url, timedelta(seconds=30))
            try:
                await work(database)
            finally:
                await database.close()

        asyncio.run(run())

    def settle(self) -> None:
        now = self.client.clock.now
        self.beside(lambda database: settle_all(database, to_text(now - SETTLED_AFTER), told_at=to_text(now)))

    def request(self, what: str, path: str, *, status: int = 200, **options: Any) -> Any:
        ask = {"user": self.client.as_user, "admin": self.client.as_admin, "service": self.client.internal}
        who, method = what.split()
        response = ask[who](method, path, **options)
        assert response.status_code == status, response.text
        return response


def id_of(signed: Signed) -> str:
    return str(signed["session"]["id"])


def user_of(signed: Signed) -> str:
    return str(signed["session"]["user_id"])


def by_its_user(scene: Scene, signed: Signed) -> None:
    scene.request("user DELETE", f"/sessions/{id_of(signed)}", user=user_of(signed), status=204)


def by_a_service(scene: Scene, signed: Signed) -> None:
    scene.request("service DELETE", f"/internal/session/{id_of(signed)}", status=204)


def by_an_administrator(scene: Scene, signed: Signed) -> None:
    scene.request("admin DELETE", f"/sessions/{id_of(signed)}", status=204)


def in_bulk(scene: Scene, signed: Signed) -> None:
    body = {"session_ids": [id_of(signed), id_of(signed)], "reason": "leak"}
    scene.request("admin POST", "/admin/sessions/bulk-revoke", json=body)


def in_bulk_by_delete(scene: Scene, signed: Signed) -> None:
    scene.request("admin DELETE", "/admin/sessions/bulk", json={"session_ids": [id_of(signed)], "reason": "leak"})


def with_all_of_the_user_by_a_service(scene: Scene, signed: Signed) -> None:
    scene.request("service DELETE", f"/internal/session/session/user/{user_of(signed)}")


def with_all_of_the_user_by_an_administrator(scene: Scene, signed: Signed) -> None:
    scene.request("admin DELETE", f"/admin/sessions/user/{user_of(signed)}", json={"reason": "all"})


def from_another_session(scene: Scene, signed: Signed) -> None:
    current = scene.sign_in(user_of(signed))
    bearer = {"Authorization": f"Bearer {current['tokens']['access_token']}"}
    response = scene.client.request("DELETE", "/sessions?except=current", headers=bearer)
    assert response.status_code == 200, response.text


def with_all_but_one_by_a_service(scene: Scene, signed: Signed) -> None:
    kept = id_of(scene.sign_in(user_of(signed)))
    scene.request(
        "service DELETE", f"/internal/session/session/user/{user_of(signed)}", params={"except_session_id": kept}
    )


def by_a_token_that_was_sent_again(scene: Scene, signed: Signed) -> None:
    first = signed["tokens"]["refresh_token"]
    following = refresh(scene.client, first)
    assert refresh(scene.client, following.json()["refresh_token"]).status_code == 200
    scene.client.clock.advance(seconds=60)
    for _ in range(2):
        assert refresh(scene.client, first).status_code == 401


def by_erasure(scene: Scene, signed: Signed) -> None:
    scene.request("service POST", "/internal/session/erase-user-data", json={"user_id": user_of(signed)})


def by_a_sign_in_too_many(scene: Scene, signed: Signed) -> None:
    for _ in range(3):
        scene.client.clock.advance(seconds=1)
        scene.sign_in(user_of(signed))


def by_idling(scene: Scene, signed: Signed) -> None:
    scene.client.clock.advance(minutes=31)
    scene.settle()


def by_age(scene: Scene, signed: Signed) -> None:
    for _ in range(3):
        scene.client.clock.advance(minutes=19)
        scene.request("service POST", f"/internal/session/{id_of(signed)}/activity", json={})
    scene.client.clock.advance(minutes=4)
    scene.settle()


def with_the_providers_session(scene: Scene, signed: Signed) -> None:
    token = of_now(scene.client, jti="by sid", sub=LEFT_OUT, sid=user_of(signed))
    assert log_out(scene.client, token).status_code == 200
    assert log_out(scene.client, token).status_code == 400


def with_the_providers_user(scene: Scene, signed: Signed) -> None:
    token = of_now(scene.client, jti="by sub", sub=user_of(signed), sid=LEFT_OUT)
    assert log_out(scene.client, token).status_code == 200


def by_a_command(scene: Scene, signed: Signed) -> None:
    now = to_text(scene.client.clock.now)
    scene.beside(lambda database: end_all(database, ACME, now=now, ending=RESTORED))


WAYS: dict[Way, str] = {
    by_its_user: "revoked_by_user",
    by_a_service: "revoked_by_service",
    by_an_administrator: "revoked_by_admin",
    in_bulk: "bulk",
    in_bulk_by_delete: "bulk",
    with_all_of_the_user_by_a_service: "revoked_by_service",
    with_all_of_the_user_by_an_administrator: "revoked_by_admin",
    from_another_session: "revoked_by_user",
    with_all_but_one_by_a_service: "revoked_by_service",
    by_a_token_that_was_sent_again: "refresh_token_reuse",
    with_the_providers_session: "signed_out",
    with_the_providers_user: "signed_out",
    by_erasure: "erased",
    by_a_sign_in_too_many: "session_limit",
    by_idling: "idle_timeout",
    by_age: "absolute_timeout",
    by_a_command: "restored",
}
ENDS_ALL = (by_idling, by_age, by_a_command)
"""What ends every session of before, as well."""


def polled(client: Client, cursor: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    more = True
    while more:
        page = client.internal("GET", "/internal/events", params={"after": cursor, "limit": 3, "wait": "20ms"}).json()
        found += page["items"]
        cursor, more = page["next_cursor"], page["has_more"]
    return found


def streamed(client: Client, cursor: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        response = client.request("GET", STREAM, params={"limit": 500}, headers=NAMED | {"Last-Event-ID": cursor})
        told = list(messages(response.text))
        found += [message.data for message in told if message.event != "checkpoint"]
        if told[-1].event == "checkpoint":
            return found
        cursor = told[-1].id


def ended(events: list[dict[str, Any]]) -> dict[str, list[str]]:
    """The reason codes of the ends that were told, by session."""
    found: dict[str, list[str]] = {}
    for event in events:
        if event["type"] == "session.ended":
            found.setdefault(event["data"]["session_id"], []).append(event["data"]["reason_code"])
    return found


def test_each_reader_is_told_once_of_each_end_however_it_came_about(
    start: Callable[..., Client], database_url: str
) -> None:
    scene = Scene(start(**SETTINGS), database_url)
    client = scene.client
    first = scene.sign_in()
    oldest = client.internal("GET", "/internal/events?limit=1").json()["items"][0]["cursor"]
    for way, code in WAYS.items():
        signed = scene.sign_in()
        neighbour = scene.sign_in()
        cursor = client.internal("GET", "/internal/revocations").json()["cursor"]

        way(scene, signed)

        by_poll, by_stream = polled(client, cursor), streamed(client, cursor)
        assert by_poll == by_stream, way
        told = ended(by_poll)
        assert told.get(id_of(signed)) == [code], way
        if way not in ENDS_ALL:
            assert set(told) == {id_of(signed)}, way
            assert id_of(neighbour) not in told, way
        assert polled(client, by_poll[-1]["cursor"]) == streamed(client, by_poll[-1]["cursor"]) == [], way
        snapshot = client.internal("GET", "/internal/revocations").json()
        named = Counter(item["session_id"] for item in snapshot["items"] if item["kind"] == "session")
        (event,) = [e for e in by_poll if e["type"] == "session.ended" and e["data"]["session_id"] == id_of(signed)]
        must_be_known = event["data"]["tokens_valid_until"] > snapshot["as_of"]
        assert named[id_of(signed)] == int(must_be_known), way
        assert set(named.values()) <= {1}, way

    everything = ended(polled(client, oldest))
    assert sorted(everything) == sorted(scene.sessions)
    assert {len(codes) for codes in everything.values()} == {1}
    assert id_of(first) in everything


class Reader(threading.Thread):
    """Follows the events until it has heard of so many ends, or for too long."""

    def __init__(self, url: str, cursor: str, *, wanted: int) -> None:
        super().__init__(daemon=True)
        self.cursors: list[str] = []
        self.ended: list[str] = []
        self.fault: BaseException | None = None
        self._cursor, self._wanted = cursor, wanted
        self._client = httpx.Client(base_url=url, headers=NAMED, timeout=SECONDS)
        self._deadline = time.monotonic() + SECONDS

    def run(self) -> None:
        try:
            with self._client:
                while len(self.ended) < self._wanted and time.monotonic() < self._deadline:
                    for event in self.read(self._client, self._cursor):
                        self._cursor = event["cursor"]
                        self.cursors.append(self._cursor)
                        if event["type"] == "session.ended":
                            self.ended.append(event["data"]["session_id"])
        except BaseException as error:
            self.fault = error

    def read(self, client: httpx.Client, cursor: str) -> Iterator[dict[str, Any]]:
        raise NotImplementedError


class Poller(Reader):
    """By long poll."""

    def read(self, client: httpx.Client, cursor: str) -> Iterator[dict[str, Any]]:
        query = {"after": cursor, "wait": "5s", "limit": "50"}
        page = client.get("/internal/events", params=query, headers={"Accept": "application/json"})
        assert page.status_code == 200, page.text
        yield from page.json()["items"]


class Follower(Reader):
    """By streams, each of which ends soon."""

    def read(self, client: httpx.Client, cursor: str) -> Iterator[dict[str, Any]]:
        with client.stream("GET", STREAM, headers={"Last-Event-ID": cursor}) as response:
            assert response.status_code == 200
            for line in response.iter_lines():
                if line.startswith('data: {"id"'):
                    yield json.loads(line.removeprefix("data: "))


def test_what_many_end_at_once_is_read_by_all_whole_and_in_one_order(tmp_path: Path, database_url: str) -> None:
    secret = {} if database_url.startswith("sqlite:") else {"SOJOURN_REFRESH_SECRET": REFRESH_SECRET}
    where = {"SOJOURN_DATABASE_URL": database_url, "SOJOURN_STREAM_MAX_AGE": "3s", **secret}
    server = LiveServer(tmp_path, "--workers", "2", **where)
    try:
        cursor = httpx.get(f"{server.url}/internal/revocations", headers=NAMED | {"Accept": "*/*"}).json()["cursor"]
        kinds = (Poller, Follower, Poller, Follower, Follower)
        readers = [kind(server.url, cursor, wanted=MANY) for kind in kinds]
        for reader in readers:
            reader.start()
        with ThreadPoolExecutor(20) as writers:
            shares = [MANY // 20 + (number < MANY % 20) for number in range(20)]
            gone = list(
                itertools.chain.from_iterable(writers.map(end_some, itertools.repeat(server.url), range(20), shares))
            )
        for reader in readers:
            reader.join(SECONDS)
    finally:
        assert server.stop() in (0, -signal.SIGTERM)

    assert len(gone) == len(set(gone)) == MANY
    for reader in readers:
        assert reader.fault is None
        assert Counter(reader.ended) == Counter(gone)
        assert reader.cursors == sorted(set(reader.cursors))
        assert reader.ended == readers[0].ended


def end_some(url: str, number: int, share: int) -> list[str]:
    """Sign in and end so many sessions, some by one request each and some by one for several."""
    shuffled = random.Random(number)
    gone: list[str] = []
    with httpx.Client(base_url=url, headers={"X-API-Key": API_KEY, "X-Tenant-ID": "acme"}, timeout=SECONDS) as client:
        while len(gone) < share:
            several = min(share - len(gone), shuffled.choice((1, 1, 2, 7)))
            user = f"user_{number}_{len(gone)}"
            made = [client.post("/internal/session/create", json={"auth_user_id": user}) for _ in range(several)]
            ids = [str(one.json()["data"]["session"]["id"]) for one in made]
            if several == 1:
                client.delete(f"/internal/session/{ids[0]}").raise_for_status()
            else:
                client.delete(f"/internal/session/session/user/{user}").raise_for_status()
            gone += ids
    return gone
