"""The rules of tokens, without a database."""

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sojourn.domain.refresh_tokens import (
    Invalid,
    RefreshKeys,
    RefreshState,
    RefreshToken,
    Reuse,
    Rotate,
    SameSuccessor,
    decide,
    read_refresh_token,
    write_refresh_token,
)
from sojourn.domain.token_identity import has_jwt_form, identity, text_identity
from sojourn.domain.token_lifetimes import end_of_access, end_of_refresh
from sojourn.domain.token_validity import RULES, Judge, TokenFacts, reasons, shown_status

NOW = datetime(2026, 4, 15, 8, tzinfo=UTC)
KEYS = RefreshKeys(b"d" * 32, b"m" * 32)
SESSION = "0196376f-2c00-7000-8000-0123456789ab"
INTERVAL = timedelta(seconds=10)
STATE = RefreshState(2, 4, "current", "previous", NOW, NOW + timedelta(hours=1), False)


def token(generation: int, token_hash: str) -> RefreshToken:
    return RefreshToken(SESSION, "acme", generation, token_hash)


def test_a_refresh_token_reads_back_and_the_same_arguments_give_the_same_text() -> None:
    text = write_refresh_token(KEYS, "ac|me", session=SESSION, generation=3, nonce="nonce")

    assert text == write_refresh_token(KEYS, "ac|me", session=SESSION, generation=3, nonce="nonce")
    assert read_refresh_token(KEYS, text) == RefreshToken(SESSION, "ac|me", 3, identity(text))
    assert text != write_refresh_token(KEYS, "ac|me", session=SESSION, generation=3, nonce="other")


def test_no_changed_character_of_a_refresh_token_goes_unnoticed() -> None:
    text = write_refresh_token(KEYS, "acme", session=SESSION, generation=3, nonce="nonce")

    for place in range(len(text)):
        changed = text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]
        assert read_refresh_token(KEYS, changed) is None
    assert read_refresh_token(RefreshKeys(b"d" * 32, b"x" * 32), text) is None


@pytest.mark.parametrize(
    ("presented", "seconds", "used", "verdict"),
    [
        (token(4, "current"), 0, False, Rotate()),
        (token(4, "current"), 3599, True, Rotate()),
        (token(4, "current"), 3600, False, Invalid()),
        (token(4, "other"), 0, False, Invalid()),
        (token(5, "current"), 0, False, Invalid()),
        (token(3, "previous"), 9, True, SameSuccessor()),
        (token(3, "previous"), 10, True, Reuse()),
        (token(3, "previous"), 10, False, SameSuccessor()),
        (token(3, "previous"), 3600, False, Invalid()),
        (token(3, "other"), 0, False, Invalid()),
        (token(2, "older"), 0, False, Reuse()),
        (token(1, "earlier family"), 0, True, Invalid()),
    ],
)
def test_what_a_refresh_means(presented: RefreshToken, seconds: int, used: bool, verdict: object) -> None:
    state = replace(STATE, successor_used=used)

    assert decide(presented, state, now=NOW + timedelta(seconds=seconds), reuse_interval=INTERVAL) == verdict


@pytest.mark.parametrize("judge", ["bearer", "validation", "introspection", "exchange", "refresh", "inventory"])
def test_a_token_is_good_only_when_nothing_that_its_judge_asks_is_wrong_in_all_combinations(judge: Judge) -> None:
    names = list(TokenFacts._fields)
    assert list(RULES) == names
    asked = {name for name in names if judge in RULES[name].refused_by}

    for wrong in itertools.product((False, True), repeat=len(names)):
        facts = TokenFacts(**dict(zip(names, wrong, strict=True)))
        assert reasons(facts, judge) == tuple(name for name in itertools.compress(names, wrong) if name in asked)


def test_lists_call_a_token_revoked_before_they_call_it_expired() -> None:
    assert shown_status(()) == "active"
    assert shown_status(("expired",)) == shown_status(("session_expired",)) == "expired"
    assert shown_status(("expired", "blacklisted")) == "revoked"


def test_what_a_list_refuses_a_token_for_it_has_a_name_for() -> None:
    for rule in RULES.values():
        assert ("inventory" in rule.refused_by) == (rule.shown is not None)


@pytest.mark.parametrize("chance", [0.0, 0.3, 1.0])
def test_an_access_token_never_outlives_its_lifetime_or_its_session(chance: float) -> None:
    life = timedelta(minutes=15)
    end = end_of_access(NOW, life, session_end=NOW + timedelta(hours=1), chance=chance)

    assert timedelta(seconds=855) <= end - NOW <= life
    assert end_of_access(NOW, life, session_end=NOW + timedelta(minutes=5), chance=chance) == NOW + timedelta(minutes=5)


def test_a_refresh_token_never_outlives_its_session() -> None:
    assert end_of_refresh(NOW, timedelta(hours=168), session_end=NOW + timedelta(hours=1)) == NOW + timedelta(hours=1)


def test_a_jwt_has_one_identity_however_its_signature_is_spelled() -> None:
    assert identity("head.body.sigA") == identity("head.body.sigB") != identity("head.bodx.sigA")


@pytest.mark.parametrize("text", ["head.body.sigA", "head.body", "head.body.", "head.body.sigA==", "rt_whatever"])
def test_a_text_that_was_not_verified_is_never_known_as_a_token_that_was(text: str) -> None:
    assert text_identity(text) not in {identity(text), identity("head.body.sigA")}


@pytest.mark.parametrize(
    "text", ["a.b.c==", "a.b=.c", "a.b.c\n", "a.b.", "a..c", ".b.c", "a.b", "a.b.c.d", "a.b.ü", "a.b+.c"]
)
def test_only_three_parts_of_base64url_without_padding_have_the_form_of_a_jwt(text: str) -> None:
    assert has_jwt_form("a.b.c")
    assert not has_jwt_form(text)
