"""Two days of traffic for the demo's tenants, sent to the service request by request.

People sign in, come back, sign out and trust devices; every request is an ordinary one over HTTP.
"""

import http.client
import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol
from urllib.parse import quote

from sojourn.authentication import issue_token
from sojourn.cli.synthetic.people import Device, Person, person
from sojourn.domain.clock import utc_now
from sojourn.settings import Settings

PEOPLE = 40
SESSIONS = 170
SPAN = timedelta(hours=44)
"""Longer than a session's absolute time-out, so that some of them have expired."""

_EVENT_ORDER = {"sign_in": 0, "activity": 1, "sign_out": 2}


class SettableClock(Protocol):
    """A clock that can be put anywhere."""

    instant: datetime | None


@dataclass(frozen=True, slots=True)
class Story:
    """The story that the demo plays: its people, its requests, and when they happen."""

    url: str
    settings: Settings
    clock: SettableClock
    tenants: Sequence[str]
    chance: random.Random


@dataclass(frozen=True, slots=True)
class _Event:
    at: datetime
    kind: str
    session: int
    tenant: str
    who: Person
    device: Device


class DemoError(Exception):
    """The service refused a request of the story."""


def tell(story: Story, stopped: Callable[[], bool]) -> str:
    """Play the whole story (blocks). Returns a user of the first tenant with active sessions.

    Ends early when `stopped` says so. Raises DemoError when the service refuses anything.
    """
    teller = _Teller(story)
    for event in sorted(_events(story), key=lambda event: (event.at, _EVENT_ORDER[event.kind])):
        if stopped():
            break
        teller.tell(event)
    return teller.last_user


def _events(story: Story) -> Iterator[_Event]:
    now, chance, number = utc_now(), story.chance, 0
    for tenant in story.tenants:
        people = [person(chance, index + 1) for index in range(PEOPLE)]
        for _ in range(SESSIONS):
            number += 1
            who = people[int(len(people) * chance.random() ** 2)]
            device = chance.choice(who.devices)
            at = now - SPAN * chance.random() ** 2 - timedelta(seconds=1)
            yield _Event(at=at, kind="sign_in", session=number, tenant=tenant, who=who, device=device)
            while (at := at + timedelta(minutes=chance.randint(5, 200))) < now and chance.random() < 0.6:
                yield _Event(at=at, kind="activity", session=number, tenant=tenant, who=who, device=device)
            if chance.random() < 0.2 and at < now:
                yield _Event(at=at, kind="sign_out", session=number, tenant=tenant, who=who, device=device)


class _Teller:
    """Sends the requests, each at its own instant."""

    def __init__(self, story: Story) -> None:
        self._story = story
        address = story.url.removeprefix("http://")
        self._connection = http.client.HTTPConnection(address, timeout=30)
        self._ids: dict[int, str] = {}
        self._trusted: set[str] = set()
        self.last_user = ""

    def tell(self, event: _Event) -> None:
        self._story.clock.instant = event.at
        if event.kind == "sign_in":
            self._sign_in(event)
            return
        path = f"/sessions/{quote(self._ids[event.session])}"
        if event.kind == "activity":
            self._send(event, "POST", path=f"{path}/activity", user=event.who.user_id, expect=(200, 404))
        else:
            self._send(event, "DELETE", path=path, body={"reason": "signed out"}, user=event.who.user_id, expect=(204,))

    def _sign_in(self, event: _Event) -> None:
        who, device = event.who, event.device
        answer = self._send(
            event,
            "POST",
            path="/internal/session/create",
            body={
                "auth_user_id": who.user_id,
                "username": who.username,
                "amr": list(who.amr),
                "app_id": "app_web",
                "device_id": device.device_id,
                "device_fingerprint": device.fingerprint,
                "ip": device.ip,
                "user_agent": device.user_agent,
            },
            expect=(201,),
        )
        self._ids[event.session] = answer["data"]["session"]["id"]
        if event.tenant == self._story.tenants[0]:
            self.last_user = who.user_id
        if device.fingerprint not in self._trusted and self._story.chance.random() < 0.4:
            self._trust(event)

    def _trust(self, event: _Event) -> None:
        device = event.device
        self._trusted.add(device.fingerprint)
        body = {
            "user_id": event.who.user_id,
            "device_fingerprint": device.fingerprint,
            "device_name": device.name,
            "device_type": device.facts.device_type,
            "browser": device.facts.browser,
            "os": device.facts.os,
            "ip": device.ip,
        }
        self._send(event, "POST", path="/internal/session/trusted-devices", body=body, expect=(200, 201))

    def _send(
        self,
        event: _Event,
        method: str,
        *,
        path: str,
        body: dict[str, Any] | None = None,
        user: str | None = None,
        expect: tuple[int, ...],
    ) -> Any:
        headers = self._credentials(event, user)
        content = None
        if body is not None:
            content = json.dumps(body)
            headers["Content-Type"] = "application/json"
        self._connection.request(method, path, content, headers)
        answer = self._connection.getresponse()
        raw = answer.read()
        if answer.status not in expect:
            raise DemoError(f"{method} {path}: {answer.status} {raw.decode(errors='replace')}")
        return json.loads(raw) if raw else None

    def _credentials(self, event: _Event, user: str | None) -> dict[str, str]:
        settings = self._story.settings
        if user is None:
            return {"X-API-Key": settings.internal_api_keys[0], "X-Tenant-ID": event.tenant}
        token = issue_token(
            settings,
            tenant=event.tenant,
            user=user,
            roles=(),
            session=None,
            ttl=timedelta(minutes=5),
            now=event.at,
        )
        return {"Authorization": f"Bearer {token}"}
