"""Whatever a configured issuer signs: never a server error, and always an answer that the contract knows."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.http.conftest import JWT_SECRET, START, Client

NOW = int(START.timestamp())
GOOD = {"sub": "usr_abc123", "tenant_id": "acme", "roles": ["admin"], "iat": NOW - 5, "exp": NOW + 3600}

EXTREME_NUMBERS = [
    0, -1, 2**31, 2**53 + 1, 2**63 - 1, 2**63, 2**64, 2**70, -(2**63), -(2**70), 10**20, 10**63, NOW * 1000,
    253402300799, 253402300800, -253402300799, 1e300, -1e300, 1.5, NOW - 0.5, 253402300799.9, 5e-324, -0.0,
]  # fmt: skip
EXTREME_TEXTS = [
    "",
    " ",
    "\x00",
    "\ud800",
    "\udfff\ud800",
    "\uffff",
    "\u0085",
    "\u00a0x",
    "x" * 300,
    "x" * 1100,
    "a\nb",
]
leaves = (
    st.none()
    | st.booleans()
    | st.sampled_from(EXTREME_NUMBERS)
    | st.integers()
    | st.floats(allow_nan=True)
    | st.sampled_from(EXTREME_TEXTS)
    | st.text(st.characters(codec=None), max_size=8)
)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
NAMES = [
    "sub", "tenant_id", "roles", "iat", "exp", "nbf", "auth_time", "jti", "iss", "aud", "sid", "scope", "client_id",
    "amr", "acr", "azp", "gen", "act", "typ", "token_use", "nonce", "username", "uid", "nickname", "\ud800", "",
]  # fmt: skip
changes = st.dictionaries(st.sampled_from(NAMES), values, max_size=3)


def signed(claims: dict[str, Any]) -> str:
    """A token of the configured issuer over claims that no library would sign."""
    parts = [json.dumps(part).encode() for part in ({"alg": "HS256"}, claims)]
    text = ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
    mac = hmac.digest(JWT_SECRET.encode(), text.encode(), hashlib.sha256)
    return f"{text}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


@pytest.fixture
def guarded(client: Client) -> Client:
    """With a session, and a cut-off of the past, against which the instants of tokens are held."""
    client.create()
    assert client.as_admin("POST", "/admin/tokens/revoke-all", json={"user_id": "usr_other"}).status_code == 200
    client.clock.advance(seconds=10)
    return client


def ask_everywhere(client: Client, text: str) -> list[int]:
    """The statuses of operations that read a token in each way. The application enforces its contract: 500 else."""
    body, bearer = {"token": text}, {"Authorization": f"Bearer {text}"}
    return [
        response.status_code
        for response in (
            client.internal("POST", "/internal/session/validate-token", json={"access_token": text}),
            client.as_admin("POST", "/admin/tokens/introspect", json=body),
            client.as_admin("POST", "/tokens/blacklist/check", json=body),
            client.request("GET", "/admin/sessions/active-count", headers=bearer),
            client.request("GET", "/trusted-devices", headers=bearer),
        )
    ]


def test_a_good_token_is_good_everywhere(guarded: Client) -> None:
    assert ask_everywhere(guarded, signed(GOOD)) == [200] * 5


@pytest.mark.parametrize(
    "odd",
    [
        {"uid": 2**70},
        {"exp": 10**20},
        {"exp": 1e300},
        {"iat": NOW * 1000},
        {"iat": 1e300},
        {"iat": -5},
        {"scope": ["read"]},
        {"nickname": "\ud800"},
        {"client_id": 7},
        {"iss": 7},
        {"aud": 0},
        {"gen": 2**70},
        {f"claim-{number}": number for number in range(70)},
    ],
    ids=str,
)
def test_odd_claims_of_an_issuer_are_no_error_of_ours(guarded: Client, odd: dict[str, Any]) -> None:
    for user in ("usr_abc123", "usr_other"):
        assert all(status < 500 for status in ask_everywhere(guarded, signed(GOOD | {"sub": user} | odd)))


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["usr_abc123", "usr_other"]), changes)
def test_any_claims_of_an_issuer_are_answered_within_the_contract(
    guarded: Client, user: str, odd: dict[str, Any]
) -> None:
    statuses = ask_everywhere(guarded, signed(GOOD | {"sub": user} | odd))

    assert all(status in (200, 400, 401, 403) for status in statuses), (statuses, odd)
