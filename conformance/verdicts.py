"""The verdicts on a check and on a run, and the exit status of each."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from sojourn.conformance.checks import Check

Verdict = Literal["pass", "fail", "error", "skipped", "not applicable"]
"""`error`: the suite itself could not work. `skipped`: something the check needs was not given."""
Outcome = Literal["pass", "fail", "partial", "error"]
STATUS: dict[Outcome, int] = {"pass": 0, "fail": 1, "partial": 2, "error": 3}
_WORST_FIRST: tuple[Verdict, ...] = ("fail", "error", "skipped", "pass", "not applicable")


@dataclass(slots=True)
class Case:
    """One case of a check: all there is of most, one operation of some."""

    check: Check
    name: str
    verdict: Verdict
    message: str = ""
    seconds: float = 0.0
    exchanges: list[str] = field(default_factory=list)
    """The last exchanges before the verdict, redacted, each with the curl line that repeats it."""


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict of a check from those of its cases."""
    found = set(verdicts)
    return next(verdict for verdict in _WORST_FIRST if verdict in found)


def by_check(cases: Iterable[Case]) -> dict[Check, Verdict]:
    """The verdict of every check that was judged, in the order of the run."""
    grouped: dict[Check, list[Verdict]] = {}
    for case in cases:
        grouped.setdefault(case.check, []).append(case.verdict)
    return {found: worst(verdicts) for found, verdicts in grouped.items()}


def outcome(cases: Iterable[Case]) -> Outcome:
    """The verdict of the run: a run without a single passed check is no pass."""
    found = {case.verdict for case in cases}
    if "fail" in found:
        return "fail"
    if "error" in found or not found:
        return "error"
    if "skipped" in found:
        return "partial"
    return "pass" if "pass" in found else "error"
