"""The OAuth forms: introspection, revocation, refresh and token exchange, and the metadata that say where they are."""

import functools
from base64 import b64encode
from typing import Any
from urllib.parse import urlencode, urlsplit

from sojourn.conformance.checks import NotApplicable, check
from sojourn.conformance.wire import Raw, Reply
from sojourn.conformance.world import SignIn, Tenant, World, expect

FORM = "application/x-www-form-urlencoded"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS = "urn:ietf:params:oauth:token-type:access_token"
DEAD = {"active": False}

formal = functools.partial(check, profile="full", feature="oauth")


def form(tenant: Tenant, operation_id: str, *, secret: str | None = "", **said: str) -> Reply:
    """Send a form as a client of the tenant; without credentials where `secret` is None. NotApplicable without it."""
    world = tenant.world
    if operation_id not in world.contract.forms:
        raise NotApplicable(f"the contract has no {operation_id}")
    operation = world.operation(operation_id)
    request = Raw(operation.method, operation.path, body=urlencode(said).encode()).with_header("Content-Type", FORM)
    if secret is not None:
        pair = f"{tenant.id}:{secret or world.target.api_key}".encode()
        request = request.with_header("Authorization", f"Basic {b64encode(pair).decode()}")
    return world.send(request)


def introspected(tenant: Tenant, token: str) -> dict[str, Any]:
    """What the tenant's client is told of a token."""
    found: dict[str, Any] = expect(form(tenant, "introspect_oauth_token", token=token), 200).json
    return found


@formal(
    "OAU-001",
    "A valid token MUST be introspected as active, with its subject; of any other only `active: false` MUST be said.",
    source="RFC 7662, section 2.2",
)
def test_a_valid_token_is_active_and_of_any_other_nothing_is_said(world: World) -> None:
    made, neighbour = world.first.sign_in(), world.first.sign_in()
    said = introspected(world.first, made.access)
    assert (said.get("active"), said.get("sub")) == (True, made.user), f"a valid token is {said}"
    assert introspected(world.first, made.access[:-4] + "AAAA") == DEAD, "more is said of a forged token"
    expect(world.first.service("revoke_session_as_service", session_id=made.id), 204)
    assert introspected(world.first, made.access) == DEAD, "more is said of the token of an ended session"
    assert introspected(world.first, neighbour.access).get("active") is True, "the neighbour's token ended with it"


@formal(
    "OAU-002",
    "A token of another tenant MUST be introspected as unknown, and MUST NOT be revoked.",
    source="RFC 7662, section 4; RFC 7009, section 2.1",
    needs=("second_admin_token",),
)
def test_a_client_has_no_part_in_tokens_of_another_tenant(world: World) -> None:
    made = world.twin.sign_in()
    assert introspected(world.first, made.access) == DEAD, "a client is told of another tenant's token"
    for token in (made.access, made.refresh):
        expect(form(world.first, "revoke_oauth_token", token=token), 200)
    assert world.twin.is_good(made.access), "a client revoked another tenant's token"
    assert world.twin.status_of(made.id) == "active", "a client ended another tenant's session"


@formal(
    "OAU-003",
    "A revoked access token MUST be refused from then on, and a revoked refresh token MUST end its session.",
    source="RFC 7009, section 2.1; the contract, revoke_oauth_token",
)
def test_what_is_revoked_is_refused(world: World) -> None:
    one, other = world.first.sign_in(), world.first.sign_in()
    expect(form(world.first, "revoke_oauth_token", token=one.access), 200)
    assert not world.first.is_good(one.access), "a revoked access token is still good"
    assert world.first.status_of(one.id) == "active", "the session ended with one access token"
    expect(form(world.first, "revoke_oauth_token", token=other.refresh, token_type_hint="access_token"), 200)
    assert world.first.status_of(other.id) != "active", "the session of a revoked refresh token goes on"
    assert not world.first.is_good(other.access), "its access token is still good"
    expect(form(world.first, "revoke_oauth_token", token="a-token-of-nobody"), 200)


@formal(
    "OAU-004",
    "A client that is not known MUST be 401 `invalid_client` with a challenge, before anything else is said.",
    source="RFC 6749, section 5.2",
)
def test_a_client_that_is_not_known_is_refused_before_anything_else(world: World) -> None:
    made = world.first.sign_in()
    for operation_id in ("introspect_oauth_token", "revoke_oauth_token", "generate_oauth_tokens"):
        for secret in (None, "no-such-key"):
            for said in ({"token": made.access}, {}):
                refused = expect(form(world.first, operation_id, secret=secret, **said), 401)
                assert refused.json.get("error") == "invalid_client", f"{operation_id}: {refused.text}"
                assert refused.headers.get("www-authenticate", "").startswith("Basic "), f"{operation_id}: no challenge"
    assert world.first.is_good(made.access), "it was revoked by somebody who is nobody"


