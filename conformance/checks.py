"""What a check is: a test function with an address, a requirement and the source of it.

A chapter is a module of `sojourn.conformance.chapters`; its checks are test functions that `check` decorates.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

Profile = Literal["seed", "core", "full"]
PROFILES: tuple[Profile, ...] = ("seed", "core", "full")
"""Each holds the one before it."""
FEATURES = (
    "refresh-rotation",
    "i18n",
    "risk",
    "short-lived",
    "fuzzing",
    "audit",
    "scopes",
    "events",
    "filters",
    "idempotency",
    "plans",
    "oauth",
    "logout",
    "signals",
    "import",
    "suspension",
    "policies",
)

_MADE_OF = "conformance_check"
Function = TypeVar("Function", bound=Callable[..., Any])


class NotApplicable(Exception):  # it is no error
    """Raised by a check that has nothing to judge in this contract, or with the credentials that were given."""


@dataclass(frozen=True, slots=True)
class Check:
    """One addressed check. `needs` names options without which the check is skipped.

    `waits` says that it waits for ends itself: it is not judged again where something ended meanwhile.
    """

    id: str
    requirement: str
    source: str
    profile: Profile
    feature: str | None = None
    needs: tuple[str, ...] = ()
    waits: bool = False
    title: str = ""

    @property
    def chapter(self) -> str:
        """The letters of the id: what the chapters of a report are keyed by."""
        return self.id.partition("-")[0]

    def belongs_to(self, profile: str, features: tuple[str, ...]) -> bool:
        """Whether it is judged when `profile` and `features` are asked for."""
        chosen = PROFILES.index(self.profile) <= PROFILES.index(profile)
        return chosen or self.feature in features


def check_of(function: object) -> Check | None:
    """The check that a test function is, or None when it is none."""
    return getattr(function, _MADE_OF, None)


def check(
    id: str,  # noqa: A002 - it is called so in every report
    requirement: str,
    *,
    source: str,
    profile: Profile = "core",
    feature: str | None = None,
    needs: tuple[str, ...] = (),
    waits: bool = False,
) -> Callable[[Function], Function]:
    """Make a test function the check of this id. Its title is the function's name, read as a sentence."""

    def decorate(function: Function) -> Function:
        title = function.__name__.removeprefix("test_").replace("_", " ")
        found = Check(
            id=id,
            requirement=requirement,
            source=source,
            profile=profile,
            feature=feature,
            needs=needs,
            waits=waits,
            title=title,
        )
        setattr(function, _MADE_OF, found)
        return function

    return decorate
