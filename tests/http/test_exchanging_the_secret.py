"""SOJOURN_REFRESH_SECRET is exchanged while the one before it is good beside it: every session goes on."""

from collections.abc import Callable

import jwt
import pytest

from tests.http.conftest import REFRESH_SECRET, Client
from tests.http.tokens import refresh, sign_in

NEW = "the-secret-that-comes-after-it-0123456789"
Start = Callable[..., Client]


def kid(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


@pytest.fixture
def before(start: Start) -> Client:
    return start(SOJOURN_REFRESH_SECRET=REFRESH_SECRET)


def exchanged(start: Start) -> Client:
    """The service with the new secret, and the one before it beside."""
    return start(SOJOURN_REFRESH_SECRET=NEW, SOJOURN_REFRESH_SECRET_PREVIOUS=REFRESH_SECRET)


def test_tokens_of_both_secrets_are_good_meanwhile_and_those_of_the_new_one_afterwards(
    start: Start, before: Client
) -> None:
    first, forgotten = sign_in(before)["tokens"], sign_in(before, "usr_late")["tokens"]
    between = exchanged(start)

    second = refresh(between, first["refresh_token"])
    assert second.status_code == 200, second.text
    after = start(SOJOURN_REFRESH_SECRET=NEW)
    third = refresh(after, second.json()["refresh_token"])

    assert third.status_code == 200, third.text
    assert refresh(after, forgotten["refresh_token"]).json()["i18n_key"] == "error.refresh_token_invalid"
    tokens = [first["access_token"], second.json()["access_token"], third.json()["access_token"]]
    assert len({kid(token) for token in tokens}) == 1, "the key goes on to sign: it is sealed anew"


def test_instances_that_have_the_new_secret_first_read_what_later_ones_write(start: Start, before: Client) -> None:
    early = start(SOJOURN_REFRESH_SECRET=REFRESH_SECRET, SOJOURN_REFRESH_SECRET_PREVIOUS=NEW)
    late = exchanged(start)
    pair = sign_in(late)["tokens"]

    again = refresh(early, pair["refresh_token"])
    assert again.status_code == 200, again.text
    assert refresh(late, again.json()["refresh_token"]).status_code == 200


def test_a_second_tab_gets_the_successor_that_the_first_was_given(start: Start, before: Client) -> None:
    spent = sign_in(before)["tokens"]["refresh_token"]
    successor = refresh(before, spent).json()["refresh_token"]
    between = exchanged(start)

    again = refresh(between, spent)

    assert again.json()["refresh_token"] == successor
    assert refresh(between, successor).status_code == 200


def test_a_reused_token_of_the_secret_before_ends_its_session(start: Start, before: Client) -> None:
    spent = sign_in(before)["tokens"]["refresh_token"]
    between = exchanged(start)
    second = refresh(between, refresh(between, spent).json()["refresh_token"])
    assert second.status_code == 200

    assert refresh(between, spent).json()["i18n_key"] == "error.refresh_token_reused"
