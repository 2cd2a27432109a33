"""Bearer tokens: good ones name a caller; the corpus of bad ones is refused, always in the same words."""

import asyncio
import base64
import hashlib
import hmac
import json
import socket
from datetime import datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from sojourn.authentication import BearerTokens, issue_token
from sojourn.domain.errors import InvalidToken, TokenExpired
from sojourn.domain.values import Caller, Tenant
from tests.authentication.tokens import (
    AUDIENCE,
    CLAIMS,
    ISSUER,
    NOW,
    PRIVATE,
    SECRET,
    forged,
    key_set,
    public_jwk,
    public_pem,
    settings,
    token,
)


def check(tokens: BearerTokens, text: str, now: datetime = NOW) -> tuple[Caller, Tenant]:
    """Authenticate once."""
    return asyncio.run(tokens.authenticate(text, now))


@pytest.fixture
def tokens() -> BearerTokens:
    """A checker with a secret."""
    return BearerTokens(settings())


@pytest.fixture
def jwks(tmp_path: Path) -> Path:
    """A key set file with a key of each type."""
    path = tmp_path / "keys.json"
    path.write_bytes(key_set(*(public_jwk(name) for name in PRIVATE)))
    return path


def test_a_good_token_names_the_caller_and_the_tenant(tokens: BearerTokens) -> None:
    assert check(tokens, token()) == (
        Caller("user", "usr_1", frozenset({"admin"}), "sess_1"),
        Tenant("acme"),
    )


def test_roles_may_be_one_text_or_absent(tokens: BearerTokens) -> None:
    assert check(tokens, token(roles="admin  auditor"))[0].roles == {"admin", "auditor"}
    assert check(tokens, token(roles=None))[0].roles == frozenset()


def test_the_claims_of_tenant_and_roles_can_be_named() -> None:
    tokens = BearerTokens(settings(jwt_tenant_claim="org", jwt_roles_claim="groups"))

    caller, tenant = check(tokens, token(org="globex", groups=["admin"]))

    assert (tenant.id, caller.roles) == ("globex", frozenset({"admin"}))


@pytest.mark.parametrize("algorithm", PRIVATE)
@pytest.mark.parametrize("header", [{}, {"kid": None}])
def test_a_key_set_verifies_with_and_without_a_key_id(jwks: Path, algorithm: str, header: dict[str, Any]) -> None:
    tokens = BearerTokens(settings(jwt_secret=None, jwt_jwks=str(jwks)))
    kid = header if header else {"kid": algorithm}
    named = {name: value for name, value in kid.items() if value is not None}

    assert check(tokens, token(PRIVATE[algorithm], algorithm, named))[0].id == "usr_1"


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://other.example"},
        {"iss": None},
        {"iss": [ISSUER]},
        {"aud": "other"},
        {"aud": None},
        {"aud": ["other", "another"]},
        {"exp": None},
        {"exp": "soon"},
        {"exp": True},
        {"exp": float("inf")},
        {"exp": float("nan")},
        {"exp": 10**400},
        {"exp": [1]},
        {"nbf": int(NOW.timestamp()) + 60},
        {"nbf": "now"},
        {"iat": int(NOW.timestamp()) + 60},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "a\x00b"},
        {"sub": " a"},
        {"sub": "x" * 256},
        {"sub": "\ud800"},
        {"tenant_id": None},
        {"tenant_id": ""},
        {"tenant_id": "a b"},
        {"tenant_id": ["acme"]},
        {"tenant_id": "x" * 129},
        {"roles": {"admin": True}},
        {"roles": [1]},
        {"roles": 1},
        {"sid": 1},
        {"sid": "a\nb"},
        {"typ": "Refresh"},
        {"typ": "Offline"},
        {"typ": "ID"},
        {"typ": "Logout"},
        {"token_use": "refresh"},
        {"token_use": "id"},
        {"token_type": "refresh"},
        {"type": "refresh"},
        {"nonce": "n-0S6_WzA2Mj"},
        {"at_hash": "MTIzNDU2Nzg5MDEyMzQ1Ng"},
        {"c_hash": "MTIzNDU2Nzg5MDEyMzQ1Ng"},
        {"events": {"http://schemas.openid.net/event/backchannel-logout": {}}},
        {"token_use": "access", "events": {}},
        {"exp": 253402300800},
        {"exp": 1e300},
        {"nbf": -1e300},
        {"iat": int(NOW.timestamp()) * 1000},
        {"auth_time": "yesterday"},
        {"auth_time": True},
        {"jti": 7},
        {"jti": ""},
        {"acr": 1},
        {"scope": {"read": True}},
        {"scope": ["read", 1]},
        {"scope": "x" * 1025},
        {"amr": {"pwd": 1}},
        {"amr": ["pwd", None]},
        {"aud": [AUDIENCE, 7]},
        {"client_id": ["app"]},
        {"client_id": ""},
        {"sub": "."},
        {"sub": ".. x"},
        {"uid": 2**63},
        {"deep": {"er": [[-(2**70)]]}},
        {f"claim-{number}": number for number in range(64)},
    ],
    ids=str,
)
def test_a_token_with_bad_claims_is_refused(tokens: BearerTokens, changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidToken) as caught:
        check(tokens, signed_raw({"alg": "HS256"}, CLAIMS | changes))
    assert type(caught.value) is InvalidToken
    assert caught.value.params == {}


