"""Which subjects of trusted issuers stand for services: a machine's token in the place of an API key.

A client-credentials token (RFC 6749 §4.4), or the token of a Kubernetes service account, is verified as any bearer
token is. Its subject has the scopes that SOJOURN_SERVICE_SUBJECTS says, and no other subject has any.
"""

from typing import NamedTuple

from sojourn.domain.scopes import SCOPES


class Subject(NamedTuple):
    """A subject, of one issuer or, where `issuer` is None, of the only one there is."""

    issuer: str | None
    name: str


def service_subjects(items: tuple[str, ...]) -> dict[Subject, frozenset[str]]:
    """The scopes of each subject. An item reads `subject=scope+scope` or `https://issuer|subject=scope`.

    Raises ValueError, with a sentence, for a scope that there is not.
    """
    found: dict[Subject, frozenset[str]] = {}
    for item in items:
        who, _, said = item.rpartition("=")
        issuer, bar, name = who.strip().partition("|")
        of_issuer = bool(bar) and issuer.startswith(("https://", "http://"))
        subject = Subject(issuer, name) if of_issuer else Subject(None, who.strip())
        scopes = frozenset(said.replace("+", " ").split())
        if unknown := sorted(scopes - set(SCOPES)):
            raise ValueError(f"{unknown[0]!r} is not one of {', '.join(SCOPES)}")
        found[subject] = found.get(subject, frozenset()) | scopes
    return found
