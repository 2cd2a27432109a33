"""Logout tokens and the form that they come in: which are accepted, and that the others end nothing.

More than sixty logout tokens that are wrong in one way each are refused in the words of the standard.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from sojourn.domain.logout_tokens import EVENT
from tests.authentication.tokens import PRIVATE, public_jwk, public_pem
from tests.http.conftest import JWT_SECRET, Client
from tests.http.test_backchannel_logout import (
    AT,
    BEFORE,
    CLAIMS,
    CLIENT,
    ISSUER,
    LEFT_OUT,
    PATH,
    SETTINGS,
    SID,
    active,
    by_hand,
    claims,
    counts,
    log_out,
    logout_token,
)  # fmt: skip
from tests.http.test_backchannel_logout import shop as shop  # a fixture
from tests.http.test_identity_providers import RECIPES, Provider, Recipe
from tests.http.test_identity_providers import provider as provider  # a fixture

FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def engine() -> str:
    """What a token says is judged before any engine is asked."""
    return "sqlite"


def test_the_type_is_checked_where_it_is_given(shop: Client) -> None:
    for typ in ("logout+jwt", "Logout+JWT", "application/logout+jwt", "JWT", None):
        header = {"alg": "HS256"} if typ is None else {"alg": "HS256", "typ": typ}
        assert log_out(shop, by_hand(header, claims(jti=str(typ)))).status_code == 200, typ


def test_the_audience_is_that_of_bearers_where_no_client_is_listed(start: Callable[..., Client]) -> None:
    client = start(SOJOURN_JWT_ISSUER=ISSUER, SOJOURN_JWT_AUDIENCE="sessions", SOJOURN_LOGOUT_AUDIENCE="")

    assert log_out(client, logout_token(aud="sessions")).status_code == 200
    assert log_out(client, logout_token(jti="2")).status_code == 400


def test_without_any_audience_no_logout_token_is_accepted(start: Callable[..., Client]) -> None:
    client = start(SOJOURN_JWT_ISSUER=ISSUER, SOJOURN_LOGOUT_AUDIENCE="")

    assert "aud " in log_out(client, logout_token()).json()["error_description"]


def test_other_parameters_are_ignored_as_the_standard_asks(shop: Client) -> None:
    assert log_out(shop, logout_token(sid=f"{SID}-acme"), colour="red", state="").status_code == 200
    assert counts(shop) != BEFORE


def test_the_same_id_of_another_issuer_is_another_token(provider: Provider, start: Callable[..., Client]) -> None:
    names = [provider.publish(f"{provider.url}/{name}", public_jwk("RS256")) for name in ("one", "two")]
    client = start(SOJOURN_OIDC_ISSUER=",".join(names), SOJOURN_LOGOUT_AUDIENCE=CLIENT)

    for name in names:
        token = by_hand({"alg": "RS256", "kid": "RS256"}, claims(iss=name), key=PRIVATE["RS256"])
        assert log_out(client, token).status_code == 200


# ---------------------------------------------------------------- what providers send

_FOUR = {"iat", "exp", "jti", "events"}
SHAPES: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "keycloak": ({"typ": "logout+jwt"}, {"aud": "my-app", "typ": "Logout", "sub": "", "sid": ""}),
    "auth0": ({"typ": "logout+jwt"}, {"aud": "my-app", "sub": "", "sid": "", "trace_id": "9f21c1e8"}),
    "zitadel": ({"typ": "JWT"}, {"aud": ["my-app"], "sub": "", "sid": ""}),
    "authentik": ({"typ": "JWT"}, {"aud": "my-app", "sub": "", "sid": ""}),
    "entra-id": ({"typ": "logout+jwt"}, {"aud": "my-app", "sub": "", "sid": ""}),
    "okta": ({"typ": "logout+jwt"}, {"aud": "my-app", "sub": "", "sid": ""}),
}
"""By provider: the header, and the claims beside those that every logout token has.

