"""What few sessions have: who runs their network, a name, metadata. Kept together, as responses show it."""

import json
from typing import Any

AS_ORG, NAME, METADATA = "as_org", "name", "metadata"


def write(details: dict[str, Any]) -> str | None:
    """The JSON that is stored, without members that are None or empty; None where nothing is left."""
    kept = {name: value for name, value in details.items() if value}
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":")) if kept else None


def read(stored: str | None) -> dict[str, Any]:
    """The members that were stored, as responses show them."""
    found: dict[str, Any] = {} if stored is None else json.loads(stored)
    return found
