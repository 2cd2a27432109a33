"""Failures that are known: a strict list. What is on it must fail, and one that passes is a failure."""

from dataclasses import dataclass, field
from pathlib import Path

from sojourn.conformance.checks import Check
from sojourn.conformance.target import Unusable
from sojourn.conformance.verdicts import Case, Verdict

_SUITE = Check(
    "EXP-001", "Every check on the list of expected failures MUST be one that is judged.", "conformance", "seed"
)


@dataclass(slots=True)
class Expectations:
    """Check id (or `ID[case]`) → why it is known to fail."""

    reasons: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path | None) -> "Expectations":
        """From a file with a line for each: the id, a blank, the reason; `#` begins a comment. Raises Unusable."""
        if path is None:
            return cls()
        try:
            lines = [line.split("#")[0].strip() for line in path.read_text("utf-8").splitlines()]
        except OSError as error:
            raise Unusable(f"{path}: {error.strerror}") from None
        reasons = {}
        for line in filter(None, lines):
            name, _, reason = line.partition(" ")
            if not reason.strip():
                raise Unusable(f"{path}: {name} has no reason")
            reasons[name] = reason.strip()
        return cls(reasons)

    def judge(self, found: Check, name: str, *, verdict: Verdict, message: str) -> tuple[Verdict, str]:
        """The verdict of a case in the light of the list."""
        case = f"{found.id}[{name.partition('[')[2]}" if "[" in name else found.id
        reason = self.reasons.get(case, self.reasons.get(found.id))
        if reason is None:
            return verdict, message
        if verdict == "fail":
            return "pass", f"failed as expected: {reason}"
        if verdict == "pass":
            return "fail", f"passed, but is on the list of expected failures: {reason}"
        return verdict, message

    def unmet(self, chosen: set[str]) -> list[Case]:
        """A failure for each entry that names no check of this suite's run."""
        unknown = sorted(name for name in self.reasons if name.partition("[")[0] not in chosen)
        return [Case(_SUITE, name, "fail", f"{name} is expected to fail, but was not judged") for name in unknown]