@formal(
    "OAU-005",
    "A refresh with a form MUST follow the rules of refreshing: each token once, the next pair of the same session.",
    source="RFC 6749, section 6; RFC 9700, section 4.14.2",
)
def test_a_refresh_gives_the_next_pair_and_a_spent_token_ends_the_session(world: World) -> None:
    made = world.first.sign_in()
    tokens = [made.refresh]
    for _ in range(2):
        reply = expect(_refresh(world.first, tokens[-1]), 200)
        assert reply.headers.get("cache-control") == "no-store", "the tokens may be stored"
        tokens.append(reply.json["refresh_token"])
        assert introspected(world.first, reply.json["access_token"]).get("sid") == made.id, "it is of another session"
    refused = expect(_refresh(world.first, tokens[0]), 400, 401)
    assert refused.json.get("error") in ("invalid_grant", "invalid_client"), refused.text
    assert world.first.status_of(made.id) != "active", "a token was sent again and the session goes on"


@formal(
    "OAU-006",
    "An exchanged token MUST be of the same subject, for the audience that was named, and MUST NOT live longer.",
    source="RFC 8693, sections 2.1 and 2.2",
)
def test_an_exchanged_token_is_of_the_same_subject_for_another_audience(world: World) -> None:
    made = world.first.sign_in()
    said = introspected(world.first, made.access)
    given = expect(_exchange(world.first, made, audience="api.example.com"), 200).json
    assert given["issued_token_type"] == ACCESS, given["issued_token_type"]
    other = introspected(world.first, given["access_token"])
    assert (other.get("sub"), other.get("aud")) == (made.user, ["api.example.com"]), f"it is {other}"
    assert other["exp"] <= said["exp"], "it lives longer than the token that it was exchanged for"
    expect(world.first.service("revoke_session_as_service", session_id=made.id), 204)
    refused = expect(_exchange(world.first, made, audience="api.example.com"), 400).json
    assert refused["error"] == "invalid_request", "the token of an ended session was exchanged"


@formal(
    "OAU-007",
    "An unknown grant MUST be `unsupported_grant_type`, and an unknown parameter MUST be ignored.",
    source="RFC 6749, sections 3.2 and 5.2",
)
def test_unknown_grants_are_refused_and_unknown_parameters_are_ignored(world: World) -> None:
    for grant in ("client_credentials", "password", "authorization_code"):
        refused = expect(form(world.first, "generate_oauth_tokens", grant_type=grant), 400).json
        assert refused["error"] == "unsupported_grant_type", f"{grant}: {refused}"
    made = world.first.sign_in()
    expect(form(world.first, "introspect_oauth_token", token=made.access, colour="red"), 200)


@formal(
    "OAU-008",
    "The metadata MUST name an issuer and the forms, none empty; each address MUST lead to what it names.",
    source="RFC 8414, sections 2 and 3.2",
)
def test_the_metadata_lead_to_the_forms(world: World) -> None:
    if "get_oauth_metadata" not in world.contract.operations:
        raise NotApplicable("the contract has no metadata")
    reply = world.first.anyone("get_oauth_metadata")
    if reply.status == 404:
        raise NotApplicable("the server has no public URL: it has no metadata")
    said = expect(reply, 200).json
    assert all(value or value is False for value in said.values()), "a member is empty"
    issuer = str(said["issuer"])
    for name, operation_id in (
        ("jwks_uri", "get_key_set"),
        ("token_endpoint", "generate_oauth_tokens"),
        ("introspection_endpoint", "introspect_oauth_token"),
        ("revocation_endpoint", "revoke_oauth_token"),
    ):
        path = world.operation(operation_id).path
        assert said[name] == issuer + path, f"{name} is {said[name]}"
    assert urlsplit(issuer).scheme in ("http", "https"), f"the issuer is {issuer}"
    assert not urlsplit(issuer).query, "the issuer has a query"
    assert "refresh_token" in said["grant_types_supported"], "it takes no refresh"


def _refresh(tenant: Tenant, token: str) -> Reply:
    return form(tenant, "generate_oauth_tokens", grant_type="refresh_token", refresh_token=token)


def _exchange(tenant: Tenant, made: SignIn, *, audience: str) -> Reply:
    said = {"subject_token": made.access, "subject_token_type": ACCESS, "audience": audience}
    return form(tenant, "generate_oauth_tokens", grant_type=EXCHANGE, **said)
