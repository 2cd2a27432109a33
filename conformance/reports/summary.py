"""The content of all reports: the run, its checks, their cases; no text contains a credential."""

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

from sojourn import __version__
from sojourn.conformance.checks import Check
from sojourn.conformance.contract import Contract
from sojourn.conformance.coverage import Coverage, Measure
from sojourn.conformance.redaction import redact
from sojourn.conformance.target import Target
from sojourn.conformance.verdicts import Case, Outcome, Verdict, by_check


@dataclass(frozen=True, slots=True)
class Summary:
    """A run as it is told."""

    url: str
    profile: str
    seed: int
    contract: str
    """The version of the contract."""
    verdict: Outcome
    cases: list[Case]

    @property
    def versions(self) -> str:
        """Of the suite and of the contract, in words."""
        return f"suite {__version__}, contract {self.contract}"

    @property
    def checks(self) -> dict[Check, Verdict]:
        """The verdict of every check."""
        return by_check(self.cases)

    @property
    def counts(self) -> dict[Verdict, int]:
        """How many checks have each verdict."""
        return dict(Counter(self.checks.values()))

    @property
    def seconds(self) -> float:
        """How long the cases took together."""
        return sum(case.seconds for case in self.cases)

    def cases_of(self, found: Check) -> list[Case]:
        """The cases of a check."""
        return [case for case in self.cases if case.check == found]

    def as_document(self, coverage: Coverage) -> dict[str, Any]:
        """The run for programs."""
        return {
            "verdict": self.verdict,
            "suite": __version__,
            "contract": self.contract,
            "url": self.url,
            "profile": self.profile,
            "seed": self.seed,
            "seconds": round(self.seconds, 3),
            "counts": self.counts,
            "coverage": {name: _measure(item) for name, item in coverage.measures.items()},
            "chapters": coverage.by_chapter,
            "checks": [
                {
                    "id": found.id,
                    "title": found.title,
                    "requirement": found.requirement,
                    "source": found.source,
                    "profile": found.profile,
                    "feature": found.feature,
                    "verdict": verdict,
                    "cases": [_case(case) for case in self.cases_of(found)],
                }
                for found, verdict in self.checks.items()
            ],
        }


def summarise(target: Target, contract: Contract, *, cases: list[Case], verdict: Outcome) -> Summary:
    """The run, with every message redacted."""
    version = str(contract.document.get("info", {}).get("version", "unknown"))
    clean = [replace(case, message=redact(case.message, target.secrets)) for case in cases]
    return Summary(
        url=target.url, profile=target.profile, seed=target.seed, contract=version, verdict=verdict, cases=clean
    )


def _case(case: Case) -> dict[str, Any]:
    told = {"name": case.name, "verdict": case.verdict, "message": case.message, "seconds": round(case.seconds, 3)}
    return {**told, "exchanges": case.exchanges} if case.exchanges else told


def _measure(item: Measure) -> dict[str, Any]:
    return {
        "wanted": item.wanted,
        "percent": round(item.percent, 2),
        "missing": list(item.missing),
        "excused": list(item.excused),
    }
