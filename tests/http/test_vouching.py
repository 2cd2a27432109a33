"""Who may vouch: a session says nothing of its user that the user alone has said."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from itertools import count
from typing import Any

import httpx
import pytest

from sojourn.domain.clock import utc_now
from sojourn.settings import Settings
from tests.http.conftest import API_KEY, Client, FrozenClock
from tests.http.test_refresh import claims
from tests.http.tokens import bearer, refresh, sign_in, status_of, validate

USER = "usr_abc123"
ME = {"auth_user_id": USER}
numbers = count(1)


def start_with(client: Client, token: str, **body: Any) -> httpx.Response:
    """A session for the user, asked for with a bearer token."""
    return client.request("POST", "/sessions", json=ME | body, headers={"Authorization": f"Bearer {token}"})


def upgrade_with(client: Client, token: str, session_id: str, **headers: str) -> httpx.Response:
    """A session's assurance raised, asked for with a bearer token."""
    shown = {"Authorization": f"Bearer {token}", **headers}
    return client.request("POST", f"/sessions/{session_id}/upgrade-mfa", headers=shown)


def provider_token(client: Client, user: str = USER, *, age: float = 0, **more: Any) -> str:
    """A token of the identity provider, with a `jti` of its own, for a sign-in of so many seconds ago."""
    at = int(client.clock.now.timestamp() - age)
    return client.token(user, **{"auth_time": at, "jti": f"jti-{next(numbers)}", **more})


def assert_refused(response: httpx.Response, reason: str) -> None:
    """Nobody vouches for it, for this reason."""
    problem = response.json()
    assert (response.status_code, problem["i18n_key"]) == (403, "error.not_entitled_to_vouch"), response.text
    assert problem["type"].endswith("/problems/not-entitled-to-vouch")
    assert problem["i18n_args"]["reason"] == reason


def test_a_token_of_our_own_opens_no_session(client: Client) -> None:
    access = sign_in(client, amr=["pwd"])["tokens"]["access_token"]

    for body in ({}, {"amr": ["pwd"]}, {"amr": ["hwk", "mfa"]}):
        assert_refused(start_with(client, access, **body), "own_token")
    assert client.as_admin("GET", f"/admin/sessions?user_id={USER}").json()["total"] == 1


def test_an_administrators_token_opens_sessions_whoever_signed_it(client: Client) -> None:
    own = sign_in(client, "root", role="admin")["tokens"]["access_token"]
    client.clock.advance(minutes=10)

    for token in (own, provider_token(client, "root", age=3600, roles=["admin"])):
        for _ in range(2):
            response = start_with(client, token, amr=["hwk", "mfa"], acr="loa3", ip="192.0.2.1")
            assert response.status_code == 201, response.text
            assert response.json()["session"]["acr"] == "loa3"


def test_a_session_of_a_providers_token_says_what_the_token_says(client: Client) -> None:
    token = provider_token(client, age=100, amr=["pwd", "otp"], acr="urn:loa:2")

    answer = start_with(client, token).json()

    session, said = answer["session"], claims(answer["tokens"]["access_token"])
    assert (session["amr"], session["acr"]) == ("pwd,otp", "urn:loa:2")
    assert session["authenticated_at"] == "2026-04-15T07:58:20.000Z"
    assert session["created_at"] == "2026-04-15T08:00:00.000Z"
    assert (said["amr"], said["acr"]) == (["pwd", "otp"], "urn:loa:2")
    assert said["auth_time"] == int(client.clock.now.timestamp()) - 100


@pytest.mark.parametrize(
    ("token", "body", "amr"),
    [
        ({"amr": ["pwd", "otp"]}, {"amr": ["pwd"]}, "pwd"),
        ({"amr": "pwd"}, {"amr": ["pwd"]}, "pwd"),
        ({"amr": ["pwd"], "acr": "1"}, {"acr": "1"}, "pwd"),
        ({}, {}, None),
        ({"amr": []}, {}, None),
        ({"amr": ["not a method", "pwd"]}, {}, "pwd"),
        ({"device_id": "dev_1", "ip": "192.0.2.7"}, {"device_id": "dev_1", "ip": "192.0.2.7"}, None),
        ({"roles": ["auditor"]}, {"role": "auditor"}, None),
        ({}, {"username": "john.doe", "app_id": "app_web"}, None),
    ],
)
def test_what_stays_within_the_token_is_taken(
    client: Client, token: dict[str, Any], body: dict[str, Any], amr: str | None
) -> None:
    response = start_with(client, provider_token(client, **token), **body)

    assert response.status_code == 201, response.text
    assert response.json()["session"].get("amr") == amr


