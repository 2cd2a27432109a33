"""Every reason of a refused token tells the operator something: what came, and what is wanted where that is known."""

import ast
import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from sojourn.authentication import BearerTokens
from sojourn.authentication.provider_claims import shown
from sojourn.domain.errors import InvalidToken, Unavailable
from sojourn.settings import Settings
from tests.authentication.tokens import CLAIMS, ISSUER, NOW, PRIVATE, SECRET, forged, key_set, public_jwk, token

ROOT = Path(__file__).parents[2]
UNREACHABLE = "http://127.0.0.1:9"
ODD: tuple[Any, ...] = (None, "", " ", "x", "none", [], [""], ["a", "b"], {}, 0, 7, True, ISSUER, UNREACHABLE)
CLAIM_NAMES = ("iss", "aud", "exp", "nbf", "iat", "sub", "sid", "tenant_id", "roles", "typ", "nonce", "amr")
CONFIGURED: tuple[dict[str, Any], ...] = (
    {},
    {"jwt_secret": SECRET},
    {"jwt_secret": SECRET, "jwt_issuer": ISSUER, "jwt_audience": "sojourn"},
    {"jwt_secret": SECRET, "oidc_issuer": (UNREACHABLE,)},
    {"oidc_issuer": (UNREACHABLE,)},
    {"jwt_jwks": "keys"},
    {"jwt_jwks": "keys", "jwt_issuer": ISSUER},
    {"jwt_jwks": "keys", "oidc_issuer": (UNREACHABLE,)},
    {"jwt_jwks": "no keys"},
    {"jwt_secret": SECRET, "jwt_jwks": "keys", "jwt_algorithms": ("EdDSA", "HS256")},
    {"jwt_secret": SECRET, "jwt_tenant_map": ("org_1=acme",), "jwt_role_map": ("ops=admin",)},
    {"jwt_secret": SECRET, "jwt_tenant_claim": "org.id", "jwt_roles_claim": "realm.roles"},
)
"""Settings of each kind: nobody's tokens, a secret, key sets, discovery, and several of them."""


@pytest.fixture(scope="module")
def checkers(tmp_path_factory: pytest.TempPathFactory) -> list[BearerTokens]:
    """A checker for each of the settings."""
    folder = tmp_path_factory.mktemp("keys")
    (folder / "keys").write_bytes(key_set(public_jwk("ES256"), public_jwk("EdDSA")))
    (folder / "no keys").write_bytes(key_set())
    placed = [
        given | ({"jwt_jwks": str(folder / given["jwt_jwks"])} if "jwt_jwks" in given else {}) for given in CONFIGURED
    ]
    return [BearerTokens(Settings(**given)) for given in placed]


def refusal(tokens: BearerTokens, text: str) -> InvalidToken | None:
    """Why a token is refused; None where it is accepted, and where its keys cannot be read."""

    async def ask() -> None:
        try:
            await tokens.authenticate(text, NOW)
        finally:
            tokens.issuers.close()

    try:
        asyncio.run(ask())
    except InvalidToken as error:
        return error
    except Unavailable:
        return None
    return None


def faults(error: InvalidToken) -> Iterator[str]:
    """What is wrong with a reason as a line of the log."""
    if re.fullmatch(r"[a-z_]+", error.why) is None:
        yield "the word is no word"
    if re.fullmatch(r"[a-z_A-Z]+: \S(.*\S)?", error.detail, re.DOTALL) is None:
        yield "the line names nothing, or says nothing of it"
    if re.search(r"\b(got|want|one of|has|is|of)( *,| *$|  )", error.detail):
        yield "something is left empty"
    if re.search(r"\bNone\b|\[|frozenset|<", error.detail):
        yield "it shows how the program holds a value"
    wants = re.fullmatch(r".*got (.*?)(?: \(\w+\))?, want (.*)", error.detail, re.DOTALL)
    if wants is not None and wants[1] in wants[2].split(", "):
        yield "it wants what it got"