def signed_raw(header: Any, claims: dict[str, Any], key: bytes = SECRET.encode()) -> str:
    """A token with a valid HS256 signature over claims that no library would sign."""
    kept = {name: value for name, value in claims.items() if value is not None}
    signed = forged(header, kept).rpartition(".")[0]
    signature = hmac.digest(key, signed.encode(), hashlib.sha256)
    return f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def test_signing_by_hand_is_accepted_so_that_the_corpus_fails_for_its_own_reasons(
    tokens: BearerTokens,
) -> None:
    assert check(tokens, signed_raw({"alg": "HS256"}, CLAIMS))[0].id == "usr_1"


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"},
        {"alg": "None"},
        {"alg": "NONE"},
        {"alg": ""},
        {"alg": None},
        {"alg": ["HS256"]},
        {"alg": "HS512"},
        {"alg": "hs256"},
        {},
        {"alg": "HS256", "crit": ["exp"]},
        {"alg": "HS256", "crit": []},
        {"alg": "HS256", "crit": ["b64"], "b64": False},
        {"alg": "HS256", "b64": False},
        {"alg": "HS256", "b64": True},
        {"alg": "HS256", "kid": 7},
        {"alg": "HS256", "typ": "refresh+jwt"},
        {"alg": "HS256", "typ": "application/logout+jwt"},
        {"alg": "HS256", "typ": 1},
        {"alg": "HS256", "typ": None},
        {"alg": "HS256", "typ": "ID"},
        {"alg": "HS256", "typ": "id+jwt"},
        {"alg": "HS256", "typ": "logout+jwt"},
        {"alg": "HS256", "typ": "secevent+jwt"},
        {"alg": "HS256", "typ": "oauth-authz-req+jwt"},
        {"alg": "HS256", "typ": "at+JWT "},
        {"alg": "HS256", "kid": None},
        [],
        "HS256",
    ],
    ids=str,
)
@pytest.mark.parametrize("is_signed", [True, False])
def test_a_token_with_a_bad_header_is_refused(tokens: BearerTokens, header: Any, is_signed: bool) -> None:
    with pytest.raises(InvalidToken):
        check(tokens, signed_raw(header, CLAIMS) if is_signed else forged(header))


@pytest.mark.parametrize("typ", ["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt"])
def test_an_access_token_may_say_its_type(tokens: BearerTokens, typ: str) -> None:
    assert check(tokens, token(header={"typ": typ}))[0].id == "usr_1"