Entra ID and Okta document no logout token; theirs is as the standard has it, from the issuer that they document.
"""


@pytest.mark.parametrize("name", SHAPES)
def test_a_logout_token_of_each_providers_shape_ends_the_session_of_its_recipe(
    name: str, provider: Provider, start: Callable[..., Client]
) -> None:
    recipe = Recipe(RECIPES / f"{name}.md", provider)
    recipe.publish()
    client = start(**recipe.settings, SOJOURN_LOGOUT_AUDIENCE="my-app")
    issuer, sid = recipe.claims["iss"], "8a0f6d1e-2b7c-4a53-9a5e-6c1b2d3e4f50"
    for session in (sid, "another"):
        client.create(recipe.user, recipe.tenant, idp={"issuer": issuer, "session_id": session})
    header, said = SHAPES[name]
    said = {**said, "iss": issuer, "sub": recipe.user, "sid": sid}
    kept = {claim: value for claim, value in CLAIMS.items() if claim in _FOUR}
    token = by_hand(
        {"alg": recipe.header["alg"], "kid": recipe.header["kid"], **header},
        {**kept, **said},
        key=PRIVATE[recipe.header["alg"]],
    )

    response = log_out(client, token)

    assert response.status_code == 200, response.text
    assert active(client, recipe.user, recipe.tenant) == 1


# ---------------------------------------------------------------- what is refused


def _other_rs256() -> str:
    return by_hand({"alg": "RS256", "typ": "logout+jwt"}, claims(), key=PRIVATE["RS256"])


def _changed_after_signing() -> str:
    head, _, tail = logout_token().split(".")
    forged = base64.urlsafe_b64encode(json.dumps(claims(sub="usr_2")).encode()).rstrip(b"=").decode()
    return f"{head}.{forged}.{tail}"


_HS = {"alg": "HS256", "typ": "logout+jwt"}
MALFORMED: dict[str, tuple[str, Callable[[], str]]] = {
    # the form of a signed JWT
    "no JWT": ("form", lambda: "not-a-token"),
    "two parts": ("form", lambda: logout_token().rpartition(".")[0]),
    "four parts": ("form", lambda: logout_token() + ".x"),
    "an encrypted JWT": ("form", lambda: "e30.e30.e30.e30.e30"),
    "padding": ("form", lambda: logout_token() + "="),
    "another alphabet": ("form", lambda: logout_token().replace(".", ".+", 1)),
    "no signature": ("form", lambda: by_hand(_HS, claims(), signature="")),
    "header that is a list": ("form", lambda: by_hand([1], claims(), signature="c2ln")),  # type: ignore[arg-type]  # wrong on purpose
    "payload that is a list": ("form", lambda: by_hand(_HS, [1])),
    "payload that is a text": ("form", lambda: by_hand(_HS, "sub")),
    "payload that is no JSON": ("form", lambda: by_hand(_HS, b"{")),
    "payload with a claim twice": ("form", lambda: by_hand(_HS, b'{"iss": "a", "iss": "b"}')),
    "payload that is no UTF-8": ("form", lambda: by_hand(_HS, b'{"iss": "\xff"}')),
    # algorithm, header, signature
    "none": ("alg", lambda: by_hand({"alg": "none"}, claims(), signature="c2ln")),
    "None in other letters": ("alg", lambda: by_hand({"alg": "nOnE"}, claims(), signature="c2ln")),
    "no alg": ("alg", lambda: by_hand({"typ": "logout+jwt"}, claims(), signature="c2ln")),
    "alg that is a number": ("alg", lambda: by_hand({"alg": 256}, claims(), signature="c2ln")),
    "an algorithm that is not accepted": ("alg", lambda: by_hand({"alg": "HS512"}, claims(), key=JWT_SECRET * 2)),
    "a key of another kind": ("alg", _other_rs256),
    "an extension of the header": ("header", lambda: logout_token(header={"crit": ["exp"], "exp": AT})),
    "an unencoded payload": ("header", lambda: logout_token(header={"b64": False})),
    "kid that is a number": ("header", lambda: logout_token(header={"kid": 1})),
    "another secret": ("signature", lambda: logout_token(key="another-secret-of-at-least-32-bytes!!")),
    "the public key as a secret": (
        "signature",
        lambda: by_hand(_HS, claims(), signature=_hmac_by(public_pem("RS256"))),
    ),
    "claims changed after signing": ("signature", _changed_after_signing),
    "a signature of another token": (
        "signature",
        lambda: logout_token().rpartition(".")[0] + "." + logout_token(jti="2").rpartition(".")[2],
    ),
    # type
    "typ of an access token": ("typ", lambda: logout_token(header={"typ": "at+jwt"})),
    "typ of an ID token": ("typ", lambda: logout_token(header={"typ": "id_token+jwt"})),
    "typ of another event": ("typ", lambda: logout_token(header={"typ": "secevent+jwt"})),
    "typ that is no text": ("typ", lambda: logout_token(header={"typ": 1})),
    # issuer and audience
    "no iss": ("iss", lambda: logout_token(iss=LEFT_OUT)),
    "iss of somebody else": ("iss", lambda: logout_token(iss="https://evil.example.com")),
    "iss with a slash more": ("iss", lambda: logout_token(iss=ISSUER + "/")),
    "iss that is a list": ("iss", lambda: logout_token(iss=[ISSUER])),
    "no aud": ("aud", lambda: logout_token(aud=LEFT_OUT)),
    "aud of another client": ("aud", lambda: logout_token(aud="somebody-else")),
    "aud with another client as well": ("aud", lambda: logout_token(aud=[CLIENT, "somebody-else"])),
    "aud that is empty": ("aud", lambda: logout_token(aud=[])),
    "aud that is a number": ("aud", lambda: logout_token(aud=1)),
    # instants
    "no iat": ("iat", lambda: logout_token(iat=LEFT_OUT)),
    "iat to come": ("iat", lambda: logout_token(iat=AT + 60)),
    "iat that is a text": ("iat", lambda: logout_token(iat=str(AT))),
    "iat that is true": ("iat", lambda: logout_token(iat=True)),
    "no exp": ("exp", lambda: logout_token(exp=LEFT_OUT)),
    "exp that has passed": ("exp", lambda: logout_token(exp=AT - 60)),
    "exp that is a text": ("exp", lambda: logout_token(exp=str(AT + 60))),
    "exp beyond the years": ("exp", lambda: logout_token(exp=10**18)),
    "nbf to come": ("nbf", lambda: logout_token(nbf=AT + 60)),
    # whom it is about
    "neither sub nor sid": ("subject", lambda: logout_token(sub=LEFT_OUT, sid=LEFT_OUT)),
    "sub that is a number": ("sub", lambda: logout_token(sub=1)),
    "sub that is null": ("sub", lambda: logout_token(sub=None)),
    "sub that is empty": ("sub", lambda: logout_token(sub="")),
    "sid that is a list": ("sid", lambda: logout_token(sid=[SID])),
    "sid with a line feed": ("sid", lambda: logout_token(sid="a\nb")),
    # what it is
    "no events": ("events", lambda: logout_token(events=LEFT_OUT)),
    "events that is a list": ("events", lambda: logout_token(events=[EVENT])),
    "events of another kind": ("events", lambda: logout_token(events={"https://schemas.openid.net/event/x": {}})),
    "event that is no object": ("events", lambda: logout_token(events={EVENT: True})),
    "a nonce": ("nonce", lambda: logout_token(nonce="n-0S6_WzA2Mj")),
    "a nonce that is null": ("nonce", lambda: logout_token(nonce=None)),
    "no jti": ("jti", lambda: logout_token(jti=LEFT_OUT)),
    "jti that is empty": ("jti", lambda: logout_token(jti="")),
    "jti that is a number": ("jti", lambda: logout_token(jti=7)),
    "a tenant that cannot be": ("tenant", lambda: logout_token(tenant_id="no/tenant")),
}
WORDS = {
    "form": "it is not a signed JWT in compact form",
    "alg": "its alg is none of those",
    "header": "its header asks for an extension (crit)",
    "typ": "its typ is not logout+jwt.",
    "signature": "no key of its issuer has signed it.",
    "iss": "iss is missing, or is no issuer that is trusted here.",
    "aud": "aud is missing, or does not name this service alone.",
    "iat": "iat is missing, is no number of seconds, or is in the future.",
    "exp": "exp is missing or has passed.",
    "nbf": "nbf is no number of seconds, or is in the future.",
    "subject": "it has neither sub nor sid.",
    "sub": "sub is no text",
    "sid": "sid is no text",
    "events": f"events is no JSON object with the member {EVENT}",
    "nonce": "it has a nonce, which a logout token must not have.",
    "jti": "jti is missing or is no text.",
    "tenant": "it names a tenant that there cannot be.",
}
"""How each rule of the standard is put."""


def _hmac_by(key: bytes) -> str:
    parts = [json.dumps(part).encode() for part in (_HS, claims())]
    text = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    return base64.urlsafe_b64encode(hmac.digest(key, text, hashlib.sha256)).rstrip(b"=").decode()


def test_there_are_sixty_of_them_and_every_rule_has_one() -> None:
    assert len(MALFORMED) >= 60
    assert {rule for rule, _ in MALFORMED.values()} == set(WORDS)


def test_a_malformed_logout_token_is_refused_in_the_standards_words_and_ends_nothing(shop: Client) -> None:
    for name, (rule, make) in MALFORMED.items():
        response = log_out(shop, make())

        assert response.status_code == 400, name
        assert response.headers["cache-control"] == "no-store", name
        assert response.headers["content-type"] == "application/json", name
        refusal = response.json()
        assert refusal.keys() == {"error", "error_description"}, name
        assert refusal["error"] == "invalid_request", name
        assert WORDS[rule] in refusal["error_description"], (name, refusal)
        assert counts(shop) == BEFORE, name

    assert log_out(shop, logout_token(sid=f"{SID}-acme")).status_code == 200, "none of them has used up the jti"


def test_the_reason_is_in_the_log_of_security_events(shop: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="sojourn.security")

    log_out(shop, logout_token(aud="somebody-else"))
    log_out(shop, logout_token())

    told = [vars(record) for record in caplog.records if record.name == "sojourn.security"]
    assert [(facts["event"], facts.get("reason")) for facts in told[:1]] == [("credential.refused", "aud")]
    assert told[1]["event"] == "sessions.ended"


# ---------------------------------------------------------------- the request


def raw(client: Client, body: bytes, **headers: str) -> httpx.Response:
    sent = {"Content-Type": FORM, **{k.replace("_", "-"): v for k, v in headers.items()}}
    return client.request("POST", PATH, content=body, headers={k: v for k, v in sent.items() if v})


FORMS: dict[bytes, str] = {
    b"": "logout_token: This value is required.",
    b"logout_token=": "logout_token: This value is required.",
    b"logout_toke=x": "logout_token: This value is required.",
    b"logout_token=a&logout_token=a": "logout_token: ",
    b"logout_token=%zz": "logout_token: ",
    b"logout_token=%ff": "logout_token: ",
    b"logout_token=%00": "logout_token: ",
    b"logout_token=a+b": "logout_token: ",
    b"logout_token=" + b"a" * 16385: "logout_token: ",
}


def test_a_form_without_its_parameter_is_an_oauth_error(shop: Client) -> None:
    for body, begins in FORMS.items():
        response = raw(shop, body)
        assert response.status_code == 400, body
        assert response.json()["error"] == "invalid_request", body
        assert response.json()["error_description"].startswith(begins), response.json()
        assert response.json()["error_description"].count("logout_token:") == 1


def test_another_media_type_is_415_and_a_problem_document(shop: Client) -> None:
    for content_type in ("application/json", "text/plain", "", f"{FORM}; charset=latin-1", "multipart/form-data"):
        response = raw(shop, b"logout_token=x", Content_Type=content_type)
        assert response.status_code == 415, content_type
        assert response.headers["content-type"] == "application/problem+json"
        assert FORM in response.json()["detail"]
    assert raw(shop, b"logout_token=x", Content_Encoding="gzip").status_code == 415


def test_the_media_type_may_be_spelled_otherwise(shop: Client) -> None:
    for content_type in ("Application/X-WWW-Form-Urlencoded", f"{FORM}; charset=UTF-8"):
        body = urlencode({"logout_token": logout_token(jti=content_type)}).encode()
        assert raw(shop, body, Content_Type=content_type).status_code == 200


def test_a_form_over_the_limit_is_413(shop: Client) -> None:
    assert raw(shop, b"a=" + b"b" * 70_000).status_code == 413


def test_unknown_parameters_never_hurt_however_many_and_odd(shop: Client) -> None:
    body = b"%zz=%ff&&=&a&" + b"b=1&" * 1000 + urlencode({"logout_token": logout_token(sid=f"{SID}-acme")}).encode()

    assert raw(shop, body).status_code == 200
    assert counts(shop) != BEFORE


def test_the_clocks_may_differ_by_the_leeway(start: Callable[..., Client]) -> None:
    client = start(**SETTINGS, SOJOURN_JWT_LEEWAY="30s")

    assert log_out(client, logout_token(iat=AT + 30, jti="1")).status_code == 200
    assert log_out(client, logout_token(iat=AT + 31, jti="2")).status_code == 400
    client.clock.advance(seconds=149)
    assert log_out(client, logout_token(jti="3")).status_code == 200
    client.clock.advance(seconds=1)
    assert log_out(client, logout_token(jti="4")).status_code == 400
