"""When a token that was truly signed is good: a conjunction, in which no rule masks another."""

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """Everything that can be wrong with a token whose signature holds. True means wrong.

    In the order in which a reason is named when there are several.
    """

    key_retired: bool = False
    not_yet_valid: bool = False
    expired: bool = False
    tenant_mismatch: bool = False
    blacklisted: bool = False
    token_revoked: bool = False
    issued_before_cutoff: bool = False
    session_not_found: bool = False
    session_revoked: bool = False
    session_expired: bool = False
    user_mismatch: bool = False
    device_mismatch: bool = False


_NAMES = tuple(item.name for item in fields(TokenFacts))


def is_valid(facts: TokenFacts) -> bool:
    """Whether nothing is wrong."""
    return not any(getattr(facts, name) for name in _NAMES)


def reasons(facts: TokenFacts) -> tuple[str, ...]:
    """What is wrong, by name; empty for a good token."""
    return tuple(name for name in _NAMES if getattr(facts, name))
