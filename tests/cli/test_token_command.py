"""`sojourn token`: what it says of a sign-in."""

import secrets
from typing import Any

import jwt
import pytest
from click.testing import CliRunner

from sojourn.cli.token import token


@pytest.mark.parametrize("spelled", ["2026-04-15T08:00:00Z", "2026-04-15T10:00:00+02:00", "1776240000"])
def test_a_token_says_how_and_when_its_user_signed_in(spelled: str) -> None:
    options = ["--amr", "pwd", "--amr", "otp", "--acr", "urn:loa:2", "--auth-time", spelled]

    said = claims_of_a_token(*options)

    assert (said["amr"], said["acr"], said["auth_time"]) == (["pwd", "otp"], "urn:loa:2", 1776240000)


def test_a_token_says_unless_told_that_its_user_signed_in_now() -> None:
    said = claims_of_a_token()

    assert said["auth_time"] == said["iat"]
    assert not {"amr", "acr"} & said.keys()


@pytest.mark.parametrize(
    "options",
    [["--auth-time", "yesterday"], ["--auth-time", "2026-04-15T08:00:00"], ["--auth-time", "9" * 30], ["--amr", ""],
     ["--amr", "a\nb"], ["--acr", "x" * 256]],
)  # fmt: skip
def test_a_token_is_not_made_of_what_no_claim_can_be(options: list[str]) -> None:
    result = CliRunner().invoke(
        token, ["--tenant", "acme", "--user", "usr_1", *options], env={"SOJOURN_JWT_SECRET": secrets.token_urlsafe(32)}
    )

    assert result.exit_code == 2
    assert options[0] in result.output
    assert "Traceback" not in result.output


def claims_of_a_token(*options: str) -> dict[str, Any]:
    """The claims of what `sojourn token` prints."""
    arguments = ["--tenant", "acme", "--user", "usr_1", *options]
    result = CliRunner().invoke(token, arguments, env={"SOJOURN_JWT_SECRET": secrets.token_urlsafe(32)})
    assert result.exit_code == 0, result.output
    said: dict[str, Any] = jwt.decode(result.output.strip(), options={"verify_signature": False})
    return said
