"""Whether a score of risk agrees with the factors that explain it."""

from collections.abc import Iterator
from typing import Any

HIGHEST = 100


def score_violations(document: dict[str, Any]) -> Iterator[str]:
    """A score is the sum of its factors, at most 100, the highest weight first; where they are names, 0 without one."""
    score, factors, names = (document.get(name) for name in ("risk_score", "factors", "risk_factors"))
    if isinstance(factors, list) and score is not None:
        parts, weights = [factor["score"] for factor in factors], [factor["weight"] for factor in factors]
        if score != min(HIGHEST, sum(parts)):
            yield f"risk_score is {score}, its factors make {sum(parts)}"
        if weights != sorted(weights, reverse=True) or 0 in parts:
            yield f"the weights are {weights} and the scores {parts}: the highest weight is first, and no score is 0"
    if isinstance(names, list) and score is not None and bool(names) is not bool(score):
        yield f"risk_score is {score} with {len(names)} factors"
