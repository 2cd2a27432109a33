"""Liars about webhooks: a secret that is shown again, an inner address that is taken, tries that are not listed."""

from typing import Any

from tests.conformance.liars.lying import Answer, Exchange, answers, documents, requests
from tests.conformance.serving import RECEIVER_HOST

HOOK, HOOKS = "GET /admin/webhooks/[^/]+$", "POST /admin/webhooks$"
ROTATED = "POST /admin/webhooks/[^/]+/rotate-secret$"
DELIVERED: dict[str, Any] = {"settings": {"SOJOURN_WEBHOOK_ALLOW": RECEIVER_HOST}, "options": ("receiver",)}
"""The judge is reached by an address of this machine that no other check knows."""
DELIVERIES = "GET /admin/webhooks/[^/]+/deliveries$"


@requests("WHK-001", "takes an address of IPv6 that stands for one of this machine", HOOKS)
def _(exchange: Exchange) -> None:
    body = exchange.document
    if str(body.get("url", "")).startswith("https://[::ffff:"):
        exchange.put_document({**body, "url": "https://hooks.invalid/"})


@documents("WHK-002", "shows the secret with the endpoint", HOOK)
def _(exchange: Exchange, document: Any) -> None:
    document["secret"] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="


@documents("WHK-003", "says of what was delivered to nobody that it was delivered", DELIVERIES)
def _(exchange: Exchange, document: Any) -> None:
    for item in document["items"]:
        item["state"] = "delivered"


@documents("WHK-003", "lists deliveries under ids of their own", DELIVERIES)
def _(exchange: Exchange, document: Any) -> None:
    for item in document["items"]:
        item["id"] += "_1"


@answers("WHK-003", "says that a test was delivered", "POST /admin/webhooks/[^/]+/test$")
def _(exchange: Exchange, answer: Answer) -> None:
    if answer.status == 200:
        answer.document = {**answer.document, "delivered": True}


@documents("WHK-004", "signs with another secret than the one that it shows", HOOKS, **DELIVERED)
def _(exchange: Exchange, document: Any) -> None:
    document["secret"] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="


@requests("WHK-004", "signs with the new secret alone as soon as it is rotated", ROTATED, **DELIVERED)
def _(exchange: Exchange) -> None:
    exchange.put_document({**exchange.document, "overlap": "0s"})


@documents("WHK-004", "has events in the feed under other ids than it delivers", "GET /internal/events$", **DELIVERED)
def _(exchange: Exchange, document: Any) -> None:
    for event in document["items"]:
        event["id"] += "0"


@documents("WHK-005", "shows the endpoint that was made first for every one of a list", "GET /admin/webhooks$")
def _(exchange: Exchange, document: Any) -> None:
    for item in document["items"]:
        item["events"] = document["items"][0]["events"]
