"""What a token attests of a sign-in, without a database."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.domain.errors import NotEntitledToVouch
from sojourn.domain.sessions import MAX_METHODS, amr_with_mfa, methods_with
from sojourn.domain.tokens import AccessToken
from sojourn.domain.vouching import (
    SignIn,
    attested_facts,
    attested_sign_in,
    end_of_presentation,
    is_superseded,
    presentation,
)

NOW = datetime(2026, 4, 15, 8, tzinfo=UTC)
MAX_AGE, LEEWAY = timedelta(minutes=5), timedelta(seconds=5)
methods = st.lists(st.sampled_from(["pwd", "otp", "mfa", "hwk", "face", "not one", "a,b", ""]), max_size=20)


def token(*, own: bool = False, issued: float = 0, **claims: Any) -> AccessToken:
    """A token that was truly signed."""
    return AccessToken(
        own=own,
        kid=None,
        hash="its own hash",
        text_hash="of the text",
        tenant="acme",
        user="usr_1",
        sid=None,
        session=None,
        roles=frozenset(),
        issued=issued,
        not_before=0,
        expires=NOW.timestamp() + 3600,
        claims=claims,
    )


@given(st.integers(-10_000, 10_000))
def test_a_sign_in_counts_from_the_leeway_before_to_the_age_after(seconds: int) -> None:
    shown = token(auth_time=NOW.timestamp() - seconds)

    if -5 <= seconds < 300:
        assert attested_sign_in(shown, NOW, max_age=MAX_AGE, leeway=LEEWAY).at == NOW - timedelta(
            seconds=max(seconds, 0)
        )
    else:
        with pytest.raises(NotEntitledToVouch):
            attested_sign_in(shown, NOW, max_age=MAX_AGE, leeway=LEEWAY)


@given(methods, methods)
def test_a_session_never_says_more_than_its_token(claimed: list[str], said: list[str]) -> None:
    shown = token(issued=NOW.timestamp(), amr=claimed)
    sign_in = attested_sign_in(shown, NOW, max_age=MAX_AGE, leeway=LEEWAY)

    try:
        facts = attested_facts(shown, sign_in, said={"amr": said})
    except NotEntitledToVouch:
        assert not set(said) <= set(sign_in.amr)
    else:
        assert set(facts["amr"]) <= set(claimed)
    assert not any("," in name or " " in name or not name for name in sign_in.amr)
    assert len(sign_in.amr) <= MAX_METHODS


@pytest.mark.parametrize("shown", [None, token(own=True, issued=NOW.timestamp(), auth_time=NOW.timestamp())])
def test_only_a_providers_token_attests_a_sign_in(shown: AccessToken | None) -> None:
    with pytest.raises(NotEntitledToVouch):
        attested_sign_in(shown, NOW, max_age=MAX_AGE, leeway=LEEWAY)


@given(st.lists(st.from_regex(r"[a-z]{1,4}", fullmatch=True), max_size=MAX_METHODS, unique=True))
def test_several_factors_are_added_and_no_session_names_more_methods_than_it_may(amr: list[str]) -> None:
    raised = amr_with_mfa(",".join(amr) or None).split(",")

    assert "mfa" in raised
    assert len(raised) == len(set(raised)) <= MAX_METHODS
    assert amr_with_mfa(",".join(raised)).split(",") == raised
    assert methods_with(",".join(amr) or None, ("mfa",))[: len(amr)] == tuple(amr)


def test_a_presented_token_is_known_by_its_jti_or_by_itself() -> None:
    assert presentation(token(jti="1", iss="a")) == presentation(token(jti="1", iss="a", amr=["pwd"]))
    assert presentation(token(jti="1", iss="a")) != presentation(token(jti="1", iss="b"))
    assert presentation(token()) == "its own hash"


@given(st.integers(0, 299), st.integers(0, 4000))
def test_a_token_is_remembered_as_long_as_it_can_be_presented(age: int, later: int) -> None:
    shown = token(auth_time=NOW.timestamp() - age)
    sign_in = attested_sign_in(shown, NOW, max_age=MAX_AGE, leeway=LEEWAY)
    until = end_of_presentation(shown, sign_in, max_age=MAX_AGE, leeway=LEEWAY)
    then = NOW + timedelta(seconds=later)

    try:
        attested_sign_in(shown, then, max_age=MAX_AGE, leeway=LEEWAY)
    except NotEntitledToVouch:
        return
    assert until > then


def test_what_began_before_the_end_is_superseded() -> None:
    moment = timedelta(milliseconds=1)

    assert not is_superseded(NOW, None, ended=None)
    assert is_superseded(NOW, None, ended=NOW + moment)
    assert not is_superseded(NOW, None, ended=NOW)
    assert is_superseded(NOW, SignIn(NOW), ended=NOW)
    assert not is_superseded(NOW, SignIn(NOW), ended=NOW - moment)
