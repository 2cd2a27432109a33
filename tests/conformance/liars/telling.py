"""Liars about events: an end that is not told, or twice, or in another order, and readers that tell another story."""

import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

from tests.conformance.liars.lying import Answer, Exchange, answers, documents, requests

LIST, KEYS = "GET /status-lists/.", "GET /.well-known/jwks.json$"
PUBLIC = {"SOJOURN_PUBLIC_URL": "http://127.0.0.1"}
"""Without it there are no status lists."""
OWN = Ed25519PrivateKey.generate()
"""A key of a liar that publishes it."""
PAGES, STREAM, SNAPSHOT = "GET /internal/events$", "GET /internal/events/stream$", "GET /internal/revocations$"
OF_SESSION = "GET /admin/sessions/[^/]+/events$"


def is_end(event: dict[str, Any], code: str = "") -> bool:
    return event["type"] == "session.ended" and code in ("", event["data"]["reason_code"])


@documents("EVT-001", "tells nothing of what ends in bulk", PAGES)
def _(exchange: Exchange, document: Any) -> None:
    document["items"] = [event for event in document["items"] if not is_end(event, "bulk")]


@documents("EVT-001", "tells the ends by services twice", PAGES)
def _(exchange: Exchange, document: Any) -> None:
    doubled = [event for event in document["items"] if is_end(event, "revoked_by_service")]
    document["items"] += [{**event, "id": f"{event['id']}0"} for event in doubled]


@documents("EVT-001", "tells of the beginning of a session as of its end", PAGES)
def _(exchange: Exchange, document: Any) -> None:
    for event in document["items"]:
        if event["type"] == "session.created":
            event["type"] = "session.ended"


@documents("EVT-002", "leaves out the last event of a page that is not the last", PAGES)
def _(exchange: Exchange, document: Any) -> None:
    if document["has_more"] and len(document["items"]) > 1:
        document["items"].pop()


@documents("EVT-002", "has the newest event of a page first", PAGES)
def _(exchange: Exchange, document: Any) -> None:
    document["items"].reverse()


@answers("EVT-003", "streams no ends", STREAM)
def _(exchange: Exchange, answer: Answer) -> None:
    blocks = answer.body.split(b"\n\n")
    answer.body = b"\n\n".join(block for block in blocks if b"event: session.ended" not in block)


@requests("EVT-003", "streams to who takes anything", STREAM)
def _(exchange: Exchange) -> None:
    if exchange.header("accept") == "*/*":
        exchange.put("accept", "text/event-stream")


@requests("EVT-003", "begins each stream anew", STREAM)
def _(exchange: Exchange) -> None:
    exchange.put("last-event-id", exchange.memory.setdefault("first", exchange.header("last-event-id")))


@documents("EVT-004", "has the snapshot of the first one who asked", SNAPSHOT)
def _(exchange: Exchange, document: Any) -> None:
    document.update(exchange.memory.setdefault("first", document))


@documents("EVT-004", "leaves the ended sessions out of the snapshot", SNAPSHOT)
def _(exchange: Exchange, document: Any) -> None:
    document["items"] = [item for item in document["items"] if item["kind"] != "session"]


@answers("EVT-005", "has the status list of the first one who asked", LIST, settings=PUBLIC)
def _(exchange: Exchange, answer: Answer) -> None:
    answer.body = exchange.memory.setdefault(exchange.path, answer.body)


@answers("EVT-005", "has a status list whose signature does not hold", LIST, settings=PUBLIC)
def _(exchange: Exchange, answer: Answer) -> None:
    head, claims, _ = answer.body.split(b".")
    answer.body = b".".join((head, claims, urlsafe_b64encode(b"x" * 64).rstrip(b"=")))


@answers("EVT-005", "puts each status one place further in the list", f"{LIST}|{KEYS}", settings=PUBLIC)
def _(exchange: Exchange, answer: Answer) -> None:
    """Each byte is turned by one place. It signs with a key of its own, which it publishes beside the others."""
    if exchange.path.endswith("jwks.json"):
        document = answer.document
        public = OKPAlgorithm.to_jwk(OWN.public_key(), as_dict=True)
        document["keys"].append({**public, "kid": "own", "alg": "EdDSA", "use": "sig"})
        answer.document = document
        return
    claims = jwt.decode(answer.body, options={"verify_signature": False})
    lst = claims["status_list"]["lst"]
    array = zlib.decompress(urlsafe_b64decode(lst + "=" * (-len(lst) % 4)))
    turned = bytes((byte << 2 | byte >> 6) & 0xFF for byte in array)
    claims["status_list"]["lst"] = urlsafe_b64encode(zlib.compress(turned)).rstrip(b"=").decode()
    answer.body = jwt.encode(claims, OWN, "EdDSA", {"kid": "own", "typ": "statuslist+jwt"}).encode()


@requests("EVT-006", "hears the first of several types only", "GET /internal/events$")
def _(exchange: Exchange) -> None:
    if "types" in exchange.parameters:
        exchange.put_parameters(types=exchange.parameters["types"].partition(",")[0])


@documents("EVT-007", "has no suspensions among the events of a session", OF_SESSION)
def _(exchange: Exchange, document: Any) -> None:
    document["items"] = [event for event in document["items"] if event["type"] != "session.suspended"]


@documents("EVT-007", "has the newest event of a session first", OF_SESSION)
def _(exchange: Exchange, document: Any) -> None:
    document["items"].reverse()
