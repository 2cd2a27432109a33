"""Production does not start with what can be guessed, read on the way, or changed by others."""

import secrets
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.settings import Settings, SettingsError
from sojourn.settings.strength import cautions, guessable, is_loopback, shown_url

GOOD = "a-secret-of-at-least-thirty-two-bytes!"
WEAK = ("a" * 40, "changeme" * 5, "0123456789" * 4, "ab" * 20, "abcdefghijklmnopqrstuvwxyz0123456789")
SHORT = ("x", "changeme", "a-key-of-31-characters-is-short")


@pytest.mark.parametrize("key", [*SHORT, *WEAK])
def test_a_weak_api_key_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(SettingsError, match="SOJOURN_INTERNAL_API_KEYS") as caught:
        Settings(internal_api_keys=(GOOD, key))

    assert f" {key} " not in f" {caught.value} "


@pytest.mark.parametrize("secret", WEAK)
@pytest.mark.parametrize("name", ["jwt_secret", "refresh_secret"])
def test_a_repetitive_secret_is_refused(name: str, secret: str) -> None:
    with pytest.raises(SettingsError, match="is repetitive"):
        Settings(**{name: secret})


@pytest.mark.parametrize(
    "weak",
    [
        {"jwt_leeway": timedelta(minutes=2, seconds=1)},
        {"jwt_jwks": "http://idp.example/keys"},
        {"jwt_jwks": "http://10.0.0.7/keys"},
        {"jwt_jwks": "http://127.0.0.1.example/keys"},
        {"jwt_jwks": "HTTP://user@idp.example/keys"},
        {"host": "0.0.0.0"},
        {"host": "::"},
        {"host": "192.168.1.4"},
        {"host": "sojourn.internal"},
        {"tls_certificate": "chain.pem"},
        {"tls_key": "key.pem"},
    ],
    ids=str,
)
def test_what_weakens_the_service_is_refused_in_production(weak: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        Settings(**weak)


@pytest.mark.parametrize(
    "fine",
    [
        {"jwt_leeway": timedelta(minutes=2)},
        {"jwt_jwks": "https://idp.example/keys"},
        {"jwt_jwks": "http://127.0.0.1:9000/keys"},
        {"jwt_jwks": "http://[::1]/keys"},
        {"jwt_jwks": "keys.json"},
        {"host": "localhost"},
        {"host": "::1"},
        {"host": "0.0.0.0", "behind_proxy": True},
        {"host": "0.0.0.0", "tls_certificate": "chain.pem", "tls_key": "key.pem"},
        {"absolute_timeout": timedelta(days=36_500), "idle_timeout": timedelta(days=36_500)},
        {"environment": "development", "host": "0.0.0.0", "internal_api_keys": ("x",)},
        {"environment": "development", "jwt_secret": "a" * 32, "jwt_leeway": timedelta(hours=1)},
    ],
    ids=str,
)
def test_what_is_good_or_for_development_is_taken(fine: dict[str, Any]) -> None:
    assert Settings(**fine)


def test_long_time_outs_are_warned_of_and_never_refused() -> None:
    settings = Settings(absolute_timeout=timedelta(hours=721), access_expiry=timedelta(hours=25))

    assert len(list(cautions(settings))) == 2
    assert list(cautions(Settings())) == []


@given(st.sampled_from([secrets.token_hex, secrets.token_urlsafe]), st.integers(24, 64))
def test_what_a_generator_makes_is_never_called_guessable(make: Any, length: int) -> None:
    assert guessable(make(length)) is None


@given(st.text(min_size=1, max_size=12), st.integers(4, 40))
def test_a_short_text_repeated_is_always_guessable(unit: str, times: int) -> None:
    assert guessable(unit * times) is not None


@given(st.text("abc-9", max_size=10), st.text("hunter2@:/?#[]%&=", min_size=1, max_size=20).filter(lambda t: "h" in t))
def test_no_form_of_url_shows_a_piece_of_its_password(name: str, rest: str) -> None:
    password = f"PASS{rest}WORD"

    for scheme in ("postgresql", "https", "http"):
        for url in (
            f"{scheme}://me{name}:{password}@db.example/x",
            f"{scheme}://me:{password}@db.example:5432/x?sslmode=require",
            f"{scheme}://db.example/x?user=me&password={password}",
            f"{scheme}://me:{password}@/x?host=/tmp",
            f"{scheme}:///x?password={password}&host=/tmp",
        ):
            assert "PASS" not in shown_url(url)
            assert "WORD" not in shown_url(url)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:hunter2@localhost:5432/x", "postgresql://me@localhost:5432/x"),
        ("postgresql://h1:1,h2:2/x?password=p", "postgresql://h1:1,h2:2/x"),
        ("https://me:hunter2@idp.example:8443/keys?token=1", "https://idp.example:8443/keys"),
        ("sqlite:////var/lib/sojourn.db", "sqlite:////var/lib/sojourn.db"),
    ],
)
def test_a_url_still_says_where(url: str, shown: str) -> None:
    assert shown_url(url) == shown


@pytest.mark.parametrize("url", ["postgresql://me@h:hunter2/x", "postgresql://h:1,g:hunter2/x"])
def test_a_port_that_is_no_number_is_told_without_repeating_it(url: str) -> None:
    with pytest.raises(SettingsError, match="port") as caught:
        Settings(database_url=url, refresh_secret=GOOD)

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("host", "loopback"), [("127.0.0.9", True), ("::1", True), ("localhost", True), ("0", False), ("", False)]
)
def test_only_this_machine_is_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback
