"""Authentication and authorisation: every operation for every kind of caller."""

import base64
import json
from collections.abc import Iterator
from typing import Any

from sojourn.conformance.checks import NotApplicable, check
from sojourn.conformance.contract import Operation
from sojourn.conformance.fresh import valid_request
from sojourn.conformance.wire import Raw
from sojourn.conformance.world import World, expect

_RULES = "the contract, introduction and Order of checks"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ODD_INSTANTS: tuple[Any, ...] = (2**63, 2**70, -1, 10**20, 1e300, 253402300800, True, "0", None, [], 1.5)
"""Values for the instants of a token: beyond 64 bits, beyond the year 9999, and no numbers at all."""
ODD_NAMES: tuple[Any, ...] = (None, 7, [], "", "\ud800", "\x00", "x" * 5000)
"""Values for the user of a token."""
UNSIGNED = ({"alg": "none"}, {"alg": "None"}, {"alg": "NONE", "typ": "JWT"}, {"typ": "JWT"})


def needs_credentials(operation: Operation, scheme: str | None = None) -> None:
    """Leave the check where the operation does not ask for credentials (of this kind)."""
    if operation.scheme is None or (scheme and operation.scheme != scheme):
        raise NotApplicable("asks for other credentials")


def bare(operation: Operation, world: World) -> Raw:
    """A valid request without credentials; nothing that it names exists."""
    known = {"X-Tenant-ID": world.first.id, "session_id": "sess_nobody", "user_id": "usr_nobody"}
    return operation.request(known)


@check("AUT-001", "Without credentials an operation that asks for them MUST be 401.", source=_RULES)
def test_nobody_calls_without_credentials(world: World, operation: Operation) -> None:
    needs_credentials(operation)
    expect(world.send(bare(operation, world)), 401)


@check("AUT-002", "A wrong API key MUST be refused with 401.", source=_RULES)
def test_a_wrong_api_key_opens_nothing(world: World, operation: Operation) -> None:
    needs_credentials(operation, "apiKey")
    key = world.target.api_key
    for wrong in ("wrong", "", key[:-1], key + "x", key.swapcase(), "sj_x_y", "a" * 300):
        if wrong != key:
            expect(world.send(bare(operation, world).with_header("X-API-Key", wrong)), 401)


@check(
    "AUT-003",
    "A bearer token that is none, or whose signature is wrong, MUST be refused with 401.",
    source=f"{_RULES}; RFC 6750 section 3.1",
)
def test_a_wrong_bearer_token_opens_nothing(world: World, operation: Operation) -> None:
    needs_credentials(operation, "http")
    token = world.first.admin_token
    for value in ("Bearer", "Bearer ", "Basic YTpi", "Bearer x.y.z", f"Bearer {tampered(token)}", f"Token {token}"):
        expect(world.send(bare(operation, world).with_header("Authorization", value)), 401)


@check(
    "AUT-004",
    "A token without a signature (`alg: none`) MUST be refused with 401.",
    source=f"{_RULES}; RFC 8725 section 3.2",
)
def test_an_unsigned_token_opens_nothing(world: World, operation: Operation) -> None:
    needs_credentials(operation, "http")
    for token in unsigned_tokens(world.first.admin_token):
        reply = world.send(bare(operation, world).with_header("Authorization", f"Bearer {token}"))
        expect(reply, 401)


@check(
    "AUT-005",
    "A token whose claims were changed after signing MUST be refused with 401.",
    source="RFC 7519 section 7.2",
)
def test_changed_claims_open_nothing(world: World, operation: Operation) -> None:
    needs_credentials(operation, "http")
    token = changed_claims(world.first.admin_token)
    expect(world.send(bare(operation, world).with_header("Authorization", f"Bearer {token}")), 401)


@check("AUT-006", "The other kind of credential MUST NOT open an operation.", source=_RULES)
def test_the_other_kind_of_credential_opens_nothing(world: World, operation: Operation) -> None:
    needs_credentials(operation)
    other = ("Authorization", f"Bearer {world.first.admin_token}")
    if operation.scheme == "http":
        other = ("X-API-Key", world.target.api_key)
    expect(world.send(bare(operation, world).with_header(*other)), 401)


