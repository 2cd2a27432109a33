"""Webhooks: where they may lead, when a secret is shown, and what is shown of events that could not be delivered.

Where the judge can be reached from the server, it looks at what is delivered, too. All other endpoints have names that
lead nowhere (RFC 2606 §2).
"""

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sojourn.conformance.chapters.events import all_behind, end_of, ended
from sojourn.conformance.checks import check
from sojourn.conformance.receiving import Delivery, Receiver, receiver
from sojourn.conformance.world import Tenant, World, expect

if TYPE_CHECKING:
    from collections.abc import Iterator

NOWHERE = "https://hooks.invalid/sojourn"
INNER = (
    "http://hooks.invalid/sojourn",
    "https://127.0.0.1/",
    "https://127.1/",
    "https://2130706433/",
    "https://0x7f.0.0.1/",
    "https://0177.0.0.1/",
    "https://localhost/",
    "https://api.localhost./",
    "https://10.0.0.5/",
    "https://172.16.0.1/",
    "https://192.168.1.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://100.64.0.1/",
    "https://0.0.0.0/",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[fd00::1]/",
    "https://[fe80::1]/",
    "https://user@hooks.invalid/",
    "ftp://hooks.invalid/",
)
"""What is not https, and inner addresses as different programs spell them."""
SECONDS = 60
"""More than an attempt and the one before it may take."""


@contextmanager
def endpoint(tenant: Tenant, **members: Any) -> "Iterator[dict[str, Any]]":
    """An endpoint with its secret, deleted afterwards."""
    made = expect(tenant.admin("create_webhook", body={"url": NOWHERE, "events": ["session.ended"], **members}), 201)
    yield made.json
    expect(tenant.admin("remove_webhook", webhook_id=made.json["id"]), 204)


@check(
    "WHK-001",
    "A webhook MUST lead to a public address over https, however an inner one is spelled.",
    source="the contract, create_webhook and update_webhook",
    profile="full",
    feature="events",
)
def test_inner_addresses_are_refused(world: World) -> None:
    tenant = world.first
    with endpoint(tenant, enabled=False) as hook:
        for url in INNER:
            made = tenant.admin("create_webhook", body={"url": url, "events": ["session.ended"]})
            changed = tenant.admin("update_webhook", webhook_id=hook["id"], body={"url": url})
            for reply in (made, changed):
                fields = [error["field"] for error in expect(reply, 400).json["errors"]]
                assert fields == ["url"], f"{url}: refused for {fields}"
        shown = expect(tenant.admin("get_webhook", webhook_id=hook["id"]), 200).json
        assert shown["url"] == NOWHERE, "a change that was refused was made"


@check(
    "WHK-002",
    "The secret of a webhook MUST be shown when it is made, and never again.",
    source="the contract, create_webhook and rotate_webhook_secret",
    profile="full",
    feature="events",
)
def test_a_secret_is_shown_once(world: World) -> None:
    tenant = world.first
    with endpoint(tenant, enabled=False) as hook, endpoint(tenant, enabled=False) as other:
        name = {"webhook_id": hook["id"]}
        rotated = expect(tenant.admin("rotate_webhook_secret", **name, body={"overlap": "1h"}), 200).json
        assert len({hook["secret"], other["secret"], rotated["secret"]}) == 3, "a secret was given twice"
        change = {"description": "Deny list", "events": ["session.ended"]}
        shown = [
            expect(tenant.admin("get_webhook", **name), 200),
            expect(tenant.admin("list_webhooks"), 200),
            expect(tenant.admin("update_webhook", **name, body=change), 200),
        ]
        for reply in shown:
            assert "whsec_" not in reply.text, "a secret is shown again"
        assert shown[0].json["previous_secret_until"] == rotated["previous_secret_until"], "how long both sign differs"


@check(
    "WHK-003",
    "An event that cannot be delivered MUST be listed as pending, under its own id, with what was tried.",
    source="the contract, list_webhook_deliveries",
    profile="full",
    feature="events",
)
def test_what_is_not_delivered_is_listed(world: World) -> None:
    tenant = world.first
    with endpoint(tenant) as hook:
        name = {"webhook_id": hook["id"]}
        cursor = end_of(tenant)
        made = tenant.sign_in()
        expect(tenant.service("revoke_session_as_service", session_id=made.id), 204)
        told = attempted(tenant, hook["id"], cursor=cursor, session_id=made.id)
        assert (told["type"], told["state"]) == ("session.ended", "pending"), "not pending"
        assert all(attempt["outcome"] != "delivered" for attempt in told["attempts"]), "delivered to nobody"
        tested = expect(tenant.admin("test_webhook", **name), 200).json
        assert tested["delivered"] is False, "a test was delivered to nobody"
        again = expect(tenant.admin("replay_webhook_deliveries", **name, body={"delivery_id": told["id"]}), 202).json
        assert again["deliveries"] == 1, "another number is sent again"


