"""Connexion as it comes: the project's own contract, strict validation, everything else by default."""

from typing import Any

from connexion import AsyncApp
from connexion.resolver import Resolver

from benchmarks.peers.plain_connexion import operations
from sojourn.openapi.loader import load_bundle


def _contract() -> dict[str, Any]:
    """The contract, with the functions that Connexion asks for authentication beside each scheme."""
    bundle = load_bundle()
    schemes = bundle["components"]["securitySchemes"]
    schemes["apiKeyAuth"]["x-apikeyInfoFunc"] = "benchmarks.peers.plain_connexion.authentication.api_key"
    schemes["bearerAuth"]["x-bearerInfoFunc"] = "benchmarks.peers.plain_connexion.authentication.bearer"
    return bundle


def _function(operation_id: str) -> Any:
    """The function of an operation. Only the four that are measured exist; the others are routed all the same."""
    return getattr(operations, operation_id, operations.not_measured)


app = AsyncApp(__name__, strict_validation=True)
app.add_api(_contract(), resolver=Resolver(_function))
