"""The output during a run: a line for each check in a terminal, and the verdict at the end."""

import sys
from pathlib import Path
from typing import TextIO

from sojourn.conformance.target import Target
from sojourn.conformance.verdicts import Case, Outcome, Verdict, by_check

_SIGNS: dict[Verdict, str] = {"pass": ".", "fail": "F", "error": "E", "skipped": "s", "not applicable": "-"}
_SHOWN = 40


class Progress:
    """Counts the cases; on a terminal one line that is written over and over."""

    def __init__(self, target: Target, stream: TextIO | None = None) -> None:
        self._target = target
        self._stream = stream or sys.__stderr__ or sys.stderr
        self._total = 0
        self._done = 0
        self._failed = 0

    def begin(self, total: int) -> None:
        """The run has so many cases."""
        self._total = total
        what = ", ".join(self._target.only) or f"profile {self._target.profile}"
        self._say(f"conformance: {self._target.url}, {what}, {total} cases, seed {self._target.seed}\n")

    def show(self, case: Case) -> None:
        """A case is done."""
        self._done += 1
        self._failed += case.verdict in ("fail", "error")
        if self._stream.isatty():
            bar = "█" * (20 * self._done // max(self._total, 1))
            line = f"\r{bar:<20} {self._done}/{self._total}  {self._failed} failed  {case.check.id} {case.check.title}"
            self._say(f"{line[:100]:<100}")
        else:
            self._say(_SIGNS[case.verdict] + ("\n" if self._done == self._total else ""))

    def end(self, cases: list[Case], outcome: Outcome) -> None:
        """The run is over: what failed, what was skipped, the verdict."""
        verdicts = by_check(cases)
        bad = [case for case in cases if case.verdict in ("fail", "error", "skipped")]
        self._say("\n")
        for case in bad[:_SHOWN]:
            first = case.message.strip().splitlines()[0] if case.message.strip() else ""
            self._say(f"{case.verdict.upper():<8}{case.check.id} {case.name}: {first[:240]}\n")
        if len(bad) > _SHOWN:
            self._say(f"… and {len(bad) - _SHOWN} more\n")
        for found, verdict in verdicts.items():
            if verdict == "not applicable":
                why = next(case.message for case in cases if case.check == found)
                self._say(f"NOT JUDGED {found.id}: {why[:240]}\n")
        counts = {name: list(verdicts.values()).count(name) for name in _SIGNS}
        told = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
        self._say(f"{outcome.upper()}: {len(verdicts)} checks: {told} (seed {self._target.seed})\n")

    def tell_report(self, folder: Path | None) -> None:
        """Where the report is, or how to get one."""
        where = (
            "no report: --report-dir DIR writes one"
            if folder is None
            else f"report: {(folder / 'report.html').resolve()}"
        )
        self._say(f"{where}\n")

    def _say(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