@check(
    "WHK-004",
    "A delivery MUST name the event by its id and be signed with the secret shown, and with the old one in an overlap.",
    source="Standard Webhooks 1.0, webhook headers and signature scheme; the contract, create_webhook",
    profile="full",
    feature="events",
    needs=("receiver_url",),
)
def test_what_is_delivered_is_signed(world: World) -> None:
    tenant, url = world.first, world.target.receiver_url or ""
    with receiver(url) as listening, endpoint(tenant, url=url) as hook:
        first = delivered(tenant, listening)
        assert first.is_signed_with(hook["secret"]), "the signature is not that of the secret that was shown"
        name, change = {"webhook_id": hook["id"]}, {"overlap": "1h"}
        rotated = expect(tenant.admin("rotate_webhook_secret", **name, body=change), 200).json
        second = delivered(tenant, listening)
        assert second.is_signed_with(rotated["secret"]), "the signature is not that of the new secret"
        assert second.is_signed_with(hook["secret"]), "the old secret signs no more, in spite of the overlap"


def delivered(tenant: Tenant, listening: Receiver) -> Delivery:
    """What comes when a session ends: the event of the feed, and nothing else."""
    cursor = end_of(tenant)
    made = tenant.sign_in()
    expect(tenant.service("revoke_session_as_service", session_id=made.id), 204)
    came = listening.about(made.id, seconds=SECONDS)
    [event] = ended(all_behind(tenant, cursor), made.id)
    assert came.headers.get("webhook-id") == event["id"], "the feed has the event under another id"
    assert (came.document["type"], came.document["data"]) == (event["type"], event["data"]), "not the event of the feed"
    assert came.headers.get("webhook-timestamp", "").isdecimal(), "the timestamp is no number of seconds"
    return came


def attempted(tenant: Tenant, webhook_id: str, *, cursor: str, session_id: str) -> dict[str, Any]:
    """The delivery of a session's end, once it was tried. Others of the tenant may end by themselves beside it."""
    deadline = time.monotonic() + SECONDS
    while True:
        listed = expect(tenant.admin("list_webhook_deliveries", webhook_id=webhook_id), 200).json["items"]
        events = [event for event in all_behind(tenant, cursor) if event["type"] == "session.ended"]
        names = [item["id"] for item in listed]
        assert len(set(names)) == len(names), "one event is listed several times"
        assert {event["id"] for event in events}.issuperset(names), "the feed has the event under another id"
        [event] = ended(events, session_id)
        [delivery] = [item for item in listed if item["id"] == event["id"]] or [{"attempts": []}]
        if delivery["attempts"]:
            return dict(delivery)
        assert time.monotonic() < deadline, f"nothing was tried in {SECONDS} seconds"
        time.sleep(0.25)


ENDPOINTS: tuple[dict[str, Any], ...] = (
    {
        "url": f"{NOWHERE}/One?A=b%20C",
        "events": ["session.created", "session.ended"],
        "description": "The First, Übung",
    },
    {"url": NOWHERE, "events": ["tokens.refused"]},
    {"url": f"{NOWHERE}/3", "events": ["policy.changed", "session.elevated", "session.ended"], "description": "3"},
)
"""Members that differ in everything, case and number included. None of them is sent anything."""


@check(
    "WHK-005",
    "Every view of a tenant's endpoints MUST show what was made, changed and deleted, to the member.",
    source="the contract, webhooks",
    profile="full",
    feature="events",
)
def test_endpoints_are_shown_as_they_were_made(world: World) -> None:
    tenants = [tenant for tenant in (world.first, world.second) if tenant is not None]
    kept: dict[str, dict[str, Any]] = {tenant.id: {} for tenant in tenants}
    for members in ENDPOINTS:
        for tenant in tenants:
            body = {**members, "enabled": False}
            made = expect(tenant.admin("create_webhook", body=body), 201).json
            assert {name: made.get(name) for name in body} == body, f"made otherwise: {made}"
            kept[tenant.id][made["id"]] = {name: value for name, value in made.items() if name != "secret"}
    for tenant in tenants:
        _shown_as_kept(tenant, kept[tenant.id])
        first, second, third = kept[tenant.id]
        change = {"description": "Another One", "events": ["session.ended"]}
        changed = expect(tenant.admin("update_webhook", webhook_id=second, body=change), 200).json
        assert {**kept[tenant.id][second], **change, "updated_at": ""} == {**changed, "updated_at": ""}, (
            "changed otherwise"
        )
        kept[tenant.id][second] = changed
        expect(tenant.admin("remove_webhook", webhook_id=third), 204)
        del kept[tenant.id][third]
        rotated = expect(tenant.admin("rotate_webhook_secret", webhook_id=first, body={"overlap": "2h"}), 200).json
        kept[tenant.id][first] = expect(tenant.admin("get_webhook", webhook_id=first), 200).json
        assert rotated["previous_secret_until"] == kept[tenant.id][first]["previous_secret_until"], "another overlap"
        expect(tenant.admin("get_webhook", webhook_id=third), 404)
        for one in tenants:
            _shown_as_kept(one, kept[one.id])
    for tenant in tenants:
        for key in kept[tenant.id]:
            expect(tenant.admin("remove_webhook", webhook_id=key), 204)


def _shown_as_kept(tenant: Tenant, kept: dict[str, Any]) -> None:
    """Alone and in the list, twice: each as it is known."""
    for _ in range(2):
        listed = {one["id"]: one for one in expect(tenant.admin("list_webhooks", limit=500), 200).json["items"]}
        for key, known in kept.items():
            alone = expect(tenant.admin("get_webhook", webhook_id=key), 200).json
            assert alone == known, f"{key} is shown as {alone}, known is {known}"
            assert listed.get(key) == known, f"{key} is listed as {listed.get(key)}, known is {known}"
