"""What one worker has acknowledged is what the others show and hold to: with their next response."""

import itertools
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations
from typing import Any, NamedTuple

import jwt
import pytest
from click.testing import CliRunner

from sojourn.cli.keys import keys
from tests.conftest import ENGINES, new_database
from tests.faults.clients import bearer_token
from tests.http.test_retries_live import active, create
from tests.http.test_scopes import stored
from tests.live import API_KEY, REFRESH_SECRET, LiveServer
from tests.workers import Answered, Worker, each_worker

TENANTS = itertools.count(1)
SECONDS = 60
RETRIES = 20
EXPIRY = {"access_expiry": "10m", "refresh_expiry": "24h"}
HOOK = {"url": "https://hooks.example.com/sojourn", "events": ["session.ended"]}


class Service(NamedTuple):
    """A service of two workers, and what its callers know."""

    port: int
    workers: list[Worker]
    database_url: str
    manager: str


class Scene:
    """A tenant of its own with one session, in which one act is tried."""

    def __init__(self, service: Service, doer: Worker) -> None:
        self.service = service
        self.tenant = f"tenant-{next(TENANTS)}"
        data = self.internal(doer, "POST", "create", {"auth_user_id": "usr_ann"}).document["data"]
        self.session: str = data["session"]["id"]
        self.access: str = data["tokens"]["access_token"]
        self.noted = ""
        """What an act is to find: an id, a key."""

    def internal(self, worker: Worker, method: str, path: str, body: Any = None, key: str = API_KEY) -> Answered:
        headers = {"X-API-Key": key, "X-Tenant-ID": self.tenant}
        return worker.ask(method, f"/internal/session/{path}", headers, body)

    def admin(self, worker: Worker, method: str, path: str, body: Any = None) -> Answered:
        bearer = {"Authorization": f"Bearer {bearer_token(self.tenant, 'root', 'admin')}"}
        return worker.ask(method, f"/admin/{path}", bearer, body)

    def manage(self, worker: Worker, method: str, path: str, body: Any = None) -> Answered:
        return worker.ask(method, f"/admin/{path}", {"X-API-Key": self.service.manager}, body)

    def by_command(self, *arguments: str) -> str:
        given = [*arguments, "--database-url", self.service.database_url]
        run = CliRunner().invoke(keys, given, env={"SOJOURN_REFRESH_SECRET": REFRESH_SECRET})
        assert run.exit_code == 0, run.output
        return run.stdout.strip()


Done = Answered | str
Shown = Callable[[Scene, Worker], Any]


class Act(NamedTuple):
    """What is done at one worker, and what is read at each. `before` prepares what the act needs."""

    act: Callable[[Scene, Worker], Done]
    shows: Shown
    before: Callable[[Scene, Worker], None] = lambda scene, worker: None


def token(scene: Scene, worker: Worker) -> Any:
    """What a service is told of the session's access token."""
    found = scene.internal(worker, "POST", "validate-token", {"access_token": scene.access}).document
    return found["valid"], found.get("error")


def with_key(scene: Scene, worker: Worker) -> int:
    """How a caller with the scene's own key is treated."""
    return scene.internal(worker, "GET", "sessions/usr_ann/active", key=scene.noted).status


def make_key(scene: Scene, worker: Worker) -> None:
    scene.noted = scene.manage(worker, "POST", "api-keys", {"name": "login"}).document["key"]


def key_id(scene: Scene) -> str:
    return scene.noted.split("_")[1]


def suspend(scene: Scene, worker: Worker) -> Answered:
    return scene.admin(worker, "POST", f"sessions/{scene.session}/suspend")


def blacklist(scene: Scene, worker: Worker) -> Answered:
    entry = {"token": scene.access, "token_type": "access", "user_id": "usr_ann"}
    return scene.internal(worker, "POST", "blacklist-token", entry)


def entries(scene: Scene, worker: Worker) -> list[str]:
    return [entry["id"] for entry in scene.admin(worker, "GET", "tokens/blacklist").document["items"]]


def set_limit(scene: Scene, worker: Worker) -> Answered:
    return scene.admin(worker, "PUT", "policies/sessions", {"max_sessions": {"count": 1, "on_limit": "deny"}})


def sign_in(scene: Scene, worker: Worker) -> int:
    return scene.internal(worker, "POST", "create", {"auth_user_id": "usr_ann"}).status


def of_admin(path: str) -> Shown:
    return lambda scene, worker: scene.admin(worker, "GET", path).document


def of_service(path: str) -> Shown:
    return lambda scene, worker: scene.internal(worker, "GET", path.format(scene=scene)).document


def rows_of(path: str) -> Shown:
    return lambda scene, worker: scene.internal(worker, "GET", path).document["items"]


