"""Users at work, each in a thread of its own, while a fault is made and healed; then everything is looked at."""

import random
import threading
import time
from collections.abc import Callable, Sequence

from tests.faults.clients import Held, RecordingClient
from tests.faults.history import Call, History
from tests.faults.verdicts import WRITES

TENANTS = ("acme", "globex")
CLIENTS = 6
ENOUGH = 60
"""So many acknowledgements before the fault, and after it, make a run worth judging."""
_PAUSE_SECONDS = 0.005
_AUDIT_SECONDS = 60
_RECOVERY_SECONDS = 60


class Load:
    """Clients that create, check, touch, refresh, list and revoke. The same users are in both tenants."""

    def __init__(self, port: int | Sequence[int], tenants: Sequence[str] = TENANTS) -> None:
        self.history = History()
        self._stop = threading.Event()
        self._failures: list[BaseException] = []
        self._workers = [
            _Worker(port, tenants[number % len(tenants)], number, history=self.history) for number in range(CLIENTS)
        ]
        self._threads: list[threading.Thread] = []

    def run(self, fault: Callable[[], None], before: float = 1.5, after: float = 2) -> History:
        """Work for `before` seconds, go on through the fault, and `after` it; then look at every session."""
        self._each(lambda worker: worker.work(self._stop))
        time.sleep(before)
        try:
            self._wait_for_some()
            fault()
            self.history.healed_at = time.monotonic()
            time.sleep(after)
            self._wait_for_recovery()
            self._stop.set()
            self._join()
            self._each(_Worker.audit)
            self._join()
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join()
            for worker in self._workers:
                worker.close()
        return self.history

    def held(self) -> list[tuple[str, Held]]:
        """Every session that a client was given, with its tenant."""
        return [(worker.tenant, held) for worker in self._workers for held in worker.held]

    def calls(self) -> list[Call]:
        """What was asked and answered so far; from any thread."""
        return list(self.history.calls)

    def _wait_for_some(self) -> None:
        """Go on until enough was acknowledged to be lost."""
        deadline = time.monotonic() + _RECOVERY_SECONDS
        while sum(call.outcome == "acknowledged" for call in self.calls()) < ENOUGH:
            assert time.monotonic() < deadline, "too little happens to tell anything"
            time.sleep(0.1)

    def _wait_for_recovery(self) -> None:
        """Go on until every kind of write is acknowledged again; the judge says whether that was soon enough."""
        deadline = self.history.healed_at + _RECOVERY_SECONDS
        missing = set(WRITES)
        while missing and time.monotonic() < deadline:
            time.sleep(0.2)
            done = {
                call.action for call in self.calls() if call.outcome == "acknowledged" and self._is_after(call.started)
            }
            missing = set(WRITES) - done

    def _is_after(self, instant: float) -> bool:
        return instant > self.history.healed_at

    def _each(self, job: Callable[["_Worker"], None]) -> None:
        def guarded(worker: "_Worker") -> None:
            try:
                job(worker)
            except BaseException as error:
                self._failures.append(error)

        self._threads = [threading.Thread(target=guarded, args=(worker,)) for worker in self._workers]
        for thread in self._threads:
            thread.start()

    def _join(self) -> None:
        for thread in self._threads:
            thread.join()
        if self._failures:
            raise self._failures[0]


class _Worker:
    """One client and the sessions it was given."""

    def __init__(self, port: int | Sequence[int], tenant: str, number: int, *, history: History) -> None:
        user = f"usr_{number // len(TENANTS)}"
        self.tenant = tenant
        self._client = RecordingClient(port, tenant, user, history)
        self._chance = random.Random(number)
        self.held: list[Held] = []

    def work(self, stop: threading.Event) -> None:
        """Live the lives of sessions until told to stop."""
        while not stop.is_set():
            held = self._client.create()
            if held is not None:
                self.held.append(held)
                self._live(held)
            if self.held:
                self._client.check(self._chance.choice(self.held))
            time.sleep(_PAUSE_SECONDS)

    def _live(self, held: Held) -> None:
        client = self._client
        client.validate(held)
        client.touch(held)
        for _ in range(self._chance.randrange(3)):
            client.refresh(held)
            client.validate(held)
        if self._chance.random() < 0.6:
            client.revoke(held)
            client.validate(held)
            client.refresh(held)
            client.touch(held)
        if self._chance.random() < 0.3:
            client.list()

    def audit(self) -> None:
        """Look at every session that was acknowledged, again and again until there is an answer; use its last token."""
        deadline = time.monotonic() + _AUDIT_SECONDS
        for held in self.held:
            while not (says := self._client.check(held)) and time.monotonic() < deadline:
                time.sleep(0.1)
            if says == "active":
                self._client.refresh(held)
            self._client.validate(held)

    def close(self) -> None:
        """Hang up."""
        self._client.close()
