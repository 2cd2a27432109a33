"""The recipes of docs/guides/identity-providers, run: a server plays the provider and signs the token that is shown."""

import http.server
import json
import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest

from tests.authentication.tokens import PRIVATE, public_jwk
from tests.background import serving as in_background
from tests.http.conftest import START, Client

RECIPES = Path(__file__).parents[2] / "docs" / "guides" / "identity-providers"
PAGES = sorted(page for page in RECIPES.glob("*.md") if page.stem != "index")


@pytest.fixture
def engine() -> str:
    """No provider cares which engine it is."""
    return "sqlite"


class Provider(http.server.ThreadingHTTPServer):
    """Publishes JSON documents by path, and remembers what it was asked for."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Documents)
        self.documents: dict[str, Any] = {}
        self.asked: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def publish(self, issuer: str, *keys: dict[str, Any], metadata: str = "{}/.well-known/openid-configuration") -> str:
        """Publish an issuer's metadata and keys; the issuer's name."""
        path = issuer.removeprefix(self.url).rstrip("/")
        self.documents[metadata.format(path)] = {"issuer": issuer, "jwks_uri": f"{self.url}/keys{path}"}
        self.documents[f"/keys{path}"] = {"keys": keys}
        return issuer


class _Documents(http.server.BaseHTTPRequestHandler):
    server: Provider

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        document = self.server.documents.get(self.path)
        body = json.dumps(document).encode()
        self.send_response(200 if document is not None else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def provider() -> Iterator[Provider]:
    """A running provider."""
    with in_background(Provider()) as server:
        yield server


class Recipe:
    """A page, with the provider's host replaced by the one that plays it."""

    def __init__(self, page: Path, provider: Provider) -> None:
        text = page.read_text("utf-8")
        variables = re.findall(r'^export (\w+)="?(.*?)"?$', text, re.MULTILINE)
        place = dict(variables).get("SOJOURN_OIDC_ISSUER") or dict(variables)["SOJOURN_JWT_ISSUER"]
        self._host = "/".join(place.split("/")[:3])
        self._provider = provider
        self.settings = {name: self._moved(value) for name, value in variables}
        block = re.search(r"```json\n(.*?)```", text, re.DOTALL)
        assert block is not None
        token = json.loads(self._moved(block[1]))
        self.header, self.claims = token["header"], token["claims"]
        said = re.search(r"user `(.+?)`, tenant `(.+?)`, roles `(.+?)`", text)
        assert said is not None
        self.user, self.tenant, self.roles = said[1], said[2], said[3].split(", ")

    def _moved(self, text: str) -> str:
        return text.replace(self._host, self._provider.url)

    def publish(self) -> None:
        """Put the provider's documents where the settings say that they are."""
        key = public_jwk(self.header["alg"], kid=self.header["kid"])
        if "SOJOURN_OIDC_ISSUER" in self.settings:
            self._provider.publish(self.settings["SOJOURN_OIDC_ISSUER"], key)
        else:
            path = self.settings["SOJOURN_JWT_JWKS"].removeprefix(self._provider.url)
            self._provider.documents[path] = {"keys": [key]}

    def token(self, **changes: Any) -> str:
        """The page's token, issued at the test's present; a change to None leaves a claim out."""
        now = int(START.timestamp())
        times = {"iat": now - 10, "nbf": now - 10, "auth_time": now - 20, "exp": now + 300}
        claims = {name: times.get(name, value) for name, value in self.claims.items()} | changes
        kept = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(kept, PRIVATE[self.header["alg"]], self.header["alg"], self.header)


def serving(start: Callable[..., Client], tenant: str = "acme", **settings: str) -> Client:
    """An application that knows the tenant."""
    client = start(**settings)
    client.create("somebody", tenant)
    return client


def call(client: Client, token: str) -> Any:
    """An administrator's request with a bearer token."""
    return client.request("GET", "/admin/sessions/active-count", headers={"Authorization": f"Bearer {token}"})


