"""Authlib and openid-client at the OAuth forms: as clients, and Authlib as what protects an API. Neither is adapted."""

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jwt
import pytest
import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.flask_oauth2 import ResourceProtector, current_token
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7662 import IntrospectTokenValidator
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata, get_well_known_url
from flask import Flask, jsonify

from tests import node
from tests.certificates import Authority
from tests.live import API_KEY, LiveServer

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS = "urn:ietf:params:oauth:token-type:access_token"
WAYS = ("client_secret_basic", "client_secret_post")
Ask = Callable[..., Any]


class Shop(NamedTuple):
    """A service behind TLS with two tenants, and the file of the authority that its clients trust."""

    server: LiveServer
    trusted: str

    def internal(self, path: str, tenant: str = "acme", **body: Any) -> Any:
        headers = {"X-API-Key": API_KEY, "X-Tenant-ID": tenant}
        response = requests.post(
            f"{self.server.url}/internal/session/{path}", json=body, headers=headers, verify=self.trusted, timeout=60
        )
        assert response.status_code < 300, response.text
        return response.json()

    def sign_in(self, tenant: str = "acme") -> dict[str, Any]:
        """The first tokens of a new session, as Authlib keeps them."""
        session = self.internal("create", tenant, auth_user_id="usr_ann")["data"]["session"]["id"]
        tokens: dict[str, Any] = self.internal(
            "generate-tokens", tenant, session_id=session, tenant_id=tenant, auth_user_id="usr_ann"
        )
        return tokens

    def metadata(self) -> dict[str, Any]:
        """What the service says of itself, found where Authlib looks for it."""
        url = get_well_known_url(self.server.url, external=True)
        found: dict[str, Any] = requests.get(url, verify=self.trusted, timeout=60).json()
        return found

    def client(self, way: str = "client_secret_basic", *, secret: str = API_KEY, **more: Any) -> OAuth2Session:
        """Authlib's client on `requests`, set up from the metadata and nothing else."""
        made = OAuth2Session(
            "acme",
            secret,
            token_endpoint_auth_method=way,
            revocation_endpoint_auth_method=way,
            **self.metadata() | more,
        )
        made.verify, made.trust_env = self.trusted, False
        return made

    def is_active(self, token: str) -> bool:
        with self.client() as client:
            said = client.introspect_token(client.metadata["introspection_endpoint"], token=token)
        return bool(said.json()["active"])


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("authlib")
    authority = Authority(folder / "authority.pem")
    files = {"SOJOURN_TLS_CERTIFICATE": folder / "chain.pem", "SOJOURN_TLS_KEY": folder / "key.pem"}
    for path, text in zip(files.values(), authority.sign("localhost"), strict=True):
        path.touch(0o600)
        path.write_bytes(text)
    settings = {name: str(path) for name, path in files.items()}
    settings |= {"SOJOURN_HOST": "localhost", "SOJOURN_PUBLIC_URL": "{url}"}
    server = LiveServer(folder, tls_authority=authority.path, **settings)
    yield Shop(server, str(authority.path))
    server.stop()


def refusal(ask: Ask, *arguments: Any, **options: Any) -> str:
    """The `error` with which Authlib reports what it was refused, which has a description as well."""
    with pytest.raises(OAuthError) as refused:
        ask(*arguments, **options)
    assert refused.value.description
    return str(refused.value.error)


def test_the_metadata_are_what_the_library_takes_for_valid(shop: Shop) -> None:
    found = AuthorizationServerMetadata(shop.metadata())

    found.validate()

    assert found["issuer"] == shop.server.url
    assert set(WAYS) == set(found["token_endpoint_auth_methods_supported"])