ACTS = {
    "create_session": Act(
        lambda s, w: s.internal(w, "POST", "create", {"auth_user_id": "usr_ann"}), rows_of("sessions/usr_ann")
    ),
    "revoke_session_as_service": Act(lambda s, w: s.internal(w, "DELETE", s.session), token),
    "revoke_user_sessions": Act(
        lambda s, w: s.internal(w, "DELETE", "session/user/usr_ann"), of_service("sessions/usr_ann/active")
    ),
    "revoke_all_tokens": Act(lambda s, w: s.admin(w, "POST", "tokens/revoke-all", {"user_id": "usr_ann"}), token),
    "update_session_as_service": Act(
        lambda s, w: s.internal(w, "PATCH", s.session, {"name": "the old laptop"}), of_service("{scene.session}")
    ),
    "elevate_session": Act(
        lambda s, w: s.internal(w, "POST", f"{s.session}/elevate", {"amr": ["otp"]}), of_service("{scene.session}")
    ),
    "trust_device": Act(
        lambda s, w: s.internal(
            w, "POST", "trusted-devices", {"user_id": "usr_ann", "device_fingerprint": "fp-of-the-test"}
        ),
        rows_of("trusted-devices?user_id=usr_ann"),
    ),
    "suspend_session": Act(suspend, token),
    "reactivate_session": Act(
        lambda s, w: s.admin(w, "POST", f"sessions/{s.session}/reactivate"),
        token,
        lambda s, w: _done(suspend(s, w)),
    ),
    "blacklist_token": Act(blacklist, token),
    "remove_blacklist_entry": Act(
        lambda s, w: s.admin(w, "DELETE", f"tokens/blacklist/{entries(s, w)[0]}"),
        token,
        lambda s, w: _done(blacklist(s, w)),
    ),
    "set_session_policy": Act(set_limit, of_admin("policies/sessions")),
    "set_session_policy, then sign in": Act(set_limit, sign_in),
    "reset_session_policy": Act(
        lambda s, w: s.admin(w, "DELETE", "policies/sessions"), sign_in, lambda s, w: _done(set_limit(s, w))
    ),
    "set_token_config": Act(lambda s, w: s.admin(w, "PUT", "tokens/config", EXPIRY), of_admin("tokens/config")),
    "create_webhook": Act(lambda s, w: s.admin(w, "POST", "webhooks", HOOK), of_admin("webhooks")),
    "create_api_key": Act(
        lambda s, w: s.manage(w, "POST", "api-keys", {"name": "login"}),
        lambda s, w: [key["id"] for key in s.manage(w, "GET", "api-keys").document["items"]],
    ),
    "rotate_api_key": Act(
        lambda s, w: s.manage(w, "POST", f"api-keys/{key_id(s)}/rotate", {"overlap": "0s"}), with_key, make_key
    ),
    "revoke_api_key": Act(lambda s, w: s.manage(w, "DELETE", f"api-keys/{key_id(s)}"), with_key, make_key),
    "sojourn keys rotate": Act(
        lambda s, w: s.by_command("rotate", "--now"), lambda s, w: w.ask("GET", "/.well-known/jwks.json").document
    ),
    "sojourn keys retire": Act(lambda s, w: s.by_command("retire", signing_key(s)), token, lambda s, w: another(s)),
}


def signing_key(scene: Scene) -> str:
    """The id of the key that signed the session's token."""
    found: str = jwt.get_unverified_header(scene.access)["kid"]
    return found


def another(scene: Scene) -> None:
    """A key that signs from now on."""
    scene.by_command("rotate", "--now")


def _done(answer: Answered) -> None:
    assert answer.status < 300, answer


@pytest.fixture(scope="module", params=ENGINES)
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Two workers on either engine, for all tests of this module."""
    folder = tmp_path_factory.mktemp("agreeing")
    with new_database(request, request.param, folder=folder) as url:
        settings = {"SOJOURN_REFRESH_SECRET": REFRESH_SECRET, "SOJOURN_TOUCH_INTERVAL": "300ms"}
        server = LiveServer(folder, "--workers", "2", SOJOURN_DATABASE_URL=url, **settings)
        workers = each_worker(server, 2)
        yield Service(server.port, workers, url, stored(url, scopes=["manage"]).text)
        for worker in workers:
            worker.close()
        server.stop()


@pytest.mark.parametrize("name", ACTS)
def test_what_one_worker_acknowledged_the_other_shows_with_its_next_response(service: Service, name: str) -> None:
    """The other has shown the state before, so that whatever it keeps of it would be seen."""
    one = ACTS[name]
    for doer, other in permutations(service.workers, 2):
        scene = Scene(service, doer)
        one.before(scene, doer)
        before = one.shows(scene, other)

        done = one.act(scene, doer)

        assert isinstance(done, str) or done.status < 300, done
        after = one.shows(scene, other)
        assert after != before
        assert one.shows(scene, doer) == after


def test_an_activity_that_waits_in_one_worker_is_shown_by_the_other_once_it_is_written(service: Service) -> None:
    """At the worker that recorded it at once, elsewhere after `SOJOURN_TOUCH_INTERVAL`."""
    for doer, other in permutations(service.workers, 2):
        scene = Scene(service, doer)
        at = of_service("{scene.session}")
        before = at(scene, other)["session"]["last_active_at"]
        time.sleep(0.002)  # instants are whole milliseconds

        _done(scene.internal(doer, "POST", f"{scene.session}/activity"))

        recorded = at(scene, doer)["session"]["last_active_at"]
        assert recorded > before
        deadline = time.monotonic() + SECONDS
        while at(scene, other)["session"]["last_active_at"] != recorded:
            assert time.monotonic() < deadline, "it was never written"
            time.sleep(0.05)


def test_retries_that_meet_in_several_workers_have_one_effect(service: Service) -> None:
    with ThreadPoolExecutor(RETRIES) as pool:
        found = list(pool.map(lambda _: create(service.port, "usr_1", "one-key"), range(RETRIES)))

    assert {status for status, _ in found} == {201}
    assert len({answer for _, answer in found}) == 1
    assert active(service.port, "usr_1") == 1