@pytest.mark.parametrize(
    ("token", "body"),
    [
        ({}, {"amr": ["pwd"]}),
        ({"amr": ["pwd"]}, {"amr": ["pwd", "mfa"]}),
        ({"amr": ["pwd"]}, {"amr": ["hwk"]}),
        ({}, {"acr": "2"}),
        ({"acr": "1"}, {"acr": "2"}),
        *(({}, {name: value}) for name, value in {
            "ip": "192.0.2.7", "user_agent": "Mozilla/5.0", "device_id": "dev_1", "device_fingerprint": "sha256:a",
            "device_type": "desktop", "browser": "Chrome", "os": "Debian",
        }.items()),
        ({"ip": "192.0.2.8"}, {"ip": "192.0.2.7"}),
    ],
)  # fmt: skip
def test_what_goes_beyond_the_token_is_refused_and_named(
    client: Client, token: dict[str, Any], body: dict[str, Any]
) -> None:
    shown = provider_token(client, **token)

    response = start_with(client, shown, **body)

    assert_refused(response, "beyond")
    assert response.json()["i18n_args"]["members"] == next(iter(body))
    assert start_with(client, shown).status_code == 201, "a refusal does not use the token up"


def test_a_role_beyond_the_token_is_refused_as_ever(client: Client) -> None:
    response = start_with(client, provider_token(client, roles=["auditor"]), role="admin")

    assert (response.status_code, response.json()["code"]) == (403, 30103004)


@pytest.mark.parametrize(
    ("age", "status"), [(0, 201), (299, 201), (300, 403), (301, 403), (86400, 403), (-5, 201), (-6, 403), (-1e6, 403)]
)
def test_a_sign_in_counts_for_five_minutes(client: Client, age: float, status: int) -> None:
    response = start_with(client, provider_token(client, age=age))

    assert response.status_code == status, response.text
    if status == 403:
        assert_refused(response, "stale")
    else:
        assert response.json()["session"]["authenticated_at"] <= "2026-04-15T08:00:00.000Z"


def test_without_auth_time_the_issue_of_the_token_counts(client: Client) -> None:
    old = client.token(USER, iat=int(client.clock.now.timestamp()) - 300)

    assert start_with(client, client.token(USER)).status_code == 201
    assert_refused(start_with(client, old), "stale")
    assert_refused(start_with(client, client.token(USER, iat=None)), "stale")


def test_the_age_of_a_sign_in_is_a_setting(start: Callable[..., Client]) -> None:
    client = start(SOJOURN_SIGN_IN_MAX_AGE="10m")

    assert start_with(client, provider_token(client, age=599)).status_code == 201
    assert_refused(start_with(client, provider_token(client, age=600)), "stale")


@pytest.mark.parametrize("jti", ["once", None])
def test_a_providers_token_vouches_once(client: Client, jti: str | None) -> None:
    token = provider_token(client, jti=jti, amr=["pwd", "otp"])
    session = client.create()

    assert start_with(client, token).status_code == 201
    assert_refused(start_with(client, token), "spent")
    assert_refused(upgrade_with(client, token, session["id"]), "spent")
    again = provider_token(client, jti=jti, amr=["pwd", "otp"], nonsense=1)
    assert start_with(client, again).status_code == (201 if jti is None else 403)


def test_a_token_presented_side_by_side_opens_one_session(client: Client) -> None:
    options = {"json": ME, "headers": {"Authorization": f"Bearer {provider_token(client)}"}}

    answers = client.gather(*[("POST", "/sessions", options)] * 12)

    assert sorted(answer.status_code for answer in answers) == [201] + [403] * 11


def test_a_presented_token_is_remembered_until_nobody_can_present_it(client: Client, clock: FrozenClock) -> None:
    token = provider_token(client)
    assert start_with(client, token).status_code == 201

    clock.advance(seconds=299)
    assert client.as_admin("DELETE", "/admin/sessions/expired").status_code == 200
    assert_refused(start_with(client, token), "spent")
    clock.advance(seconds=1)
    assert client.as_admin("DELETE", "/admin/sessions/expired").status_code == 200
    assert_refused(start_with(client, token), "stale")


def test_the_same_jti_of_another_tenant_is_another_token(client: Client) -> None:
    first = provider_token(client, jti="same")
    second = client.token(USER, "noise", jti="same")

    assert [start_with(client, token).status_code for token in (first, second)] == [201, 201]


def test_a_users_own_token_raises_nothing(client: Client) -> None:
    signed_in = sign_in(client, amr=["pwd"])

    assert_refused(upgrade_with(client, signed_in["tokens"]["access_token"], signed_in["session"]["id"]), "own_token")

    session = client.as_admin("GET", f"/sessions/{signed_in['session']['id']}").json()["session"]
    assert session["amr"] == "pwd"