@pytest.mark.parametrize("way", WAYS)
def test_a_pair_is_refreshed_introspected_and_revoked(shop: Shop, way: str) -> None:
    first = shop.sign_in()
    with shop.client(way) as client:
        second = client.refresh_token(refresh_token=first["refresh_token"])
        said = client.introspect_token(client.metadata["introspection_endpoint"], token=second["access_token"]).json()
        revoked = client.revoke_token(client.metadata["revocation_endpoint"], token=second["refresh_token"])

    assert (second["token_type"], second.is_expired()) == ("Bearer", False)
    assert (said["active"], said["sub"], said["token_type"]) == (True, "usr_ann", "Bearer")
    assert (revoked.status_code, revoked.content) == (200, b"")
    assert not any(shop.is_active(second[name]) for name in ("access_token", "refresh_token"))


def test_a_token_that_is_over_is_refreshed_before_it_is_used(shop: Shop) -> None:
    kept: list[str] = []
    token = shop.sign_in() | {"expires_in": -1}
    with shop.client(token=token, update_token=lambda new, **_: kept.append(new["access_token"])) as client:
        seen = client.get(f"{shop.server.url}/sessions/devices")

    assert seen.status_code == 200
    assert kept != [token["access_token"]]
    assert shop.is_active(*kept)


def test_a_token_is_exchanged_for_one_of_another_audience(shop: Shop) -> None:
    subject, actor = shop.sign_in()["access_token"], shop.sign_in()["access_token"]
    said = {"subject_token": subject, "subject_token_type": ACCESS, "actor_token": actor, "actor_token_type": ACCESS}
    with shop.client() as client:
        given = client.fetch_token(grant_type=EXCHANGE, audience="api.example.com", **said)
        seen = client.introspect_token(client.metadata["introspection_endpoint"], token=given["access_token"]).json()
        keys = client.get(client.metadata["jwks_uri"], withhold_token=True).json()
    key = jwt.PyJWKSet.from_dict(keys)[jwt.get_unverified_header(given["access_token"])["kid"]]
    claims = jwt.decode(given["access_token"], key, audience="api.example.com", options={"verify_iss": False})

    assert (given["issued_token_type"], given["token_type"]) == (ACCESS, "Bearer")
    assert (seen["active"], seen["sub"], seen["aud"]) == (True, "usr_ann", ["api.example.com"])
    assert (claims["sub"], claims["act"]) == ("usr_ann", {"sub": "usr_ann"})


def test_a_refused_grant_is_an_error_of_the_library_and_harms_nothing(shop: Shop) -> None:
    own, foreign = shop.sign_in(), shop.sign_in("globex")
    with shop.client() as client:
        refresh, fetch = client.refresh_token, client.fetch_token
        assert refusal(refresh, refresh_token="unknown") == "invalid_grant"
        assert refusal(refresh, refresh_token=foreign["refresh_token"]) == "invalid_grant"
        assert refusal(fetch, grant_type="client_credentials") == "unsupported_grant_type"
        assert refusal(fetch, grant_type=EXCHANGE, subject_token=own["access_token"]) == "invalid_request"
        said = {"grant_type": EXCHANGE, "subject_token": own["access_token"], "subject_token_type": ACCESS}
        assert refusal(fetch, **said, resource="not-absolute") == "invalid_target"
        assert refusal(fetch, **said, scope="admin") == "invalid_scope"
        inactive = client.introspect_token(client.metadata["introspection_endpoint"], token=foreign["access_token"])
        unknown = client.revoke_token(client.metadata["revocation_endpoint"], token=foreign["refresh_token"])
        again = client.refresh_token(refresh_token=own["refresh_token"])

    assert inactive.json() == {"active": False}
    assert unknown.status_code == 200
    assert shop.is_active(again["access_token"])


@pytest.mark.parametrize("way", WAYS)
def test_a_client_with_a_wrong_secret_is_refused_by_every_form(shop: Shop, way: str) -> None:
    pair = shop.sign_in()
    with shop.client(way, secret="wrong") as client:
        refreshed = refusal(client.refresh_token, refresh_token=pair["refresh_token"])
        forms = [
            client.introspect_token(client.metadata["introspection_endpoint"], token=pair["access_token"]),
            client.revoke_token(client.metadata["revocation_endpoint"], token=pair["refresh_token"]),
        ]

    assert refreshed == "invalid_client"
    assert [(form.status_code, form.json()["error"]) for form in forms] == [(401, "invalid_client")] * 2
    assert all(form.headers["WWW-Authenticate"].startswith("Basic ") for form in forms)
    assert shop.is_active(pair["access_token"]), "nobody revoked it"


