"""Risk that explains itself: evidence in, named factors and a score out.

Each factor maps one count of evidence to a score in rising steps, so more evidence never lowers a score. A score is a
hint for applications: nothing here ends a session.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

HIGHEST = 100

Level = Literal["low", "medium", "high"]
Action = Literal["allow", "challenge", "revoke"]


@dataclass(frozen=True, slots=True)
class RiskThresholds:
    """From which score a challenge, and from which a revocation is recommended: 1 <= challenge < revoke <= 100."""

    challenge_at: int
    revoke_at: int

    def __post_init__(self) -> None:
        if not 1 <= self.challenge_at < self.revoke_at <= HIGHEST:
            raise ValueError("thresholds must satisfy 1 <= challenge < revoke <= 100")


@dataclass(frozen=True, slots=True)
class Evidence:
    """Counts of what makes a session risky. All 0: nothing does, or nothing is known.

    `travel` is 1 for another city of the country within an hour, 2 for another country within three hours, 3 within
    one. `new_place` is 1 for an unseen city of a country that was seen, 2 for an unseen country.
    """

    reuses: int = 0
    travel: int = 0
    new_place: int = 0
    new_device: int = 0
    users_of_device: int = 0
    foreign_revocations: int = 0
    single_factor: int = 0
    hours_since_authentication: int = 0
    new_network: int = 0
    unusual_hour: int = 0
    parallel_sessions: int = 0


@dataclass(frozen=True, slots=True)
class Factor:
    """One named reason: `score` of at most `weight` points; both 0..100."""

    type: str
    description: str
    weight: int
    score: int


@dataclass(frozen=True, slots=True)
class _Rule:
    """How one count of the evidence becomes points: those of the last step that it reaches."""

    type: str
    description: str
    evidence: str
    steps: tuple[tuple[int, int], ...]

    @property
    def weight(self) -> int:
        return self.steps[-1][1]

    def factor(self, evidence: Evidence) -> Factor:
        value = getattr(evidence, self.evidence)
        reached = [points for least, points in self.steps if value >= least]
        return Factor(self.type, self.description, self.weight, reached[-1] if reached else 0)


RULES = (
    _Rule("refresh_token_reuse", "Refresh Token Used Twice", "reuses", ((1, 50), (2, 60))),
    _Rule("impossible_travel", "Places Too Far Apart In Time", "travel", ((1, 15), (2, 25), (3, 50))),
    _Rule("unusual_location", "Abnormal Login Location", "new_place", ((1, 20), (2, 30))),
    _Rule("new_device", "Device Not Seen Before", "new_device", ((1, 20),)),
    _Rule("shared_device", "Device Of Many Users", "users_of_device", ((3, 10), (5, 20))),
    _Rule("many_revocations", "Sessions Ended By Others", "foreign_revocations", ((3, 10), (5, 15))),
    _Rule("weak_authentication", "Single Factor Authentication", "single_factor", ((1, 15),)),
    _Rule("stale_mfa", "Authentication Long Ago", "hours_since_authentication", ((12, 10), (24, 15))),
    _Rule("new_network", "Network Not Seen Before", "new_network", ((1, 10),)),
    _Rule("unusual_hour", "Abnormal Login Hour", "unusual_hour", ((1, 10),)),
    _Rule("many_parallel_sessions", "Many Sessions At Once", "parallel_sessions", ((5, 5), (10, 10))),
)


def factors(evidence: Evidence) -> tuple[Factor, ...]:
    """Every factor, highest weight first; a factor without evidence has a score of 0."""
    return tuple(rule.factor(evidence) for rule in RULES)


def worst(groups: Sequence[tuple[Factor, ...]]) -> tuple[Factor, ...]:
    """Each factor at its highest score in any of the groups: what is known of a device by its sessions."""
    return _combined(groups, max)


def average(groups: Sequence[tuple[Factor, ...]]) -> tuple[Factor, ...]:
    """Each factor at its mean score, rounded up: one risky session makes no risky tenant, and is not lost either."""
    return _combined(groups, lambda scores: -(-sum(scores) // len(scores)))


def score(parts: Sequence[Factor]) -> int:
    """The score of factors: their sum, 0..100."""
    return min(HIGHEST, sum(part.score for part in parts))


def counting(parts: Sequence[Factor]) -> tuple[Factor, ...]:
    """Only the factors that have a score."""
    return tuple(part for part in parts if part.score)


def level(points: int, thresholds: RiskThresholds) -> Level:
    """A score in a word."""
    if points >= thresholds.revoke_at:
        return "high"
    return "medium" if points >= thresholds.challenge_at else "low"


def recommended_action(points: int, thresholds: RiskThresholds) -> Action:
    """What the thresholds suggest for a score."""
    actions: dict[Level, Action] = {"low": "allow", "medium": "challenge", "high": "revoke"}
    return actions[level(points, thresholds)]


def _combined(groups: Sequence[tuple[Factor, ...]], combine: Callable[[list[int]], int]) -> tuple[Factor, ...]:
    return tuple(replace(same[0], score=combine([part.score for part in same])) for same in zip(*groups, strict=True))