@check("AUT-007", "An operation of administrators MUST refuse a user without such a role with 403.", source=_RULES)
def test_a_user_administrates_nothing(world: World, operation: Operation) -> None:
    if not operation.roles:
        raise NotApplicable("any user may call it")
    user = world.first.sign_in()
    valid = valid_request(operation, world.first)
    expect(world.send(valid.with_header("Authorization", f"Bearer {user.access}")), 403)


@check("AUT-008", "Each role that an operation names MUST open it.", source=_RULES)
def test_each_named_role_opens_the_operation(world: World, operation: Operation) -> None:
    for role in operation.roles:
        holder = world.first.sign_in(role=role)
        valid = valid_request(operation, world.first)
        reply = world.send(valid.with_header("Authorization", f"Bearer {holder.access}"))
        expect(reply, *(status for status in operation.responses if status < 300))
    if not operation.roles:
        raise NotApplicable("any user may call it")


@check(
    "AUT-009",
    "Credentials MUST be checked before the rest of the request (401, 403, 400, 404).",
    source="the contract, Order of checks",
)
def test_the_caller_is_judged_before_the_request(world: World, operation: Operation) -> None:
    needs_credentials(operation)
    wrong = bare(operation, world).with_query("colour", "red")
    expect(world.send(wrong), 401)
    if operation.roles:
        user = world.first.sign_in()
        expect(world.send(wrong.with_header("Authorization", f"Bearer {user.access}")), 403)


@check("AUT-010", "Every 401 MUST carry a challenge.", source="RFC 9110 section 11.6.1; RFC 6750 section 3")
def test_every_401_carries_a_challenge(world: World, operation: Operation) -> None:
    needs_credentials(operation)
    challenge = expect(world.send(bare(operation, world)), 401).headers.get("www-authenticate", "")
    wanted = "Bearer" if operation.scheme == "http" else "ApiKey"
    assert challenge.startswith(wanted), f"WWW-Authenticate is {challenge!r}"


@check(
    "AUT-011",
    "A refused token MUST be named as such in the challenge, an absent one MUST NOT.",
    source="RFC 6750 section 3.1",
)
def test_the_challenge_tells_a_refused_token_from_none(world: World) -> None:
    absent = expect(world.first.anyone("get_session_stats"), 401).headers.get("www-authenticate", "")
    refused = expect(world.first.bearer("x.y.z", "get_session_stats"), 401).headers.get("www-authenticate", "")
    assert 'error="invalid_token"' in refused, f"WWW-Authenticate is {refused!r}"
    assert "error=" not in absent, f"WWW-Authenticate is {absent!r}"


@check("AUT-012", "A user MUST NOT read, end or change what is another user's.", source=_RULES)
def test_a_user_reaches_nothing_of_another_user(world: World) -> None:
    victim, other = world.first.sign_in(), world.first.sign_in()
    for operation in ("get_session", "touch_session", "upgrade_session_mfa", "validate_session", "revoke_session"):
        reply = world.first.bearer(other.access, operation, session_id=victim.id)
        expect(reply, 403, 404)
        assert victim.user not in reply.text, "the refusal tells whose it is"
    expect(world.first.bearer(other.access, "list_own_sessions", auth_user_id=victim.user), 403)
    expect(world.first.bearer(other.access, "list_sessions_of_user", user_id=victim.user), 403)
    assert world.first.status_of(victim.id) == "active", "another user ended it"


@check(
    "AUT-013",
    "Users MUST NOT raise their own rights: a role, or a session for another user, is 403.",
    source="the contract, start_session",
)
def test_users_cannot_give_themselves_a_role_or_create_sessions_of_others(world: World) -> None:
    user = world.first.sign_in()
    mine = {"auth_user_id": user.user}
    expect(world.first.bearer(user.access, "start_session", body={**mine, "role": "admin"}), 403)
    expect(world.first.bearer(user.access, "start_session", body={"auth_user_id": world.new_user()}), 403)


@check(
    "AUT-014",
    "A refresh token MUST NOT be accepted as a bearer token, nor an access token as a refresh token.",
    source="RFC 9700 section 2.2; the contract, refresh_tokens",
)
def test_the_two_kinds_of_token_are_not_mistaken_for_each_other(world: World) -> None:
    made = world.first.sign_in()
    expect(world.first.bearer(made.refresh, "get_session", session_id=made.id), 401)
    expect(world.first.refresh(made.access), 400, 401)
    expect(world.first.refresh(made.refresh), 200)


