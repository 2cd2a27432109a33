"""`python -m tests.conformance.mutants`: draw mutants, put each before the suite, print what lived on."""

import argparse
import random
import sys
from pathlib import Path

from tests.conformance.mutants.report import as_markdown, shortfalls
from tests.conformance.mutants.running import run


def main() -> int:
    """Leave with 1 when a profile catches less than it should."""
    parser = argparse.ArgumentParser(prog="mutants", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--count", type=int, default=300, help="mutants of every operation (default: %(default)s)")
    parser.add_argument(
        "--reads", type=int, default=100, help="mutants of the five reads for `seed` (default: %(default)s)"
    )
    parser.add_argument("--minutes", type=float, default=10, help="when to stop (default: %(default)s)")
    parser.add_argument("--profile", choices=("core", "full"), default="full")
    parser.add_argument("--unseen", action="store_true", help="the lies that are derived from nothing, too")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--report", type=Path, help="where to write the table")
    given = parser.parse_args()
    full = given.profile == "full"
    lines = run(
        seed=given.seed, count=given.count, reads=given.reads, seconds=60 * given.minutes, full=full,
        processes=given.processes, unseen=given.unseen,
    )  # fmt: skip
    table = as_markdown(lines, full=full, seed=given.seed)
    if given.report:
        given.report.parent.mkdir(parents=True, exist_ok=True)
        given.report.write_text(table)
    print(table)
    missed = shortfalls(lines, full=full)
    print("\n".join(missed))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
