"""Settings: flags, then the environment, then defaults; a bad environment is reported whole."""

from dataclasses import fields
from datetime import timedelta

import pytest

from sojourn.settings import Settings, SettingsError
from sojourn.settings.settings import table, unknown_variables, variable

SECRET = "a-secret-of-at-least-thirty-two-bytes!"


def problems_of(environ: dict[str, str]) -> list[str]:
    """What `from_env` finds wrong."""
    with pytest.raises(SettingsError) as caught:
        Settings.from_env(environ)
    return caught.value.problems


def test_an_empty_environment_gives_the_defaults() -> None:
    settings = Settings.from_env({})

    assert settings == Settings()
    assert settings.idle_timeout == timedelta(hours=4)
    assert settings.absolute_timeout == timedelta(hours=24)
    assert settings.algorithms == frozenset()


def test_an_empty_variable_counts_as_unset() -> None:
    assert Settings.from_env({"SOJOURN_JWT_SECRET": "", "SOJOURN_PORT": ""}) == Settings()


def test_a_flag_wins_over_the_environment_and_none_is_no_flag() -> None:
    environ = {"SOJOURN_PORT": "9000", "SOJOURN_HOST": "::1"}

    settings = Settings.from_env(environ, port=9001, host=None)

    assert (settings.port, settings.host) == (9001, "::1")


def test_a_flag_that_is_no_setting_is_a_mistake_of_ours() -> None:
    with pytest.raises(TypeError, match="colour"):
        Settings.from_env({}, colour="red")


def test_every_problem_is_reported_at_once() -> None:
    problems = problems_of(
        {
            "SOJOURN_IDLE_TIMEOUT": "soon",
            "SOJOURN_PORT": "99999",
            "SOJOURN_JWT_SECRET": "short",
            "SOJOURN_LOG_FORMAT": "xml",
            "SOJOURN_TENANTS_PROVISIONED": "perhaps",
            "SOJOURN_BASE_PATH": "api",
            "SOJOURN_MAX_BODY_BYTES": "0",
            "SOJOURN_DATABASE_URL": "mysql://u:hunter2@db/x",
        }
    )

    assert len(problems) == 8
    assert not any("hunter2" in problem or "short'" in problem for problem in problems)


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({"SOJOURN_JWT_ALGORITHMS": "none"}, "SOJOURN_JWT_ALGORITHMS"),
        ({"SOJOURN_JWT_ALGORITHMS": "HS256"}, "SOJOURN_JWT_SECRET"),
        ({"SOJOURN_JWT_ALGORITHMS": "RS256", "SOJOURN_JWT_SECRET": SECRET}, "SOJOURN_JWT_JWKS"),
        ({"SOJOURN_JWT_ALGORITHMS": "HS512", "SOJOURN_JWT_SECRET": SECRET}, "64 bytes"),
        ({"SOJOURN_JWT_SECRET": "x" * 31}, "32 bytes"),
        ({"SOJOURN_JWT_SECRET": SECRET, "SOJOURN_JWT_SECRET_PREVIOUS": "x" * 31}, "32 bytes"),
        ({"SOJOURN_JWT_SECRET_PREVIOUS": SECRET}, "needs SOJOURN_JWT_SECRET"),
        ({"SOJOURN_IDLE_TIMEOUT": "2h", "SOJOURN_ABSOLUTE_TIMEOUT": "1h"}, "SOJOURN_ABSOLUTE_TIMEOUT"),
        ({"SOJOURN_IDLE_TIMEOUT": "0s"}, "more than 0"),
        ({"SOJOURN_PUBLIC_URL": "ftp://x"}, "http"),
        ({"SOJOURN_PORT": "８０"}, "whole number"),
    ],
)
def test_values_that_contradict_each_other_are_refused(environ: dict[str, str], named: str) -> None:
    (problem,) = problems_of(environ)

    assert named in problem


def test_a_secret_never_shows_in_the_repr() -> None:
    settings = Settings(
        jwt_secret=SECRET,
        internal_api_keys=("hunter2-of-the-internal-services-0123",),
        database_url="sqlite:///hunter2.db",
    )

    assert SECRET not in repr(settings)
    assert "hunter2" not in repr(settings)


def test_workers_get_the_same_settings_through_the_environment() -> None:
    settings = Settings(
        jwt_secret=SECRET,
        internal_api_keys=("the-key-of-the-first-internal-service", "and-another-one-for-the-second-service"),
        tenants_provisioned=True,
        base_path="/session/api/v1",
        jwt_leeway=timedelta(0),
        workers=4,
    )

    assert Settings.from_env(settings.to_environ()) == settings


@pytest.mark.parametrize(
    ("settings", "algorithms"),
    [
        (Settings(jwt_secret=SECRET), {"HS256"}),
        (Settings(jwt_jwks="keys.json"), {"RS256", "ES256", "EdDSA"}),
        (Settings(jwt_secret=SECRET, jwt_jwks="keys.json", jwt_algorithms=("EdDSA",)), {"EdDSA"}),
    ],
)
def test_the_accepted_algorithms_follow_from_the_keys(settings: Settings, algorithms: set[str]) -> None:
    assert settings.algorithms == algorithms


@pytest.mark.parametrize(("text", "path"), [("/", "/"), ("/a/b/", "/a/b"), ("/a", "/a")])
def test_a_base_path_ends_without_a_slash(text: str, path: str) -> None:
    assert Settings.from_env({"SOJOURN_BASE_PATH": text}).base_path == path


def test_problem_types_stand_below_the_public_url_or_the_base_path() -> None:
    assert Settings(public_url="https://id.example").link_prefix == "https://id.example"
    assert Settings(base_path="/v1").link_prefix == "/v1"
    assert Settings().link_prefix == ""


@pytest.mark.parametrize(
    "text",
    [
        *("*", "null", "app.example.com", "https://", "//app.example.com", "ftp://app.example.com", "file://"),
        *("http://app.example.com", "https://app.example.com/", "https://app.example.com/app", "https://a.example?x"),
        *("https://App.example.com", "HTTPS://app.example.com", "https://*.example.com", "https://user@a.example"),
        *("https://app.example.com:443", "http://localhost:80", "https://a.example:0", "https://a.example:99999"),
        *("https://bücher.example", "https://a.example#x", "https://a.example https://b.example"),
    ],
)
def test_what_is_no_origin_as_browsers_write_it_is_refused(text: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.from_env({"SOJOURN_CORS_ORIGINS": f"https://right.example,{text}"})
    assert refused.value.problems[0].startswith("SOJOURN_CORS_ORIGINS: ")


@pytest.mark.parametrize(
    "text", ["https://app.example.com", "https://app.example.com:8443", "http://localhost:3000", "http://[::1]:3000"]
)
def test_an_origin_is_taken_as_it_is_written(text: str) -> None:
    assert Settings.from_env({"SOJOURN_CORS_ORIGINS": text}).cors_origins == (text,)


def test_every_setting_is_in_the_table_with_a_sentence() -> None:
    rows = table()

    assert [name for name, _, _ in rows] == [variable(item.name) for item in fields(Settings)]
    assert all(about.endswith((".", "(500).")) for _, _, about in rows)


def test_a_slip_of_the_pen_is_named_with_what_was_meant() -> None:
    (sentence,) = unknown_variables({"SOJOURN_IDLE_TIMOUT": "1h", "SOJOURN_PORT": "1", "PATH": "/bin"})

    assert sentence == "SOJOURN_IDLE_TIMOUT is not a setting; did you mean SOJOURN_IDLE_TIMEOUT?"