@pytest.mark.parametrize(
    ("amr", "reason"), [(None, "one_factor"), (["pwd"], "one_factor"), (["pwd", "pwd"], "one_factor")]
)
def test_one_factor_is_no_evidence_of_several(client: Client, amr: Any, reason: str) -> None:
    session = client.create(amr=["pwd"])

    assert_refused(upgrade_with(client, provider_token(client, amr=amr), session["id"]), reason)
    assert_refused(upgrade_with(client, provider_token(client, amr=["mfa"], age=301), session["id"]), "stale")


@pytest.mark.parametrize("amr", [["mfa"], ["pwd", "otp"]])
def test_a_fresh_providers_token_with_several_factors_raises_a_session(client: Client, amr: list[str]) -> None:
    client.clock.advance(minutes=10)
    session = client.create(amr=["pwd"])
    client.clock.advance(minutes=10)

    assert upgrade_with(client, provider_token(client, amr=amr, age=60, acr="2"), session["id"]).status_code == 200

    raised = client.as_admin("GET", f"/sessions/{session['id']}").json()["session"]
    assert (raised["amr"], raised["acr"]) == ("pwd,mfa", "2")
    assert raised["authenticated_at"] == "2026-04-15T08:19:00.000Z"
    assert raised["expires_at"] == session["expires_at"]


def test_an_api_key_beside_the_bearer_vouches_for_several_factors(client: Client) -> None:
    signed_in = sign_in(client, amr=["pwd"])
    access, session_id = signed_in["tokens"]["access_token"], signed_in["session"]["id"]

    wrong = upgrade_with(client, access, session_id, **{"X-API-Key": "wrong"})
    assert (wrong.status_code, wrong.json()["i18n_key"]) == (401, "error.invalid_api_key")
    assert upgrade_with(client, access, session_id, **{"X-API-Key": API_KEY}).status_code == 200
    assert status_of(client, session_id) == "active"


def elevate(client: Client, session_id: str, tenant: str = "acme", **body: Any) -> httpx.Response:
    """A session's assurance raised by a service."""
    return client.internal("POST", f"/internal/session/{session_id}/elevate", tenant, json=body)


def test_a_service_raises_a_session_and_the_tokens_of_before_are_replaced(client: Client) -> None:
    signed_in = sign_in(client, amr=["pwd"])
    session, before = signed_in["session"], signed_in["tokens"]
    exchanged = client.as_admin(
        "POST",
        "/admin/tokens/exchange",
        json={
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "subject_token": before["access_token"],
        },
    ).json()["access_token"]
    client.clock.advance(seconds=90)

    response = elevate(
        client, session["id"], amr=["otp", "mfa"], acr="urn:loa:2", verified_at="2026-04-15T10:01:00+02:00"
    )

    assert response.status_code == 200, response.text
    raised = response.json()["session"]
    assert (raised["amr"], raised["acr"]) == ("pwd,otp,mfa", "urn:loa:2")
    assert raised["authenticated_at"] == "2026-04-15T08:01:00.000Z"
    assert raised["expires_at"] == session["expires_at"]
    for access in (before["access_token"], exchanged):
        assert bearer(client, access, session["id"]).status_code == 401
        assert validate(client, access) == {"valid": False, "error": "assurance_raised"}
        assert client.as_admin("POST", "/admin/tokens/introspect", json={"token": access}).json() == {"active": False}
    renewed = refresh(client, before["refresh_token"])
    assert renewed.status_code == 200, renewed.text
    said = claims(renewed.json()["access_token"])
    assert (said["amr"], said["acr"], said["auth_time"]) == (["pwd", "otp", "mfa"], "urn:loa:2", 1776240060)
    assert bearer(client, renewed.json()["access_token"], session["id"]).status_code == 200
    listed = client.as_admin("GET", f"/admin/tokens?user_id={USER}&type=access").json()["items"]
    assert sorted(item["status"] for item in listed) == ["active", "revoked", "revoked", "revoked"]


