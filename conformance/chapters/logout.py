"""Back-channel logout: what refuses a logout token, and the logout tokens that applications are sent.

The suite has no key of the provider that the server trusts. So it looks at what is refused, and that nothing ends.
"""

import uuid
from base64 import urlsafe_b64encode
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import jwt

from sojourn.conformance import instants
from sojourn.conformance.chapters.endpoints import INNER, SECONDS
from sojourn.conformance.chapters.oauth import form
from sojourn.conformance.checks import NotApplicable, check
from sojourn.conformance.contract import as_json
from sojourn.conformance.receiving import receiver
from sojourn.conformance.world import Tenant, World, expect

if TYPE_CHECKING:
    from collections.abc import Iterator

EVENT = "http://schemas.openid.net/event/backchannel-logout"
STANDARD = "OpenID Connect Back-Channel Logout 1.0"
NOWHERE = "https://shop.invalid/logout"
A_SECRET = "a-secret-of-the-judge-that-nobody-trusts"


def forged(user: str) -> "Iterator[tuple[str, str]]":
    """Tokens that no server may accept, each with what is wrong with it."""
    now = int(instants.now().timestamp())
    good = {"iss": "https://id.invalid", "aud": "judge", "sub": user, "iat": now, "exp": now + 120}
    good |= {"jti": str(uuid.uuid4()), "events": {EVENT: {}}}
    yield "no token", "x"
    yield "signed by nobody it knows", jwt.encode(good, A_SECRET, headers={"typ": "logout+jwt"})
    yield "not signed", f"{segment({'alg': 'none'})}.{segment(good)}."
    yield "a text in three parts", "a.b.c"
    yield "of another kind", jwt.encode({**good, "events": {}}, A_SECRET, headers={"typ": "at+jwt"})


@contextmanager
def application(tenant: Tenant, **members: Any) -> "Iterator[str]":
    """An application under a client id of its own, deleted afterwards."""
    if "create_logout_client" not in tenant.world.contract.operations:
        raise NotApplicable("the contract has no logout clients")
    client_id = f"judge-{uuid.uuid4()}"
    body = {"client_id": client_id, "uri": NOWHERE, **members}
    expect(tenant.admin("create_logout_client", body=body), 201)
    yield client_id
    expect(tenant.admin("remove_logout_client", client_id=client_id), 204)


@check(
    "BCL-001",
    "A logout token that is not from a trusted issuer MUST be 400 with an OAuth error, and end nothing.",
    source=f"{STANDARD}, sections 2.6 and 2.8",
    profile="full",
    feature="logout",
)
def test_a_token_of_nobody_ends_nothing(world: World) -> None:
    made = world.first.sign_in()
    tokens = [*forged(made.user), ("an access token", made.access), ("the administrator's", world.first.admin_token)]
    for what, token in tokens:
        refused = expect(form(world.first, "revoke_provider_sessions", secret=None, logout_token=token), 400)
        assert refused.json.get("error") == "invalid_request", f"{what}: {refused.text}"
        assert refused.headers.get("cache-control") == "no-store", f"{what}: the response may be kept"
    expect(form(world.first, "revoke_provider_sessions", secret=None), 400)
    assert world.first.status_of(made.id) == "active", "a session ended by a token of no trusted issuer"


@check(
    "BCL-002",
    "A logout client MUST be sent to at public addresses over https only, and its id MUST be there once in a tenant.",
    source="the contract, create_logout_client and update_logout_client",
    profile="full",
    feature="logout",
)
def test_a_logout_client_leads_to_no_inner_address_and_is_there_once(world: World) -> None:
    tenant = world.first
    with application(tenant, enabled=False) as client_id:
        for uri in INNER:
            made = tenant.admin("create_logout_client", body={"client_id": f"{client_id}-2", "uri": uri})
            changed = tenant.admin("update_logout_client", client_id=client_id, body={"uri": uri})
            for reply in (made, changed):
                fields = [error["field"] for error in expect(reply, 400).json["errors"]]
                assert fields == ["uri"], f"{uri}: refused for {fields}"
        again = tenant.admin("create_logout_client", body={"client_id": client_id, "uri": "https://other.invalid/"})
        expect(again, 409)
        shown = expect(tenant.admin("get_logout_client", client_id=client_id), 200).json
        assert shown["uri"] == NOWHERE, "what was refused was done"


@check(
    "BCL-003",
    "A logout client MUST be sent a token for each session of its applications that ends, signed by a published key.",
    source=f"{STANDARD}, sections 2.4 to 2.6",
    profile="full",
    feature="logout",
    needs=("receiver_url",),
)
def test_an_application_is_sent_a_token_for_each_of_its_sessions(world: World) -> None:
    tenant, url = world.first, world.target.receiver_url or ""
    with receiver(url) as listening, application(tenant, uri=url, apps=["judge"]) as client_id:
        made = [tenant.sign_in(app_id=name) for name in ("judge", "another", "judge")]
        for one in made:
            expect(tenant.service("revoke_session_as_service", session_id=one.id), 204)
        tokens = [said["logout_token"] for said in listening.forms(2, seconds=SECONDS)]
        claims = [_verified(world, token, client_id=client_id) for token in tokens]
    wanted = sorted((one.id, one.user) for one in (made[0], made[2]))
    assert sorted((said["sid"], said["sub"]) for said in claims) == wanted, "other sessions than those that ended"
    assert len({said["jti"] for said in claims}) == 2, "two tokens have the same jti"


def _verified(world: World, token: str, *, client_id: str) -> dict[str, Any]:
    """The claims of a logout token, looked at as section 2.6 asks of a relying party."""
    keys = jwt.PyJWKSet.from_dict(expect(world.first.anyone("get_key_set"), 200).json)
    head = jwt.get_unverified_header(token)
    key = next((item for item in keys.keys if item.key_id == head.get("kid")), None)
    assert key is not None, f"the key {head.get('kid')} is not published"
    wanted: Any = {"require": ["iss", "aud", "iat", "exp", "jti", "events"]}
    try:
        claims: dict[str, Any] = jwt.decode(
            token, key, algorithms=[head["alg"]], audience=client_id, leeway=60, options=wanted
        )
    except jwt.InvalidTokenError as error:
        raise AssertionError(f"the token is not to be trusted: {error}") from None
    assert head.get("typ") == "logout+jwt", f"its type is {head.get('typ')}"
    assert claims["events"] == {EVENT: {}}, f"its events are {claims['events']}"
    assert "nonce" not in claims, "it has a nonce"
    assert claims["exp"] - claims["iat"] <= 120, "it is good for longer than two minutes"
    return claims


def segment(value: Any) -> str:
    """A part of a JWT: its JSON, encoded."""
    return urlsafe_b64encode(as_json(value)).rstrip(b"=").decode()
