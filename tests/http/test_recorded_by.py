"""Who recorded a sign-in that the user did not: told, carried by the tokens, and forgotten with the one who did."""

from typing import Any

import jwt

from tests.http.conftest import Client
from tests.http.tokens import refresh, sign_in

MEMBERS = ("recorded_by", "impersonator")


def started(client: Client, user: str, **options: Any) -> dict[str, Any]:
    """A session that the administrator `root`, or a user's provider, starts for a user."""
    ask = client.as_admin if options.pop("by_admin", True) else client.as_user
    extra = {} if ask == client.as_admin else {"user": user}
    answer = ask("POST", "/sessions", json={"auth_user_id": user}, **extra, **options)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made.get("data", made)


def told(session: dict[str, Any]) -> dict[str, str]:
    """What is told of who recorded a session."""
    return {name: session[name] for name in MEMBERS if name in session}


def actor(token: str) -> Any:
    """Who acts, by an access token."""
    return jwt.decode(token, options={"verify_signature": False}).get("act")


def record(client: Client, session_id: str) -> dict[str, Any]:
    """A session as a service sees it."""
    found: dict[str, Any] = client.internal("GET", f"/internal/session/{session_id}").json()["session"]
    return found


def test_an_administrator_who_starts_a_session_for_a_user_is_named_in_it_and_in_its_tokens(client: Client) -> None:
    made = started(client, "usr_abc123")
    session_id = made["session"]["id"]

    assert told(made["session"]) == {"impersonator": "root"}
    assert told(record(client, session_id)) == {"recorded_by": "root", "impersonator": "root"}
    listed = client.as_admin("GET", "/admin/sessions?user_id=usr_abc123").json()["items"]
    assert [told(item) for item in listed] == [{"recorded_by": "root", "impersonator": "root"}]
    own = client.as_user("GET", "/sessions?auth_user_id=usr_abc123", "usr_abc123").json()["items"]
    assert [told(item) for item in own] == [{"impersonator": "root"}]
    pair = refresh(client, made["tokens"]["refresh_token"]).json()
    tokens = [made["tokens"]["access_token"], pair["access_token"]]
    assert [actor(token) for token in tokens] == [{"sub": "root"}] * 2


def test_who_signs_in_without_help_was_recorded_by_nobody_else(client: Client) -> None:
    own = started(client, "usr_abc123", by_admin=False)
    of_the_administrator = started(client, "root")

    for made in (own, of_the_administrator):
        assert told(record(client, made["session"]["id"])) == {}
        assert actor(made["tokens"]["access_token"]) is None


def test_a_service_that_records_a_sign_in_is_named_by_its_key_and_acts_for_nobody(client: Client) -> None:
    made = sign_in(client)
    assert client.internal("DELETE", f"/internal/session/{made['session']['id']}").status_code == 204

    shown = record(client, made["session"]["id"])
    found = told(shown)

    assert found == {"recorded_by": shown["revoked_by"]}, "the same key recorded and ended it"
    assert told(made["session"]) == {}
    assert actor(made["tokens"]["access_token"]) is None
    exported = client.internal("POST", "/internal/session/export-user-data", json={"user_id": "usr_abc123"})
    assert [told(item) for item in exported.json()["sessions"]] == [found]


def test_an_exchange_names_the_one_who_asks_and_behind_them_the_one_who_started_the_session(client: Client) -> None:
    made = started(client, "usr_abc123")
    grant = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "audience": "billing",
        "subject_token": made["tokens"]["access_token"],
    }

    exchanged = client.as_user("POST", "/admin/tokens/exchange", "second", roles=["admin"], json=grant)

    assert exchanged.status_code == 200, exchanged.text
    assert actor(exchanged.json()["access_token"]) == {"sub": "second", "act": {"sub": "root"}}


def test_an_administrator_who_was_erased_is_named_no_more(client: Client) -> None:
    made = started(client, "usr_abc123")
    other = started(client, "usr_other")
    client.as_user("DELETE", f"/sessions/{other['session']['id']}", "root", roles=["admin"])

    erased = client.internal("POST", "/internal/session/erase-user-data", json={"user_id": "root"})

    assert erased.status_code == 200, erased.text
    for one in (made, other):
        shown = record(client, one["session"]["id"])
        assert told(shown) == {"recorded_by": "erased", "impersonator": "erased"}
        assert "root" not in str(shown)
    pair = refresh(client, made["tokens"]["refresh_token"])
    assert actor(pair.json()["access_token"]) == {"sub": "erased"}
