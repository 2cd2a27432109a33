"""SOJOURN_JWT_SECRET is exchanged while the one before it is good beside it: nobody is refused meanwhile."""

from collections.abc import Callable
from itertools import product

import jwt
import pytest

from tests.http.conftest import JWT_SECRET, Client

NEW = "the-secret-that-comes-after-it-0123456789"
OTHER = "a-secret-that-was-never-set-anywhere-9876"
Start = Callable[..., Client]


@pytest.fixture
def engine() -> str:
    """A token's signature does not care which engine it is."""
    return "sqlite"


def status_with(client: Client, secret: str, **changes: str) -> int:
    """What an administrator's token that `secret` signs is answered with."""
    client.create()
    claims = jwt.decode(client.token("root", roles=["admin"], **changes), options={"verify_signature": False})
    token = jwt.encode(claims, secret, "HS256")
    response = client.request("GET", "/admin/sessions", headers={"Authorization": f"Bearer {token}"})
    return response.status_code


@pytest.mark.parametrize(
    ("present", "previous", "accepted"),
    [
        (JWT_SECRET, None, {JWT_SECRET}),
        (JWT_SECRET, NEW, {JWT_SECRET, NEW}),
        (NEW, JWT_SECRET, {JWT_SECRET, NEW}),
        (NEW, None, {NEW}),
    ],
)
def test_tokens_of_the_secret_and_of_the_one_beside_it_are_accepted_and_no_others(
    start: Start, present: str, previous: str | None, accepted: set[str]
) -> None:
    beside = {} if previous is None else {"SOJOURN_JWT_SECRET_PREVIOUS": previous}
    client = start(SOJOURN_JWT_SECRET=present, **beside)

    for secret, _ in product((JWT_SECRET, NEW, OTHER), range(2)):
        assert status_with(client, secret) == (200 if secret in accepted else 401)


def test_the_secret_before_verifies_with_the_same_checks(start: Start) -> None:
    client = start(SOJOURN_JWT_SECRET=NEW, SOJOURN_JWT_SECRET_PREVIOUS=JWT_SECRET, SOJOURN_JWT_AUDIENCE="sessions")

    for secret in (JWT_SECRET, NEW):
        assert status_with(client, secret, aud="billing") == 401
        assert status_with(client, secret, aud="sessions") == 200