@pytest.mark.parametrize("says_so", [{"typ": "Bearer"}, {"token_use": "access"}])
def test_an_access_token_that_says_what_it_is_may_carry_a_nonce(tokens: BearerTokens, says_so: dict[str, str]) -> None:
    assert check(tokens, token(nonce="n", **says_so))[0].id == "usr_1"
    assert check(tokens, token(nonce="n", header={"typ": "at+jwt"}))[0].id == "usr_1"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ({"scope": ["read", "write"]}, {"scope": "read write"}),
        ({"scope": "read write"}, {"scope": "read write"}),
        ({"scope": ""}, {}),
        ({"scope": []}, {}),
        ({"amr": "pwd"}, {"amr": ["pwd"]}),
        ({"amr": ["pwd", "otp"]}, {"amr": ["pwd", "otp"]}),
        ({"uid": 2**63 - 1, "ratio": 1e300, "n": None}, {"uid": 2**63 - 1, "ratio": 1e300, "n": None}),
        ({"nickname": "\N{GRINNING FACE} \uffff"}, {"nickname": "\N{GRINNING FACE} \uffff"}),
        ({"client_id": None, "auth_time": None, "jti": None}, {}),
    ],
    ids=str,
)
def test_claims_are_read_in_one_form(tokens: BearerTokens, written: dict[str, Any], read: dict[str, Any]) -> None:
    payload = json.dumps(CLAIMS | written).encode()

    assert asyncio.run(tokens.read(signed_bytes(_HEADER, payload))).claims == CLAIMS | read


@pytest.mark.parametrize("algorithm", PRIVATE)
@pytest.mark.parametrize("accepted", [("HS256", "RS256", "ES256", "EdDSA"), ("RS256", "ES256", "EdDSA")])
def test_a_public_key_is_no_secret(jwks: Path, algorithm: str, accepted: tuple[str, ...]) -> None:
    tokens = BearerTokens(settings(jwt_jwks=str(jwks), jwt_algorithms=accepted))
    pem = public_pem(algorithm)

    for key in (pem, pem.strip(), json.dumps(public_jwk(algorithm)).encode()):
        with pytest.raises(InvalidToken):
            check(tokens, signed_raw({"alg": "HS256", "kid": algorithm}, CLAIMS, key))


@pytest.mark.parametrize(("claimed", "actual"), [*permutations(PRIVATE, 2)])
def test_an_algorithm_and_a_key_of_another_type_never_meet(jwks: Path, claimed: str, actual: str) -> None:
    tokens = BearerTokens(settings(jwt_jwks=str(jwks)))
    head, body, signature = token(PRIVATE[actual], actual, {"kid": actual}).split(".")
    renamed = forged({"alg": claimed, "kid": actual}).split(".")[0]

    for text in (f"{renamed}.{body}.{signature}", f"{head}.{body}.{signature}"[:-4] + "AAAA"):
        with pytest.raises(InvalidToken):
            check(tokens, text)


def test_an_algorithm_that_is_not_on_the_list_is_refused_though_its_key_is_known(jwks: Path) -> None:
    tokens = BearerTokens(settings(jwt_secret=None, jwt_jwks=str(jwks), jwt_algorithms=("ES256",)))

    with pytest.raises(InvalidToken):
        check(tokens, token(PRIVATE["RS256"], "RS256", {"kid": "RS256"}))


def test_keys_that_a_token_brings_along_are_not_used_and_no_address_is_called(jwks: Path) -> None:
    attacker = rsa.generate_private_key(65537, 2048)
    tokens = BearerTokens(settings(jwt_jwks=str(jwks)))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/keys.json"
        for header in ({"jku": url}, {"x5u": url}, {"jku": url, "kid": url}, {"jwk": public_jwk("RS256")}):
            with pytest.raises(InvalidToken):
                check(tokens, token(attacker, "RS256", header))
        listener.settimeout(0.2)
        with pytest.raises(TimeoutError):
            listener.accept()


