"""An operation that takes an API key names the scope that the key must have: the server does not start otherwise."""

import pytest

from sojourn.domain.scopes import MANAGE, SCOPES, UNNAMED, scopes_of
from sojourn.openapi.document import Operation, operations
from sojourn.openapi.loader import load_bundle
from sojourn.pipeline.schemas import ContractError
from sojourn.pipeline.security import compile_security

KEY_SCHEME = {"apiKeyAuth": {"type": "apiKey", "in": "header", "name": "X-API-Key"}}


def test_every_operation_that_takes_an_api_key_names_a_scope() -> None:
    nameless = [
        operation.id
        for operation in operations(load_bundle(), Operation)
        if operation.scheme == "apiKey" and operation.scope not in SCOPES
    ]

    assert nameless == [], "state x-scope in their path items"


@pytest.mark.parametrize("scope", [None, "session:read", ""])
def test_an_operation_without_a_scope_that_we_know_is_refused(scope: str | None) -> None:
    with pytest.raises(ContractError, match="x-scope"):
        compile_security(
            [{"apiKeyAuth": []}],
            KEY_SCHEME,
            roles=frozenset(),
            scope=scope,
            api_keys=None,  # type: ignore[arg-type]
            tokens=None,  # type: ignore[arg-type]
        )


def test_a_key_of_which_no_scope_was_named_has_all_but_manage() -> None:
    assert scopes_of(None) == UNNAMED == frozenset(SCOPES) - {MANAGE}
    assert scopes_of([]) == frozenset()
    assert scopes_of(["tokens"]) == {"tokens"}
