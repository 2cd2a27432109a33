"""What changes while a check is judged, though its own requests change nothing: others act, or time goes on."""

import json
from datetime import timedelta
from pathlib import Path

from sojourn.conformance.ahead import OF_A_WHOLE_TENANT
from sojourn.conformance.contract import Contract
from sojourn.conformance.endings import has_something_ended
from sojourn.conformance.fresh import valid_request
from sojourn.conformance.instants import now
from sojourn.conformance.target import Target
from sojourn.conformance.traffic import Traffic
from sojourn.conformance.wire import Reply
from sojourn.conformance.world import World, expect
from tests.conformance.serving import FIRST, admin_token
from tests.conformance.test_own_server import SETTINGS
from tests.live import API_KEY, LiveServer

CONTRACT = Contract.read(None).without_scope("manage")


def world_at(url: str) -> World:
    """The suite's view of a server."""
    target = Target(url, API_KEY, admin_token(FIRST), FIRST)
    return World(target, CONTRACT, traffic=Traffic(target, CONTRACT))


def test_no_case_runs_beside_others_whose_tag_moves_when_anybody_signs_in(tmp_path: Path) -> None:
    server = LiveServer(tmp_path, **SETTINGS)
    try:
        world = world_at(server.url)
        world.make_tenants()
        moved = set()
        for operation in CONTRACT.operations.values():
            if 304 in operation.responses:
                request = valid_request(operation, world.first)
                before = expect(world.send(request), 200).headers["etag"]
                world.first.sign_in()
                after = expect(world.send(request), 200).headers["etag"]
                moved |= {operation.id} if after != before else set()
    finally:
        server.stop()
    assert moved == {"get_revocations"}
    assert moved <= set(OF_A_WHOLE_TENANT)


def test_an_end_that_is_forgotten_is_one_that_time_brings() -> None:
    world = world_at("http://127.0.0.1:9")
    began = now()
    for forgotten, wanted in ((began + timedelta(hours=1), False), (began, True)):
        body = {"items": [{"kind": "token", "tenant_id": FIRST, "forget_at": forgotten.isoformat(), "jti": "tok_1"}]}
        world.traffic.add(world.first.request("get_revocations"), Reply(200, body=json.dumps(body).encode()))
        assert has_something_ended(world.traffic, since=0, began=began, over=now()) is wanted