@check(
    "AUT-015",
    "An API key that is limited to other tenants MUST be refused with 403 before any look-up.",
    source="the contract, response TenantNotAllowed",
    needs=("limited_api_key",),
    profile="full",
)
def test_a_limited_api_key_opens_no_other_tenant(world: World, operation: Operation) -> None:
    needs_credentials(operation, "apiKey")
    expect(world.send(bare(operation, world).with_header("X-API-Key", world.target.limited_api_key or "")), 403)


@check(
    "AUT-016",
    "An exchanged token for another audience MUST NOT open this service.",
    source="RFC 8725 3.9",
    profile="full",
)
def test_a_token_for_another_audience_opens_nothing(world: World) -> None:
    made = world.first.sign_in()
    body = {"grant_type": EXCHANGE, "subject_token": made.access, "audience": "api.example.com"}
    exchanged = expect(world.first.admin("exchange_token", body=body), 200).json["access_token"]
    expect(world.first.bearer(exchanged, "get_session", session_id=made.id), 401)


@check(
    "AUT-017",
    "A token with odd claims MUST be refused as any other, in every operation that takes one.",
    source="RFC 7519 sections 2 and 7.2; RFC 7493; the contract, introspect_token and validate_access_token",
)
def test_odd_claims_are_no_error_of_the_server(world: World) -> None:
    tenant = world.first
    for token in odd_tokens(tenant.sign_in().access):
        expect(tenant.bearer(token, "list_own_trusted_devices"), 401)
        told = expect(tenant.admin("introspect_token", body={"token": token}), 200).json
        assert told == {"active": False}, f"introspection says {told}"
        said = expect(tenant.service("validate_access_token", body={"access_token": token}), 200).json
        assert said["valid"] is False, "validate-token calls it valid"
        expect(tenant.admin("exchange_token", body={"grant_type": EXCHANGE, "subject_token": token}), 400)
        expect(tenant.refresh(token), 400, 401)
        expect(tenant.admin("check_blacklisted_token", body={"token": token}), 200)


def odd_tokens(token: str) -> Iterator[str]:
    """The header and the signature of a valid token, and claims between them that no library would write."""
    head, claims, signature = token.split(".")
    valid = json.loads(_decoded(claims))
    odd: list[dict[str, Any]] = [{name: value} for name in ("exp", "iat", "nbf", "auth_time") for value in ODD_INSTANTS]
    odd += [{"sub": value} for value in ODD_NAMES]
    odd += [{"nickname": "\ud800"}, {"uid": 2**70}, {"amr": {}}, {"scope": ["read"]}, {"jti": 1e300}, {"aud": 0}]
    texts = [json.dumps({**valid, **change}).encode() for change in odd]
    text = json.dumps(valid)
    texts += [text.encode("utf-16"), b"\xef\xbb\xbf" + text.encode(), b"[]", b"7", b"null", b"", text[:-1].encode()]
    texts += [b'{"exp": NaN}', b'{"exp": 1e999}', b'{"sub": "a", "sub": "b"}', b"[" * 2000, b'{"a":' * 1000]
    for raw in texts:
        yield f"{head}.{base64.urlsafe_b64encode(raw).rstrip(b'=').decode()}.{signature}"


def unsigned_tokens(token: str) -> Iterator[str]:
    """The claims of a valid token, with headers that ask the server to skip the signature."""
    _, claims, signature = token.split(".")
    for header in UNSIGNED:
        yield f"{_encoded(json.dumps(header))}.{claims}."
        yield f"{_encoded(json.dumps(header))}.{claims}.{signature}"


def changed_claims(token: str) -> str:
    """The token for somebody else, under the signature of the first."""
    head, claims, signature = token.split(".")
    changed = {**json.loads(_decoded(claims)), "sub": "somebody-else"}
    return ".".join((head, _encoded(json.dumps(changed)), signature))


def tampered(token: str) -> str:
    """The token with a signature that differs in one place."""
    head, _, signature = token.rpartition(".")
    middle = len(signature) // 2
    other = "A" if signature[middle] != "A" else "B"
    return f"{head}.{signature[:middle]}{other}{signature[middle + 1 :]}"


def _encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
