"""Which tests run, and how they are shared out between processes: whole files, the longest first.

pytest-xdist by itself begins with the files that have most tests; a file of one long test would then come last, and
one process would run it while the other has nothing to do.

With `TESTS_SAMPLED=yes`, as in `tox -e tests`, a share of the longest generated tests runs, drawn by `TESTS_SEED`.
"""

import os
import random
from collections import Counter

import pytest
from xdist.scheduler import LoadFileScheduling

SECONDS = {
    "tests/authentication/test_guess_limit.py": 15,
    "tests/authentication/test_key_sets.py": 40,
    "tests/backups/test_drill.py": 40,
    "tests/browser/test_accessibility.py": 40,
    "tests/browser/test_console.py": 40,
    "tests/browser/test_reference.py": 80,
    "tests/browser/test_signing_in.py": 20,
    "tests/cli/test_bulk_commands.py": 50,
    "tests/cli/test_check_command.py": 15,
    "tests/conformance/test_example_server.py": 60,
    "tests/conformance/test_liars.py": 300,
    "tests/conformance/test_mutants.py": 250,
    "tests/conformance/test_own_server.py": 450,
    "tests/conformance/test_seed_profile.py": 50,
    "tests/docs/test_guides.py": 90,
    "tests/docs/test_readme_runs.py": 30,
    "tests/http/test_durability.py": 15,
    "tests/http/test_each_act_is_recorded.py": 30,
    "tests/http/test_texts.py": 80,
    "tests/http/test_every_end_is_told.py": 40,
    "tests/http/test_long_reads.py": 30,
    "tests/observability/test_dashboard.py": 15,
    "tests/observability/test_each_metric_moves.py": 60,
    "tests/observability/test_metrics.py": 60,
    "tests/observability/test_unread_log.py": 20,
    "tests/problems/test_adding_a_language.py": 40,
    "tests/serving/test_event_streams.py": 60,
    "tests/serving/test_nothing_is_left.py": 30,
    "tests/serving/test_shutdown.py": 30,
    "tests/serving/test_slow_readers.py": 30,
    "tests/serving/test_supervision.py": 20,
    "tests/serving/test_workers_agree.py": 15,
    "tests/storage/postgres/test_roles.py": 15,
    "tests/storage/test_side_by_side.py": 20,
    "tests/test_contributing.py": 100,
    "tests/test_house.py": 10,
    "tests/twice/test_twice.py": 150,
    "tests/upgrade/test_answers.py": 20,
    "tests/upgrade/test_first_release.py": 20,
    "tests/upgrade/test_seed_profile.py": 20,
}
"""How long a file takes, roughly, where its few tests take long; of a file in `APART`, each of its tests."""
OF_A_TEST = 0.2
"""How long a test of another file takes, on average."""
APART = {
    "tests/conformance/test_own_server.py",
    "tests/contract/test_readers.py",
    "tests/proportion/test_proportion.py",
}
"""Files whose tests share nothing but what each process may well make for itself: they need not stay together."""
SHARES = {
    "tests/http/test_first_use.py": 0.3,
    "tests/http/test_tenant_twins.py": 0.35,
    "tests/http/test_texts.py": 0.35,
    "tests/proportion/test_proportion.py": 0.2,
    "tests/twice/test_twice.py": 0.35,
}
"""Of files with a test for each operation or the like, the share that is drawn: another one with each seed."""
SEED = os.environ.get("TESTS_SEED", "1")


def left_out(items: list[pytest.Item]) -> list[pytest.Item]:
    """The tests that were not drawn. Whether one is depends on the seed and on its name alone."""
    if os.environ.get("TESTS_SAMPLED", "no") != "yes":
        return []
    return [
        item for item in items if random.Random(f"{SEED} {item.nodeid}").random() >= SHARES.get(_file(item.nodeid), 1)
    ]


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