def test_a_token_expires_though_its_signature_is_remembered(tokens: BearerTokens) -> None:
    text, end = token(), datetime.fromtimestamp(CLAIMS["exp"], NOW.tzinfo)

    check(tokens, text)
    check(tokens, text, end + timedelta(seconds=4.9))
    with pytest.raises(TokenExpired):
        check(tokens, text, end + timedelta(seconds=5))
    with pytest.raises(TokenExpired):
        check(tokens, text, end + timedelta(days=1))


def test_a_token_is_good_from_nbf_to_exp_and_the_leeway_and_no_longer(tokens: BearerTokens) -> None:
    text, end = token(nbf=int(NOW.timestamp()) + 30), datetime.fromtimestamp(CLAIMS["exp"], NOW.tzinfo)

    with pytest.raises(InvalidToken):
        check(tokens, text)
    for good in (NOW + timedelta(seconds=25), end, end + timedelta(seconds=4.9)):
        assert check(tokens, text, good)[0].id == "usr_1"
    with pytest.raises(TokenExpired):
        check(tokens, text, end + timedelta(seconds=5))


def test_only_so_many_signatures_are_remembered() -> None:
    tokens = BearerTokens(settings(), max_remembered=3)

    for number in range(10):
        assert check(tokens, token(sub=f"usr_{number}"))[0].id == f"usr_{number}"

    assert len(tokens._remembered) == 3


@given(st.data())
def test_a_flipped_byte_is_refused(data: st.DataObject) -> None:
    text = bytearray(token().encode())
    place = data.draw(st.integers(0, len(text) - 1))
    text[place] = data.draw(st.integers(0, 127).filter(lambda byte: byte != text[place]))

    with pytest.raises(InvalidToken):
        check(BearerTokens(settings()), text.decode())


@given(st.one_of(st.text(), st.text("eyJ.=_-A0{}[]"), st.binary().map(lambda raw: raw.decode("latin-1"))))
def test_any_text_is_refused_and_never_an_error_of_ours(text: str) -> None:
    with pytest.raises(InvalidToken):
        check(BearerTokens(settings()), text)


def test_nesting_deeper_than_python_can_go_is_refused(tokens: BearerTokens) -> None:
    deep = base64.urlsafe_b64encode(b"[" * 12_000).decode()

    for text in (f"{deep}.e30.", f"{forged({'alg': 'HS256'}).split('.')[0]}.{deep}.", "." * 10_000):
        with pytest.raises(InvalidToken):
            check(tokens, text)


@given(
    st.from_regex(r"\A[A-Za-z0-9._:@|~+=-]{1,128}\Z"),
    st.from_regex(r"\A[!-~]{1,255}\Z"),
    st.lists(st.from_regex(r"\A[!-~]{1,20}\Z"), max_size=3),
)
def test_a_token_that_we_issue_says_what_it_was_asked_to(tenant: str, user: str, roles: list[str]) -> None:
    text = issue_token(
        settings(),
        tenant=tenant,
        user=user,
        roles=tuple(roles),
        session=None,
        ttl=timedelta(hours=1),
        now=NOW,
    )

    assert check(BearerTokens(settings()), text) == (Caller("user", user, frozenset(roles)), Tenant(tenant))


def test_a_token_is_issued_only_where_a_secret_signs() -> None:
    for changes in ({"jwt_secret": None}, {"jwt_jwks": "keys.json", "jwt_algorithms": ("ES256",)}):
        with pytest.raises(ValueError, match="secret"):
            issue_token(
                settings(**changes),
                tenant="acme",
                user="u",
                roles=(),
                session=None,
                ttl=timedelta(hours=1),
                now=NOW,
            )


def test_a_token_that_names_an_audience_is_refused_where_none_is_configured() -> None:
    with pytest.raises(InvalidToken):
        check(BearerTokens(settings(jwt_audience=None)), token(aud=AUDIENCE))


