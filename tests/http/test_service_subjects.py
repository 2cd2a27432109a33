"""A machine's token of a trusted issuer in the place of an API key: SOJOURN_SERVICE_SUBJECTS says what it may do."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import jwt
import pytest

from sojourn.settings import Settings, SettingsError
from tests.http.conftest import JWT_SECRET, Client

SUBJECT = "system:serviceaccount:prod:login"
MAPPED = f"{SUBJECT}=sessions:read+sessions:write,billing@clients=tokens"
LOOKUP = "/internal/session/sessions/usr_abc123"


@pytest.fixture
def served(start: Callable[..., Client]) -> Client:
    return start(SOJOURN_SERVICE_SUBJECTS=MAPPED)


def ask(client: Client, method: str, path: str, *, tenant: str = "acme", **claims: Any) -> httpx.Response:
    """As a machine whose token says `claims`; without a tenant of its own."""
    now = client.clock.now
    facts = {"sub": SUBJECT, "iat": int(now.timestamp()), "exp": int((now + timedelta(hours=1)).timestamp())}
    token = jwt.encode(facts | claims, JWT_SECRET, algorithm="HS256")
    headers = {"Authorization": f"Bearer {token}", "X-Tenant-ID": tenant}
    body = {"json": {"auth_user_id": "usr_abc123"}} if method == "POST" else {}
    return client.request(method, path, headers=headers, **body)


def test_a_mapped_subject_does_what_its_scopes_allow_in_every_tenant(served: Client) -> None:
    for tenant in ("acme", "globex"):
        assert ask(served, "POST", "/internal/session/create", tenant=tenant).status_code == 201
        assert ask(served, "GET", LOOKUP, tenant=tenant).json()["total"] == 1


def test_what_is_beyond_its_scopes_is_403_and_names_the_scope(served: Client) -> None:
    answer = ask(served, "POST", "/internal/session/create", sub="billing@clients")

    assert (answer.status_code, answer.json()["i18n_args"]) == (403, {"scope": "sessions:write"})


def test_a_token_that_names_a_tenant_is_good_for_that_one_only(served: Client) -> None:
    assert ask(served, "GET", LOOKUP, tenant_id="acme").status_code == 200
    answer = ask(served, "GET", LOOKUP, tenant="globex", tenant_id="acme")
    assert (answer.status_code, answer.json()["i18n_key"]) == (403, "error.tenant_not_allowed")


@pytest.mark.parametrize(
    "claims", [{"sub": "usr_abc123"}, {"sub": SUBJECT + "2"}, {"exp": 1}, {"nbf": 4_000_000_000}, {"aud": "elsewhere"}]
)
def test_any_other_token_stands_for_no_service(served: Client, claims: dict[str, Any]) -> None:
    answer = ask(served, "GET", LOOKUP, **claims)

    assert (answer.status_code, answer.json()["i18n_key"]) == (401, "error.invalid_api_key")


def test_where_nothing_is_mapped_a_bearer_token_is_no_credential_of_services(client: Client) -> None:
    answer = ask(client, "GET", LOOKUP)

    assert (answer.status_code, answer.json()["i18n_key"]) == (401, "error.authentication_required")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"SOJOURN_SERVICE_SUBJECTS": "login=session:read"}, "'session:read' is not one of"),
        ({"SOJOURN_SERVICE_SUBJECTS": "login"}, "not of the form"),
        ({"SOJOURN_SERVICE_SUBJECTS": "login=tokens", "SOJOURN_OIDC_ISSUER": "https://a.example"}, "of which issuer"),
        ({"SOJOURN_SERVICE_SUBJECTS": "login=tokens", "SOJOURN_JWT_SECRET": ""}, "needs an issuer"),
    ],
)
def test_a_mapping_that_cannot_hold_is_told_at_the_start(settings: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        Settings.from_env({"SOJOURN_JWT_SECRET": JWT_SECRET, **settings})


def test_of_several_issuers_a_mapping_names_the_one_that_it_means() -> None:
    named = "https://a.example|login=tokens"
    settings = Settings.from_env(
        {
            "SOJOURN_JWT_SECRET": JWT_SECRET,
            "SOJOURN_OIDC_ISSUER": "https://a.example,https://b.example",
            "SOJOURN_SERVICE_SUBJECTS": named,
        }
    )

    assert settings.service_subjects == (named,)
