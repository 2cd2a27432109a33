"""Security event tokens (RFC 8935): what CAEP and RISC say is done, once, and what is malformed ends nothing.

More than sixty tokens that are wrong in one way each are refused in the words of the standard.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from sojourn.domain.security_event_tokens import ACCOUNT_DISABLED, CREDENTIAL_CHANGE, SESSION_REVOKED
from tests.authentication.tokens import PRIVATE, public_pem
from tests.conftest import on_sqlite
from tests.http.conftest import JWT_SECRET, Client
from tests.http.test_backchannel_logout import AT, CLIENT, ISSUER, LEFT_OUT, SETTINGS, SID, by_hand

PATH = "/ssf/events"
TYPE = "application/secevent+jwt"
USER = {"format": "iss_sub", "iss": ISSUER, "sub": "usr_1"}
WHOLE = {"format": "complex", "user": USER, "session": {"format": "opaque", "id": SID}}
CLAIMS: dict[str, Any] = {
    "iss": ISSUER,
    "aud": CLIENT,
    "iat": AT,
    "jti": "756E69717565",
    "sub_id": WHOLE,
    "events": {SESSION_REVOKED: {"event_timestamp": AT}},
}
OTHER = "https://schemas.openid.net/secevent/ssf/event-type/verification"


def claims(**changes: Any) -> dict[str, Any]:
    return {name: value for name, value in {**CLAIMS, **changes}.items() if value is not LEFT_OUT}


def token(*, header: dict[str, Any] | None = None, key: Any = JWT_SECRET, **changes: Any) -> str:
    """A security event token of the issuer; a change to `LEFT_OUT` leaves a claim out."""
    given = {name: value for name, value in {**_HS, **(header or {})}.items() if value is not LEFT_OUT}
    return by_hand(given, claims(**changes), key=key)


_HS = {"alg": "HS256", "typ": "secevent+jwt"}


def event_of_now(client: Client, user: str) -> str:
    """A token that is issued just now, of no issuer that was set: the account of a user of acme is disabled."""
    iat = int(client.clock.now.timestamp())
    subject = {"format": "opaque", "id": user}
    return token(iat=iat, tenant_id="acme", sub_id=subject, aud="shop-web", events={ACCOUNT_DISABLED: {}})


def push(client: Client, text: str) -> httpx.Response:
    return client.request("POST", PATH, content=text, headers={"Content-Type": TYPE})


@pytest.fixture
def shop(start: Callable[..., Client]) -> Client:
    """A service with two sessions of the user from the provider, one of another user, and look-alikes elsewhere."""
    client = start(**SETTINGS)
    for tenant in ("acme", "noise"):
        for user, session in (("usr_1", SID), ("usr_1", "another"), ("usr_2", "third")):
            at = {"issuer": ISSUER if tenant == "acme" else "https://other.example.com", "session_id": session}
            client.create(user, tenant, idp=at)
    return client


def active(client: Client) -> list[int]:
    """How many sessions are active: of the two users, then of their look-alikes."""
    counts = []
    for tenant in ("acme", "noise"):
        for user in ("usr_1", "usr_2"):
            path = f"/internal/session/sessions/{user}/active"
            counts.append(client.internal("GET", path, tenant).json()["session_count"])
    return counts


BEFORE = [2, 1, 2, 1]


def ends(client: Client) -> list[tuple[str, str]]:
    """The ends that were told: who, and the code of the reason."""
    items = client.internal("GET", "/internal/events?types=session.ended").json()["items"]
    return [(item["data"]["user_id"], item["data"]["reason_code"]) for item in items]


@pytest.mark.parametrize(
    ("event", "subject", "left", "code"),
    [
        (SESSION_REVOKED, WHOLE, 1, "revoked_by_service"),
        (SESSION_REVOKED, {"format": "complex", "session": WHOLE["session"]}, 1, "revoked_by_service"),
        (SESSION_REVOKED, USER, 0, "revoked_by_service"),
        (SESSION_REVOKED, {"format": "opaque", "id": "usr_1"}, 0, "revoked_by_service"),
        (CREDENTIAL_CHANGE, WHOLE, 0, "credential_change"),
        (ACCOUNT_DISABLED, USER, 0, "account_disabled"),
        (ACCOUNT_DISABLED, {"subject_type": "iss-sub", "iss": ISSUER, "sub": "usr_1"}, 0, "account_disabled"),
    ],
)
@on_sqlite
def test_an_event_ends_the_sessions_it_means_and_says_why(
    shop: Client, event: str, subject: dict[str, Any], left: int, code: str
) -> None:
    accepted = push(shop, token(events={event: {}}, sub_id=subject))

    assert (accepted.status_code, accepted.content) == (202, b""), accepted.text
    assert accepted.headers["cache-control"] == "no-store"
    assert active(shop) == [left, *BEFORE[1:]]
    assert ends(shop) == [("usr_1", code)] * (2 - left)


def test_the_subject_of_drafts_stands_in_the_event_and_a_token_is_acted_on_once(shop: Client) -> None:
    text = token(sub_id=LEFT_OUT, events={ACCOUNT_DISABLED: {"subject": USER, "reason": "hijacking"}})

    assert push(shop, text).status_code == 202
    shop.clock.advance(seconds=5)
    shop.create("usr_1", idp={"issuer": ISSUER, "session_id": "new"})
    again = push(shop, text)

    assert (again.status_code, active(shop)[0]) == (202, 1), "a token that comes again is accepted, and does nothing"


@on_sqlite
def test_other_events_and_credentials_that_were_added_end_nothing(shop: Client) -> None:
    texts = [
        token(jti="1", events={OTHER: {"state": "s"}}, sub_id=LEFT_OUT),
        token(jti="2", events={"https://vendor.example.com/event": {}}),
        token(jti="3", events={CREDENTIAL_CHANGE: {"change_type": "create"}}),
        token(jti="4", sub_id={"format": "iss_sub", "iss": ISSUER, "sub": "usr_nobody"}),
    ]

    assert [push(shop, text).status_code for text in texts] == [202] * 4
    assert active(shop) == BEFORE


def _changed_after_signing() -> str:
    head, _, tail = token().split(".")
    forged = base64.urlsafe_b64encode(json.dumps(claims(jti="2")).encode()).rstrip(b"=").decode()
    return f"{head}.{forged}.{tail}"


def _public_key_as_a_secret() -> str:
    head, body, _ = token().split(".")
    made = hmac.new(public_pem("RS256"), f"{head}.{body}".encode(), hashlib.sha256).digest()
    return f"{head}.{body}.{base64.urlsafe_b64encode(made).rstrip(b'=').decode()}"


def _subject(**members: Any) -> Callable[[], str]:
    return lambda: token(sub_id=members)


_OF_OTHERS = {"format": "iss_sub", "iss": "https://evil.example.com", "sub": "usr_1"}
REQUEST, KEY, FROM, FOR = "invalid_request", "invalid_key", "invalid_issuer", "invalid_audience"
MALFORMED: dict[str, tuple[str, Callable[[], str]]] = {
    # the form of a signed JWT
    "nothing": (REQUEST, str),
    "a blank": (REQUEST, lambda: " "),
    "no JWT": (REQUEST, lambda: "not-a-token"),
    "JSON": (REQUEST, lambda: json.dumps(claims()).replace(" ", "")),
    "a form": (REQUEST, lambda: f"token={token()}"),
    "a line feed after it": (REQUEST, lambda: token() + "\n"),
    "beyond ASCII": (REQUEST, lambda: token() + "ä"),
    "too long": (REQUEST, lambda: token() + "a" * 17_000),
    "two parts": (REQUEST, lambda: token().rpartition(".")[0]),
    "four parts": (REQUEST, lambda: token() + ".x"),
    "an encrypted JWT": (REQUEST, lambda: "e30.e30.e30.e30.e30"),
    "padding": (REQUEST, lambda: token() + "="),
    "another alphabet": (REQUEST, lambda: token().replace(".", ".+", 1)),
    "no signature": (REQUEST, lambda: by_hand(_HS, claims(), signature="")),
    "header that is a list": (REQUEST, lambda: by_hand([1], claims(), signature="c2ln")),  # type: ignore[arg-type]  # wrong on purpose
    "payload that is a list": (REQUEST, lambda: by_hand(_HS, [1])),
    "payload that is a text": (REQUEST, lambda: by_hand(_HS, "iss")),
    "payload that is no JSON": (REQUEST, lambda: by_hand(_HS, b"{")),
    "payload with a claim twice": (REQUEST, lambda: by_hand(_HS, b'{"iss": "a", "iss": "b"}')),
    "payload that is no UTF-8": (REQUEST, lambda: by_hand(_HS, b'{"iss": "\xff"}')),
    # algorithm, header, signature
    "none": (KEY, lambda: by_hand({**_HS, "alg": "none"}, claims(), signature="c2ln")),
    "None in other letters": (KEY, lambda: by_hand({**_HS, "alg": "nOnE"}, claims(), signature="c2ln")),
    "no alg": (KEY, lambda: by_hand({"typ": "secevent+jwt"}, claims(), signature="c2ln")),
    "alg that is a number": (KEY, lambda: by_hand({**_HS, "alg": 256}, claims(), signature="c2ln")),
    "an algorithm not accepted": (KEY, lambda: by_hand({**_HS, "alg": "HS512"}, claims(), key=JWT_SECRET * 2)),
    "a key of another kind": (KEY, lambda: by_hand({**_HS, "alg": "RS256"}, claims(), key=PRIVATE["RS256"])),
    "an extension of the header": (REQUEST, lambda: token(header={"crit": ["exp"], "exp": AT})),
    "an unencoded payload": (REQUEST, lambda: token(header={"b64": False})),
    "another secret": (KEY, lambda: token(key="another-secret-of-at-least-32-bytes!!")),
    "the public key as a secret": (KEY, _public_key_as_a_secret),
    "claims changed after signing": (KEY, _changed_after_signing),
    "a signature of another": (KEY, lambda: token().rpartition(".")[0] + "." + token(jti="2").rpartition(".")[2]),
    # type
    "no typ": (REQUEST, lambda: token(header={"typ": LEFT_OUT})),
    "typ of any JWT": (REQUEST, lambda: token(header={"typ": "JWT"})),
    "typ of an access token": (REQUEST, lambda: token(header={"typ": "at+jwt"})),
    "typ of a logout token": (REQUEST, lambda: token(header={"typ": "logout+jwt"})),
    "typ that is no text": (REQUEST, lambda: token(header={"typ": 1})),
    # issuer and audience
    "no iss": (FROM, lambda: token(iss=LEFT_OUT)),
    "iss of somebody else": (FROM, lambda: token(iss="https://evil.example.com")),
    "iss with a slash more": (FROM, lambda: token(iss=ISSUER + "/")),
    "iss that is a list": (FROM, lambda: token(iss=[ISSUER])),
    "no aud": (FOR, lambda: token(aud=LEFT_OUT)),
    "aud of another client": (FOR, lambda: token(aud="somebody-else")),
    "aud with another client as well": (FOR, lambda: token(aud=[CLIENT, "somebody-else"])),
    "aud that is empty": (FOR, lambda: token(aud=[])),
    "aud that is a number": (FOR, lambda: token(aud=1)),
    # claims
    "no iat": (REQUEST, lambda: token(iat=LEFT_OUT)),
    "iat to come": (REQUEST, lambda: token(iat=AT + 60)),
    "iat of last month": (REQUEST, lambda: token(iat=AT - 30 * 86_400)),
    "iat that is a text": (REQUEST, lambda: token(iat=str(AT))),
    "iat that is true": (REQUEST, lambda: token(iat=True)),
    "iat beyond the years": (REQUEST, lambda: token(iat=10**18)),
    "exp": (REQUEST, lambda: token(exp=AT + 60)),
    "sub": (REQUEST, lambda: token(sub="usr_1")),
    "no jti": (REQUEST, lambda: token(jti=LEFT_OUT)),
    "jti that is empty": (REQUEST, lambda: token(jti="")),
    "jti that is a number": (REQUEST, lambda: token(jti=1)),
    "a tenant that cannot be": (REQUEST, lambda: token(tenant_id="a b")),
    # events and subjects
    "no events": (REQUEST, lambda: token(events=LEFT_OUT)),
    "events that are empty": (REQUEST, lambda: token(events={})),
    "events that are a list": (REQUEST, lambda: token(events=[SESSION_REVOKED])),
    "events that are a text": (REQUEST, lambda: token(events=SESSION_REVOKED)),
    "an event that is no object": (REQUEST, lambda: token(events={SESSION_REVOKED: True})),
    "an event among others that is no object": (REQUEST, lambda: token(events={SESSION_REVOKED: {}, OTHER: 1})),
    "no subject": (REQUEST, lambda: token(sub_id=LEFT_OUT)),
    "a subject that is a text": (REQUEST, lambda: token(sub_id="usr_1")),
    "a subject without a name": (REQUEST, _subject(format="iss_sub", iss=ISSUER)),
    "a subject of another issuer": (REQUEST, _subject(**_OF_OTHERS)),
    "a user of another issuer": (REQUEST, _subject(format="complex", user=_OF_OTHERS, session=WHOLE["session"])),
    "a subject by its address": (REQUEST, _subject(format="email", email="ann@example.com")),
    "a subject of no format": (REQUEST, _subject(id="usr_1")),
    "a subject whose id is a number": (REQUEST, _subject(format="opaque", id=1)),
    "a subject whose id is too long": (REQUEST, _subject(format="opaque", id="a" * 256)),
    "an empty complex subject": (REQUEST, _subject(format="complex")),
    "a user that is a text": (REQUEST, _subject(format="complex", user="usr_1")),
    "an account without a user": (
        REQUEST,
        lambda: token(events={ACCOUNT_DISABLED: {}}, sub_id={"format": "complex", "session": WHOLE["session"]}),
    ),
}


@on_sqlite
def test_a_malformed_token_is_refused_in_the_standards_words_and_ends_nothing(shop: Client) -> None:
    assert len(MALFORMED) >= 60
    wrong = {}
    for name, (word, make) in MALFORMED.items():
        refused = push(shop, make())
        said = refused.json()
        if (refused.status_code, said.get("err")) != (400, word) or set(said) != {"err", "description"}:
            wrong[name] = (refused.status_code, said)
        assert refused.headers["content-language"] == "en"
    assert wrong == {}
    assert active(shop) == BEFORE
    assert push(shop, token()).status_code == 202, "the token that they were made from is accepted"


@on_sqlite
def test_another_media_type_is_refused_and_no_other_operation_takes_a_token(shop: Client) -> None:
    sent = shop.request("POST", PATH, content=token(), headers={"Content-Type": "application/jwt"})

    assert sent.status_code == 415
    assert shop.request("GET", "/sessions", headers={"Authorization": f"Bearer {token()}"}).status_code == 401
    assert shop.request("POST", "/backchannel-logout", data={"logout_token": token()}).status_code == 400
    assert active(shop) == BEFORE