def spellings(text: str) -> list[str]:
    """Other texts that lenient readers of base64url take for the same token."""
    head, body, signature = text.split(".")
    last = ALPHABET[ALPHABET.index(signature[-1]) + 1]
    padded = [part + "=" * (-len(part) % 4 or 4) for part in (head, body, signature)]
    return [
        f"{padded[0]}.{body}.{signature}",
        f"{head}.{padded[1]}.{signature}",
        f"{head}.{body}.{padded[2]}",
        f"{text}=",
        f"{text}\n",
        f" {text}",
        f"{head}.{body}.{signature[:8]}\n{signature[8:]}",
        f"{head}.{body}.{signature[:8]}!{signature[8:]}",
        f"{head}.{body}.{signature[:-1]}{last}",
        f"{text}.",
        f"{text}.{signature}",
        f"{head}.{body}.",
    ]


ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@pytest.mark.parametrize("number", range(12))
def test_a_token_has_one_spelling(tokens: BearerTokens, number: int) -> None:
    text = token()
    assert check(tokens, text)[0].id == "usr_1"

    with pytest.raises(InvalidToken):
        check(tokens, spellings(text)[number])


@given(st.data())
def test_no_inserted_character_leaves_a_token_good(data: st.DataObject) -> None:
    text = token()
    place = data.draw(st.integers(0, len(text)))
    other = text[:place] + data.draw(st.characters()) + text[place:]

    with pytest.raises(InvalidToken):
        check(BearerTokens(settings()), other)


def signed_bytes(header: bytes, payload: bytes) -> str:
    """A token with a valid HS256 signature over any bytes."""
    parts = [base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in (header, payload)]
    signature = hmac.digest(SECRET.encode(), ".".join(parts).encode(), hashlib.sha256)
    return ".".join([*parts, base64.urlsafe_b64encode(signature).rstrip(b"=").decode()])


_HEADER, _PAYLOAD = b'{"alg":"HS256"}', json.dumps(CLAIMS).encode()
_LENIENT = {
    "utf-16": lambda raw: raw.decode().encode("utf-16"),
    "utf-32": lambda raw: raw.decode().encode("utf-32-le"),
    "byte order mark": lambda raw: b"\xef\xbb\xbf" + raw,
    "not utf-8": lambda raw: raw[:-1] + b',"x":"\xff"}',
    "NaN": lambda raw: raw[:-1] + b',"x":NaN}',
    "infinity": lambda raw: raw[:-1] + b',"x":-Infinity}',
    "beyond a double": lambda raw: raw[:-1] + b',"x":1e999}',
    "a member twice": lambda raw: raw[:-1] + b',"x":1,"x":1}',
    "a member twice, deeper": lambda raw: raw[:-1] + b',"x":{"y":1,"\\u0079":2}}',
    "lone surrogate": lambda raw: raw[:-1] + b',"x":"\\ud800"}',
    "lone surrogate in a name": lambda raw: raw[:-1] + b',"\\udfff":1}',
    "deep": lambda raw: raw[:-1] + b',"x":' + b"[" * 40 + b"]" * 40 + b"}",
    "long number": lambda raw: raw[:-1] + b',"x":' + b"9" * 5000 + b"}",
    "more behind": lambda raw: raw + b"{}",
    "an array": lambda raw: b"[" + raw + b"]",
}


def test_signing_bytes_by_hand_is_accepted_so_that_the_next_test_fails_for_its_own_reasons(
    tokens: BearerTokens,
) -> None:
    assert check(tokens, signed_bytes(_HEADER, _PAYLOAD))[0].id == "usr_1"


@pytest.mark.parametrize("name", _LENIENT)
def test_header_and_payload_are_strict_json(tokens: BearerTokens, name: str) -> None:
    spoil = _LENIENT[name]

    for text in (signed_bytes(spoil(_HEADER), _PAYLOAD), signed_bytes(_HEADER, spoil(_PAYLOAD))):
        with pytest.raises(InvalidToken):
            check(tokens, text)
