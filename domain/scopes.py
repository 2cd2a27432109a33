"""What an API key may do. The contract names the scope of each operation for services (`x-scope`)."""

SCOPES = ("sessions:read", "sessions:write", "tokens", "events", "erase", "manage")
"""Every scope there is."""

MANAGE = "manage"

UNNAMED: frozenset[str] = frozenset(SCOPES) - {MANAGE}
"""What a key may do of which no scope was named: everything but manage keys and tenants."""


def scopes_of(named: list[str] | None) -> frozenset[str]:
    """The scopes of a key; `named` is None where none was named."""
    return UNNAMED if named is None else frozenset(named)
