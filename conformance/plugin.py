"""The pytest plugin: chooses the checks, gives them the server, records their verdicts."""

import traceback
from collections.abc import Generator
from typing import Any

import pytest

from sojourn.conformance.ahead import Ahead
from sojourn.conformance.checks import Check, NotApplicable, check_of
from sojourn.conformance.contract import Contract
from sojourn.conformance.endings import judged
from sojourn.conformance.expectations import Expectations
from sojourn.conformance.policies import take_back
from sojourn.conformance.progress import Progress
from sojourn.conformance.reports.writing import write_reports
from sojourn.conformance.target import Target, Unusable
from sojourn.conformance.traffic import Traffic
from sojourn.conformance.verdicts import Case, Outcome, Verdict, outcome
from sojourn.conformance.wire import NO_ANSWER, Reply
from sojourn.conformance.world import World

FIRST, LAST = ("SCH", "SED"), ("LAW", "RUN")
"""Chapters that come before the others, while there is little data, and those that look at what the others did."""
WORLD = pytest.StashKey[World]()
"""Where the fixture `world` finds the server."""


class Judge:
    """One run. Raises Unusable when there is no contract or no server."""

    def __init__(self, target: Target) -> None:
        self.target = target
        # Keys and tenants are managed by the checks of scopes and of the audit trail alone.
        self.contract = Contract.read(target.contract).without_scope("manage")
        self.traffic = Traffic(target, self.contract)
        self.the_world = World(target, self.contract, traffic=self.traffic)
        self.cases: list[Case] = []
        self.expectations = Expectations.read(target.expected_failures)
        self._progress = Progress(target)
        self._ahead = Ahead(target, self.contract)
        self._chosen: set[str] = set()
        self._left_out = 0
        self._tenants_exist = False
        self._assert_reachable()

    def _assert_reachable(self) -> None:
        try:
            reply = self.the_world.first.service("list_user_sessions", user_id="usr_nobody")
        except OSError as error:
            raise Unusable(f"{self.target.url} cannot be reached: {error}") from None
        except KeyError:
            raise Unusable("the contract has no operation list_user_sessions") from None
        said = no_server_of_ours(reply)
        if said:
            raise Unusable(f"{self.target.url} {said}")
        if reply.status in (401, 403):
            raise Unusable(f"the API key is refused with {reply.status} for the tenant {self.target.tenant}")

    @property
    def outcome(self) -> Outcome:
        """The verdict of the run; an unknown check in `--check` is an error."""
        if set(self.target.only) - self._chosen:
            return "error"
        said = outcome(self.cases)
        return "partial" if said == "pass" and self._left_out else said

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        """What pytest's own options leave out was not judged: such a run is partial."""
        self._left_out += len(items)

    def pytest_configure(self, config: pytest.Config) -> None:
        """Leave the server where the fixture `world` finds it."""
        config.stash[WORLD] = self.the_world

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """A check with a parameter `operation` has a case for each operation of the contract."""
        if "operation" in metafunc.fixturenames:
            found = list(self.contract.operations.values())
            metafunc.parametrize("operation", found, ids=[operation.id for operation in found])

    def pytest_pycollect_makeitem(self, name: str, obj: object) -> list[pytest.Item] | None:
        """Leave out what is not in the profile, before a case is made for each operation of it."""
        found = check_of(obj) if name.startswith("test_") else None
        return [] if found is not None and not self._is_wanted(found) else None

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """The chapters in their order: what judges the whole run comes last."""
        items.sort(key=lambda item: _place(_check_of(item).chapter))
        self._chosen = {_check_of(item).id for item in items}
        self._progress.begin(len(items))
        self._ahead.learn(items)

    def _is_wanted(self, found: Check) -> bool:
        if self.target.only:
            return found.id in self.target.only
        return found.belongs_to(self.target.profile, self.target.features)

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Begin a case; one that needs what was not given is skipped."""
        found = _check_of(item)
        self.traffic.begin(found.chapter)
        missing = [name for name in found.needs if not self.target.has(name)]
        if missing:
            pytest.skip("needs " + ", ".join("--" + name.replace("_", "-") for name in missing))
        if found.profile != "seed" and not self._tenants_exist:
            self._tenants_exist = True
            self.the_world.make_tenants()

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> bool:
        """Judge; again where something ended by time alone."""
        found = _check_of(pyfuncitem)
        if self._ahead.takes(found, pyfuncitem):
            self._ahead.judge(found, pyfuncitem, traffic=self.traffic)
            return True
        given = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
        begun = len(self.traffic.exchanges)
        try:
            judged(found, self.traffic, judge=lambda: pyfuncitem.obj(**given))
        finally:
            self.the_world.leftovers.remove()
            take_back(self.the_world, since=begun)
        return True

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Turn what happened into a verdict."""
        report = yield
        if call.when == "call" or (call.when == "setup" and call.excinfo is not None):
            case = self._case(item, call)
            self.cases.append(case)
            self._progress.show(case)
            report.outcome = _OUTCOMES[case.verdict]
            report.longrepr = _long(case, item)
        return report

    def _case(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Case:
        found, verdict, message = _check_of(item), *_verdict(call)
        verdict, message = self.expectations.judge(found, item.name, verdict=verdict, message=message)
        evidence = self.traffic.evidence() if verdict in ("fail", "error") else []
        return Case(
            check=found, name=item.name, verdict=verdict, message=message, seconds=call.duration, exchanges=evidence
        )

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Leave nothing behind, say the verdict and write the reports."""
        self.the_world.leftovers.remove(at_the_end=True)
        self.cases += self.expectations.unmet(self._chosen)
        self._progress.end(self.cases, self.outcome)
        if self.target.report_dir is not None:
            write_reports(self.target, self.contract, traffic=self.traffic, cases=self.cases, verdict=self.outcome)
        self._progress.tell_report(self.target.report_dir)

    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """The progress display shows the checks; pytest's dots would only repeat it."""
        return (report.outcome, "", "") if report.when == "call" else None


def no_server_of_ours(reply: Reply) -> str | None:
    """Why nothing can be judged where this is the answer to the first read; None where it can."""
    if reply.status == NO_ANSWER:
        return "accepts connections and does not answer in HTTP"
    if 300 <= reply.status < 400:
        return f"redirects to {reply.headers.get('location', 'nowhere')}: give the address where it leads"
    if reply.status >= 500:
        return f"answers {reply.status}: it does not work"
    if "json" not in reply.media_type:
        return f"answers {reply.status} with {reply.media_type or 'nothing'}, no JSON: something else is there"
    if reply.status == 404:
        return "has no operation list_user_sessions: is the path missing below which the operations are mounted?"
    return None


_OUTCOMES: dict[Verdict, Any] = {
    "pass": "passed",
    "fail": "failed",
    "error": "failed",
    "skipped": "skipped",
    "not applicable": "skipped",
}


def _long(case: Case, item: pytest.Item) -> Any:
    """What pytest shows of a case: the message where it failed, a place and a reason where it was skipped."""
    if case.verdict == "pass":
        return None
    if _OUTCOMES[case.verdict] == "skipped":
        return (str(item.path), 0, f"Skipped: {case.message}")
    return case.message


def _line(call: pytest.CallInfo[None]) -> str:
    """The line that raised: what is said of an assertion without words. Values are not shown, they may be secret."""
    return "" if call.excinfo is None else str(call.excinfo.traceback[-1].statement).strip()


def _place(chapter: str) -> int:
    return FIRST.index(chapter) - len(FIRST) if chapter in FIRST else int(chapter in LAST)


def _check_of(item: pytest.Item) -> Check:
    found = check_of(getattr(item, "function", None))
    if found is None:
        raise pytest.UsageError(f"{item.nodeid} is no check: decorate it")
    return found


_UNREADABLE = (LookupError, TypeError, ValueError, AttributeError)
"""What a check raises that finds something else in an answer than the contract has there."""


def _verdict(call: pytest.CallInfo[None]) -> tuple[Verdict, str]:
    if call.excinfo is None:
        return "pass", ""
    verdict, message = verdict_of(call.excinfo.value)
    return verdict, message or _line(call)


def verdict_of(error: BaseException) -> tuple[Verdict, str]:
    """What is said of a check that raised.

    A failed assertion is the server's fault, and so is an answer that does not hold what the check reads in it: the
    check was written for the answers of the contract. Anything else that was raised is the suite's.
    """
    message = str(error)
    if isinstance(error, NotApplicable):
        return "not applicable", message
    if isinstance(error, pytest.skip.Exception):
        return "skipped", message
    if isinstance(error, AssertionError | pytest.fail.Exception):
        return "fail", message
    told = "".join(traceback.format_exception(error)[-3:])
    if isinstance(error, _UNREADABLE):
        return "fail", f"an answer does not hold what the contract has there: {told}"
    return "error", told