@effort(max_examples=300, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    which=st.integers(0, len(CONFIGURED) - 1),
    signer=st.sampled_from(["HS256", "HS256 of another", *PRIVATE, "nobody"]),
    header=st.fixed_dictionaries(
        {}, optional={"alg": st.sampled_from(ODD), "kid": st.sampled_from([*ODD, "EdDSA", "ES256"])}
    ),
    claims=st.dictionaries(st.sampled_from(CLAIM_NAMES), st.sampled_from(ODD), max_size=2),
)
@example(which=0, signer="HS256", header={}, claims={})
@example(which=3, signer="HS256", header={}, claims={"iss": UNREACHABLE})
@example(which=5, signer="RS256", header={"kid": "EdDSA"}, claims={})
@example(which=2, signer="HS256", header={}, claims={"aud": [""]})
@example(which=8, signer="ES256", header={}, claims={})
@example(which=10, signer="HS256", header={}, claims={"tenant_id": ""})
def test_every_reason_says_what_came_and_leaves_nothing_empty(
    checkers: list[BearerTokens], which: int, signer: str, header: dict[str, Any], claims: dict[str, Any]
) -> None:
    if signer == "nobody":
        text = forged({"alg": "HS256", **header}, CLAIMS | claims)
    else:
        algorithm = signer.split(" ", 1)[0]
        key = PRIVATE.get(algorithm, SECRET if signer == algorithm else SECRET[::-1])
        kid = {"kid": header["kid"]} if isinstance(header.get("kid"), str) else {}
        text = signed(key, algorithm, kid, claims)
    error = refusal(checkers[which], text)

    assert error is None or list(faults(error)) == [], (error.why, error.detail)


def signed(key: Any, algorithm: str, header: dict[str, Any], claims: dict[str, Any]) -> str:
    """A token with claims that PyJWT signs; those that it does not are left out."""
    kept = {name: value for name, value in claims.items() if name != "iss" or isinstance(value, str | None)}
    return token(key, algorithm, header, **kept)


@pytest.mark.parametrize(
    ("which", "made", "detail"),
    [
        (
            0,
            {},
            "alg: got HS256, want a token of this service: SOJOURN_OIDC_ISSUER, SOJOURN_JWT_JWKS and"
            " SOJOURN_JWT_SECRET are not set",
        ),
        (1, {"key": SECRET * 2, "algorithm": "HS512"}, "alg: got HS512, want one of HS256"),
        (2, {"aud": []}, "aud: got nothing, want sojourn"),
        (2, {"aud": ""}, 'aud: got "", want sojourn'),
        (3, {"iss": UNREACHABLE}, f"alg: got HS256, want another: no key for it is known of {UNREACHABLE}"),
        (8, {"key": PRIVATE["ES256"], "algorithm": "ES256"}, "alg: got ES256, no key of the key set is for it"),
        (
            5,
            {"key": PRIVATE["RS256"], "algorithm": "RS256", "header": {"kid": "EdDSA"}},
            "alg: got RS256, the key EdDSA is not for it",
        ),
    ],
)
def test_a_reason_names_what_is_set_and_what_is_not(
    checkers: list[BearerTokens], which: int, made: dict[str, Any], detail: str
) -> None:
    error = refusal(checkers[which], token(**{"aud": None, **made}))

    assert error is not None
    assert error.detail == detail


def test_the_word_of_every_reason_is_a_word_and_never_what_a_stranger_sent() -> None:
    words = [
        (file.name, call.args[0])
        for folder in ("sojourn/authentication", "sojourn/pipeline")
        for file in sorted((ROOT / folder).glob("*.py"))
        for call in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "because"
    ]

    assert len(words) > 20
    assert [(name, ast.unparse(word)) for name, word in words if isinstance(word, ast.JoinedStr | ast.BinOp)] == []


@pytest.mark.parametrize(
    ("value", "line"),
    [(None, "nothing"), ([], "nothing"), ("", '""'), ([" ", "a"], '" ", a'), (0, "0"), ("x" * 101, "x" * 100 + "…")],
)
def test_a_value_is_shown_so_that_it_can_be_seen(value: Any, line: str) -> None:
    assert shown(value) == line
