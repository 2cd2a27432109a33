"""A server whose certificate a private authority signed is judged by every part of the suite, and with its trust."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sojourn.conformance.contract import Contract
from sojourn.conformance.fuzzing.data import fill
from sojourn.conformance.fuzzing.runner import run
from sojourn.conformance.target import Target
from sojourn.conformance.traffic import Traffic
from sojourn.conformance.world import World
from tests.certificates import Authority
from tests.conformance.serving import FIRST, admin_token, judge
from tests.conformance.test_own_server import SETTINGS
from tests.live import API_KEY, LiveServer

CHECKS = ("SED-009", "LNK-001", "WHK-005")
"""Of the reads, along links, and of what is sent."""
GENERATED = ("/health/ready", "/admin/webhooks", "/admin/webhooks/{webhook_id}")
"""Where generated requests read, make endpoints, and remove what they made."""


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[tuple[LiveServer, Path]]:
    """A server over TLS, and the certificate of the authority that vouches for it."""
    authority = Authority(tmp_path / "authority.pem")
    files = {"SOJOURN_TLS_CERTIFICATE": tmp_path / "chain.pem", "SOJOURN_TLS_KEY": tmp_path / "key.pem"}
    for path, text in zip(files.values(), authority.sign("localhost"), strict=True):
        path.touch(0o600)
        path.write_bytes(text)
    settings = SETTINGS | {name: str(path) for name, path in files.items()} | {"SOJOURN_HOST": "localhost"}
    server = LiveServer(tmp_path, tls_authority=authority.path, **settings)
    yield server, authority.path
    server.stop()


def without_links(value: dict[str, Any]) -> dict[str, Any]:
    """A part of the contract without links, which lead to operations that are left out here."""
    return {name: part for name, part in value.items() if name != "links"}


def test_checks_trust_the_authority_that_is_given(secured: tuple[LiveServer, Path], tmp_path: Path) -> None:
    server, authority = secured
    options = [part for name in CHECKS for part in ("--check", name)]

    said = judge(server.url, tmp_path / "report", "--ca-file", str(authority), *options)

    assert said.verdicts == dict.fromkeys(CHECKS, "pass"), said.output


def test_generated_requests_trust_it_too_and_so_does_what_removes_what_they_made(
    secured: tuple[LiveServer, Path], tmp_path: Path
) -> None:
    server, authority = secured
    contract = Contract.read(None)
    document = json.loads(json.dumps(contract.document), object_hook=without_links)
    document["paths"] = {path: document["paths"][path] for path in GENERATED}
    target = Target(server.url, API_KEY, admin_token(FIRST), FIRST, ca_file=authority)
    world = World(target, contract, traffic=Traffic(target, contract))
    filling = fill(world)
    before = {webhook["id"] for webhook in world.first.admin("list_webhooks").json["items"]}

    folder = tmp_path / "generated"
    done = run(target, Contract(document), filling=filling, folder=folder, profile="main", seed=1, examples=5)

    assert done.exit_status == 0, done.output
    assert server.log.read_text().count("create_webhook 201") > len(before)
    assert {webhook["id"] for webhook in world.first.admin("list_webhooks").json["items"]} <= before
