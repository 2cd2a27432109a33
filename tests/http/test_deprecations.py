"""What is deprecated says so where it is used: `Deprecation` (RFC 9745) and `Sunset` (RFC 8594)."""

import copy
from collections.abc import Callable
from typing import Any

from sojourn.openapi.loader import load_bundle
from tests.conftest import on_sqlite
from tests.http.conftest import Client

LIST = "/internal/session/sessions/{user_id}"
ADDRESS = "/internal/session/sessions/usr_abc123"
HEADERS = {name: {"description": "News.", "schema": {"type": "string"}} for name in ("Deprecation", "Sunset")}
SPRING = {"since": "2026-03-01T00:00:00Z", "sunset": "2027-03-01T12:30:00Z"}
SUMMER = {"since": "2026-06-01T02:00:00+02:00", "sunset": "2026-12-01T00:00:00Z"}
WHEN_SPRING = ("@1772323200", "Mon, 01 Mar 2027 12:30:00 GMT")
WHEN_SUMMER = ("@1780272000", "Tue, 01 Dec 2026 00:00:00 GMT")
NONE = (None, None)

pytestmark = on_sqlite


def variant(operation: Any = None, **parameters: Any) -> dict[str, Any]:
    """The contract with a list operation that is deprecated as said, or parameters of it by their name."""
    contract = copy.deepcopy(load_bundle())
    definition = contract["paths"][LIST]["get"]
    definition["responses"]["200"]["headers"] |= HEADERS
    if operation is not None:
        definition |= {"deprecated": True, "x-deprecation": operation}
    definition["parameters"] = [
        {**contract["components"]["parameters"][reference["$ref"].rpartition("/")[2]]}
        for reference in definition["parameters"]
    ]
    for parameter in definition["parameters"]:
        if parameter["name"] in parameters:
            parameter |= {"deprecated": True, "x-deprecation": parameters[parameter["name"]]}
    return contract


def extra_headers(client: Client, query: str = "") -> tuple[str | None, str | None]:
    answer = client.internal("GET", f"{ADDRESS}{query}")
    assert answer.status_code == 200, answer.text
    return answer.headers.get("deprecation"), answer.headers.get("sunset")


def test_a_deprecated_operation_says_since_when_and_until_when(start: Callable[..., Client]) -> None:
    client = start(contract=variant(SPRING))

    assert extra_headers(client) == WHEN_SPRING
    assert client.internal("GET", f"{ADDRESS}/active").headers.keys().isdisjoint({"deprecation", "sunset"})


def test_a_deprecated_parameter_says_so_to_those_who_send_it(start: Callable[..., Client]) -> None:
    client = start(contract=variant(page_size=SUMMER))

    assert extra_headers(client) == NONE
    assert extra_headers(client, "?page=1") == NONE
    assert extra_headers(client, "?page=1&page_size=5") == WHEN_SUMMER
    assert extra_headers(client, "?page%5Fsize=5") == WHEN_SUMMER


def test_of_two_deprecations_the_earlier_instants_are_told(start: Callable[..., Client]) -> None:
    client = start(contract=variant(SPRING, page=SUMMER))

    assert extra_headers(client) == WHEN_SPRING
    assert extra_headers(client, "?page=1") == (WHEN_SPRING[0], WHEN_SUMMER[1])


def test_a_deprecated_header_says_so_to_those_who_send_it(start: Callable[..., Client]) -> None:
    contract = variant(**{"X-Tenant-ID": SPRING})

    assert extra_headers(start(contract=contract)) == WHEN_SPRING
