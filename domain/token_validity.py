"""When a token that was truly signed is good: a conjunction, in which no rule masks another."""

from typing import NamedTuple


class TokenFacts(NamedTuple):
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


def is_valid(facts: TokenFacts) -> bool:
    """Whether nothing is wrong."""
    return not any(facts)


def reasons(facts: TokenFacts) -> tuple[str, ...]:
    """What is wrong, by name; empty for a good token."""
    return tuple(name for name, wrong in zip(facts._fields, facts, strict=True) if wrong) if any(facts) else ()