def test_a_later_verification_counts_and_an_earlier_one_moves_nothing_back(client: Client) -> None:
    session = client.create(amr=["pwd"])
    client.clock.advance(minutes=1)

    raised = elevate(client, session["id"], amr=["otp"], verified_at="2026-04-15T07:00:00Z").json()["session"]
    assert raised["authenticated_at"] == session["authenticated_at"]
    raised = elevate(client, session["id"], amr=["otp"]).json()["session"]
    assert raised["authenticated_at"] == "2026-04-15T08:01:00.000Z"
    assert raised["amr"] == "pwd,otp"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "amr"),
        ({"amr": []}, "amr"),
        ({"amr": ["otp"], "verified_at": "2026-04-15T08:00:06Z"}, "verified_at"),
        ({"amr": ["otp"], "verified_at": "9999-12-31T23:59:59-23:59"}, "verified_at"),
        ({"amr": ["otp"], "verified_at": "yesterday"}, "verified_at"),
        ({"amr": [f"m{number}" for number in range(16)]}, "amr"),
    ],
)
def test_an_elevation_that_cannot_be_is_refused(client: Client, body: dict[str, Any], field: str) -> None:
    session = client.create(amr=["pwd"])

    response = elevate(client, session["id"], **body)

    assert response.status_code == 400
    assert [violation["field"] for violation in response.json()["errors"]] == [field]


def test_only_an_active_session_of_the_tenant_is_raised(client: Client) -> None:
    session = client.create()

    assert elevate(client, session["id"], "noise", amr=["otp"]).status_code == 404
    assert elevate(client, "sess_nobody", amr=["otp"]).status_code == 404
    client.as_admin("DELETE", f"/sessions/{session['id']}")
    assert elevate(client, session["id"], amr=["otp"]).status_code == 404


def test_sessions_raised_side_by_side_keep_the_methods_of_all(client: Client) -> None:
    session = client.create(amr=["pwd"])
    path = f"/internal/session/{session['id']}/elevate"
    headers = {"X-API-Key": API_KEY, "X-Tenant-ID": "acme"}

    answers = client.gather(*[("POST", path, {"json": {"amr": [f"m{n}"]}, "headers": headers}) for n in range(8)])

    assert {answer.status_code for answer in answers} == {200}
    raised = client.as_admin("GET", f"/sessions/{session['id']}").json()["session"]
    assert sorted(raised["amr"].split(",")) == [f"m{n}" for n in range(8)] + ["pwd"]


@pytest.mark.parametrize("who", ["internal", "admin"])
def test_ending_a_user_ends_the_sign_ins_of_before(client: Client, who: str) -> None:
    before = provider_token(client)
    client.create()
    client.clock.advance(seconds=1)

    if who == "internal":
        assert client.internal("DELETE", f"/internal/session/session/user/{USER}").status_code == 200
    else:
        assert client.as_admin("DELETE", f"/admin/sessions/user/{USER}").status_code == 200

    refused = start_with(client, before)
    assert (refused.status_code, refused.json()["i18n_key"]) == (409, "error.sign_in_superseded"), refused.text
    client.clock.advance(seconds=1)
    assert start_with(client, provider_token(client, age=1)).status_code == 409, "told by the second"
    assert start_with(client, provider_token(client)).status_code == 201
    assert client.internal("POST", "/internal/session/create", json=ME).status_code == 201
    assert start_with(client, client.token("usr_other", iat=1)).status_code == 403


def test_an_ended_user_is_ended_in_one_tenant_only(client: Client) -> None:
    elsewhere = client.token(USER, "noise")
    client.clock.advance(seconds=1)

    client.internal("DELETE", f"/internal/session/session/user/{USER}")

    assert start_with(client, elsewhere).status_code == 201


class TrueClock(FrozenClock):
    """Goes on by itself."""

    def __call__(self) -> datetime:
        return utc_now()


def test_what_began_before_its_user_was_ended_is_ended_or_refused(environ: dict[str, str]) -> None:
    client = Client(Settings.from_env(environ), TrueClock())
    headers = {"X-API-Key": API_KEY, "X-Tenant-ID": "acme"}
    create: tuple[str, str, dict[str, Any]] = ("POST", "/internal/session/create", {"json": ME, "headers": headers})
    seen: Counter[int] = Counter()
    try:
        client.create()
        for who in range(6):
            path = f"/internal/session/session/user/{USER}" if who % 2 else f"/admin/sessions/user/{USER}"
            admin = {"Authorization": f"Bearer {client.token('root', roles=['admin'], iat=1, exp=2**32)}", **headers}
            end: tuple[str, str, dict[str, Any]] = ("DELETE", path, {"headers": admin})
            answers = client.gather(*[create] * 15, end, *[create] * 15)
            assert client.internal("GET", f"/internal/session/sessions/{USER}/active").json()["session_count"] == 0
            seen.update(answer.status_code for answer in answers)
            assert client.internal("POST", "/internal/session/create", json=ME).status_code == 201
    finally:
        client.close()
    # Which of them came first differs from one machine to the next; the test above holds the refusal in a fixed order.
    assert seen[200] == 6, seen
    assert seen.keys() <= {200, 201, 409}, seen