def last_line(caplog: pytest.LogCaptureFixture) -> Any:
    """The access line of the last request."""
    return [record for record in caplog.records if record.name == "sojourn.access"][-1]


def test_there_is_a_recipe_for_each_of_the_common_providers() -> None:
    index = (RECIPES / "index.md").read_text("utf-8")

    assert len(PAGES) == 8
    assert all(f"]({page.name})" in index and f"\n{page.stem}\n" in index for page in PAGES)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.stem))
def test_the_token_of_a_recipe_is_accepted_and_read_as_the_recipe_says(
    page: Path, provider: Provider, start: Callable[..., Client], caplog: pytest.LogCaptureFixture
) -> None:
    recipe = Recipe(page, provider)
    recipe.publish()
    client = serving(start, recipe.tenant, **recipe.settings)
    caplog.set_level(logging.INFO, "sojourn.access")

    answer = call(client, recipe.token())

    line = last_line(caplog)
    assert answer.status_code == 200, line.reason
    assert (line.caller, line.tenant, recipe.roles) == (recipe.user, recipe.tenant, ["admin"])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.stem))
def test_a_token_of_a_recipe_is_refused_with_its_reason_in_the_log_and_nowhere_else(
    page: Path, provider: Provider, start: Callable[..., Client], caplog: pytest.LogCaptureFixture
) -> None:
    recipe = Recipe(page, provider)
    recipe.publish()
    client = serving(start, recipe.tenant, **recipe.settings)
    caplog.set_level(logging.INFO, "sojourn.access")
    wanted = recipe.settings.get("SOJOURN_JWT_AUDIENCE", "none")
    wrong = recipe.token(aud="billing")

    answer = call(client, wrong)

    line = last_line(caplog)
    assert (answer.status_code, line.problem) == (401, "invalid_token")
    assert line.reason == f"aud: got billing, want {wanted}"
    assert line.request_id == answer.headers["x-request-id"]
    assert line.trace_id == answer.json()["trace_id"]
    assert "billing" not in answer.text
    assert wrong not in caplog.text


def test_a_provider_with_the_metadata_of_rfc_8414_is_found(provider: Provider, start: Callable[..., Client]) -> None:
    issuer = provider.publish(
        f"{provider.url}/a", public_jwk("ES256"), metadata="/.well-known/oauth-authorization-server{}"
    )
    client = serving(start, SOJOURN_OIDC_ISSUER=issuer)

    assert call(client, signed("ES256", iss=issuer)).status_code == 200


def signed(algorithm: str, **changes: Any) -> str:
    """An administrator's token of a provider, signed with the key of an algorithm."""
    now = int(START.timestamp())
    claims = {"sub": "u", "tenant_id": "acme", "roles": ["admin"], "iat": now, "exp": now + 300} | changes
    return jwt.encode(claims, PRIVATE[algorithm], algorithm, {"kid": algorithm})


