"""How the tests are shared out between processes: whole files, the longest first, so that none is left for the end.

pytest-xdist by itself begins with the files that have most tests; a file of one long test would then come last, and
one process would run it while the other has nothing to do.
"""

from collections import Counter

import pytest
from xdist.scheduler import LoadFileScheduling

SECONDS = {
    "tests/conformance/test_example_server.py": 60,
    "tests/conformance/test_liars.py": 300,
    "tests/conformance/test_mutants.py": 200,
    "tests/conformance/test_own_server.py": 250,
    "tests/conformance/test_seed_profile.py": 50,
    "tests/docs/test_guides.py": 90,
    "tests/docs/test_readme_runs.py": 30,
}
"""How long a file takes, roughly, where that is half a minute or more; of a file in `APART`, each of its tests."""
OF_A_TEST = 0.2
"""How long a test of another file takes, on average."""
APART = {
    "tests/conformance/test_own_server.py",
    "tests/contract/test_readers.py",
    "tests/proportion/test_proportion.py",
}
"""Files whose tests share nothing but what each process may well make for itself: they need not stay together."""


def longest_first(items: list[pytest.Item]) -> None:
    """Put the files that take longest to the front; the tests of a file stay in their order."""
    tests = Counter(_file(item.nodeid) for item in items)
    items.sort(key=lambda item: -_seconds(_file(item.nodeid), tests))


def _seconds(file: str, tests: Counter[str]) -> float:
    return SECONDS.get(file, OF_A_TEST * (1 if file in APART else tests[file]))


def _file(nodeid: str) -> str:
    return nodeid.partition("::")[0]


class Files(LoadFileScheduling):
    """Gives each process a file at a time, in the order of the collection; of a file in `APART` a test at a time."""

    def _split_scope(self, nodeid: str) -> str:
        file = _file(nodeid)
        return nodeid if file in APART else file