def test_many_at_once_refresh_one_pair_once(shop: Shop) -> None:
    pair = shop.sign_in() | {"expires_in": -1}
    metadata, trust = shop.metadata(), ssl.create_default_context(cafile=shop.trusted)

    async def look() -> tuple[list[int], str]:
        async with AsyncOAuth2Client("acme", API_KEY, token=pair, verify=trust, **metadata) as client:
            asked: list[Awaitable[Any]] = [client.get(f"{shop.server.url}/sessions/devices") for _ in range(8)]
            seen = await asyncio.gather(*asked)
            return [one.status_code for one in seen], client.token["access_token"]

    statuses, last = asyncio.run(look())

    assert statuses == [200] * 8
    assert shop.is_active(last), "no refresh token was sent twice"


def protected(shop: Shop) -> Flask:
    """An API that lets Authlib judge bearers, and Authlib ask the service."""

    class Introspection(IntrospectTokenValidator):  # type: ignore[misc]  # Authlib has no types
        def introspect_token(self, token_string: str) -> Any:
            with shop.client() as client:
                said = client.introspect_token(client.metadata["introspection_endpoint"], token=token_string)
            said.raise_for_status()
            return said.json()

    protector, app = ResourceProtector(), Flask("api")
    protector.register_token_validator(Introspection())
    app.get("/me")(protector()(lambda: jsonify(current_token["sub"])))
    return app


def test_an_api_that_introspects_lets_in_whom_the_service_calls_active(shop: Shop) -> None:
    pair, api = shop.sign_in(), protected(shop).test_client()

    def seen(token: str) -> tuple[int, Any, str | None]:
        response = api.get("/me", headers={"Authorization": f"Bearer {token}"})
        return response.status_code, response.json, response.headers.get("WWW-Authenticate")

    assert seen(pair["access_token"]) == (200, "usr_ann", None)
    for refused in ("unknown", pair["access_token"][:-4] + "AAAA", shop.sign_in("globex")["access_token"]):
        status, body, challenge = seen(refused)
        assert (status, body["error"]) == (401, "invalid_token")
        assert challenge is not None
    with shop.client() as client:
        client.revoke_token(client.metadata["revocation_endpoint"], token=pair["refresh_token"])
    assert seen(pair["access_token"])[0] == 401


HERE = Path(__file__).parent


def test_openid_client_refreshes_introspects_exchanges_and_revokes(shop: Shop) -> None:
    """As Node runs it, found by the metadata, with the secret in either place; refusals are errors of the library."""
    asked = {
        "url": shop.server.url,
        "secret": API_KEY,
        "pair": {name: shop.sign_in()["refresh_token"] for name in ("basic", "post")},
        "foreign": shop.sign_in("globex")["refresh_token"],
    }
    with node.running(
        HERE / "openid_client.mjs", json.dumps(asked), cwd=HERE, NODE_EXTRA_CA_CERTS=shop.trusted
    ) as process:
        printed, _ = process.communicate(timeout=60)

    assert process.returncode == 0, printed
    for name, found in json.loads(printed).items():
        wrong, (kind, lasts) = found.pop("wrong"), found.pop("refreshed")
        assert kind == "bearer", "openid-client writes the type small"
        assert 0 < lasts <= 900
        assert found == {
            "issuer": shop.server.url,
            "introspected": [True, "usr_ann"],
            "exchanged": [ACCESS, True, "usr_ann", ["api.example.com"]],
            "refused": ["ResponseBodyError", "invalid_grant", 400],
            "revoked": {"active": False},
        }, name
        assert wrong[0] in ("ResponseBodyError", "WWWAuthenticateChallengeError"), wrong
        assert wrong[2] == 401, wrong