def test_a_token_is_held_against_the_keys_of_the_issuer_that_it_names_and_no_others(
    provider: Provider, start: Callable[..., Client], caplog: pytest.LogCaptureFixture
) -> None:
    one = provider.publish(f"{provider.url}/one", public_jwk("ES256"))
    two = provider.publish(f"{provider.url}/two", public_jwk("EdDSA"))
    client = serving(start, SOJOURN_OIDC_ISSUER=f"{one},{two}")
    caplog.set_level(logging.INFO, "sojourn.access")

    assert [
        call(client, signed(name, iss=issuer)).status_code for name, issuer in (("ES256", one), ("EdDSA", two))
    ] == [
        200,
        200,
    ]
    assert call(client, signed("ES256", iss=two)).status_code == 401
    assert last_line(caplog).reason == "kid: got ES256, the key set has EdDSA"
    assert call(client, signed("ES256", iss=f"{provider.url}/three")).status_code == 401
    assert last_line(caplog).reason == f"iss: got {provider.url}/three (ES256), want {one}, {two}"
    assert call(client, client.token("u", roles=["admin"], iss=one)).status_code == 401, (
        "the secret is not this issuer's"
    )
    assert call(client, client.token("u", roles=["admin"])).status_code == 200


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://another.example", "jwks_uri": "{}/keys/one"},
        {"issuer": "{}/one/", "jwks_uri": "{}/keys/one"},
        {"issuer": "{}/one"},
        {"issuer": "{}/one", "jwks_uri": "http://keys.example/keys"},
        {"issuer": "{}/one", "jwks_uri": "file:///etc/passwd"},
        {"issuer": "{}/one", "jwks_uri": 7},
        [],
    ],
    ids=str,
)
def test_metadata_of_another_issuer_or_without_safe_keys_is_not_used_and_the_service_is_not_ready(
    metadata: Any, provider: Provider, start: Callable[..., Client], caplog: pytest.LogCaptureFixture
) -> None:
    issuer = provider.publish(f"{provider.url}/one", public_jwk("ES256"))
    provider.documents["/one/.well-known/openid-configuration"] = json.loads(
        json.dumps(metadata).replace("{}", provider.url)
    )
    client = serving(start, SOJOURN_OIDC_ISSUER=issuer)

    assert call(client, signed("ES256", iss=issuer)).status_code == 503
    assert client.request("GET", "/health/ready").status_code == 503
    assert f"issuer {issuer}" in caplog.text
    assert not any(path.startswith("/keys") for path in provider.asked)


def test_the_service_is_ready_once_every_issuer_was_read(provider: Provider, start: Callable[..., Client]) -> None:
    one = provider.publish(f"{provider.url}/one", public_jwk("ES256"))
    client = serving(start, SOJOURN_OIDC_ISSUER=one)
    call(client, signed("ES256", iss=one))

    assert client.request("GET", "/health/ready").status_code == 200


@pytest.mark.parametrize(
    ("settings", "claims", "reason"),
    [
        (
            {"JWT_ROLE_MAP": "ops=admin"},
            {"roles": ["admin"]},
            "roles: got none, want one of admin, auditor, security_admin",
        ),
        ({"JWT_ROLES_CLAIM": "a.b"}, {"a": {"b": {"admin": 1}}}, "roles: a.b is neither a list of texts nor a text"),
        ({"JWT_TENANT_CLAIM": "org.id"}, {"org": {"name": "x"}}, "tenant: the claim org.id is missing"),
        ({"JWT_TENANT_CLAIM": "org.id"}, {"org": {"id": "a/b"}}, "tenant: org.id is a/b, which is not one tenant id"),
        (
            {"JWT_TENANT_MAP": "x=acme"},
            {"tenant_id": "y"},
            "tenant: tenant_id is y, which SOJOURN_JWT_TENANT_MAP does not have",
        ),
        ({}, {"exp": None}, "exp: missing"),
        ({}, {"exp": 1}, "token: expired"),
        ({}, {"sub": None}, "sub: missing"),
        ({"JWT_ISSUER": "https://a.example"}, {"iss": "b"}, "iss: got b, want https://a.example"),
    ],
    ids=str,
)
def test_each_reason_of_a_refusal_is_one_line_of_the_log(
    settings: dict[str, str],
    claims: dict[str, Any],
    reason: str,
    start: Callable[..., Client],
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = serving(start, **{f"SOJOURN_{name}": value for name, value in settings.items()})
    caplog.set_level(logging.INFO, "sojourn.access")
    given = {"sub": "u", "roles": ["admin"], **claims}
    body = jwt.decode(client.token("u"), options={"verify_signature": False}) | given
    token = jwt.encode(
        {name: value for name, value in body.items() if value is not None},
        "a-secret-of-at-least-thirty-two-bytes!",
        "HS256",
    )

    assert call(client, token).status_code in (401, 403)

    assert last_line(caplog).reason == reason


def test_a_request_that_concerns_no_tenant_has_none_in_the_log(
    start: Callable[..., Client], caplog: pytest.LogCaptureFixture
) -> None:
    client = start()
    caplog.set_level(logging.INFO, "sojourn.access")
    client.request("GET", "/health/live")

    assert last_line(caplog).tenant is None
