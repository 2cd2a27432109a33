"""Workers that die, and workers that stand still."""

import os
import signal
import time
from collections.abc import Callable

from tests.faults.conftest import Experiment
from tests.faults.services import Service


def test_workers_are_killed(serve: Callable[..., Service], database_url: str, experiment: Experiment) -> None:
    """SIGKILL to one worker after the other; the one that is left serves on, the supervisor replaces the dead."""
    service = serve(database_url)

    def kill_each() -> None:
        for victim in service.workers():
            before = service.starts()
            os.kill(victim, signal.SIGKILL)
            service.wait_for_starts(before + 1)

    experiment("worker killed (SIGKILL)", service, kill_each)


def test_all_workers_are_killed_at_once(
    serve: Callable[..., Service], database_url: str, experiment: Experiment
) -> None:
    """SIGKILL to both: nobody serves until the supervisor has replaced them."""
    service = serve(database_url)

    verdict = experiment("all workers killed (SIGKILL)", service, service.kill_workers)
    assert verdict.unknown > 0


def test_a_worker_stands_still_and_goes_on(
    serve: Callable[..., Service], database_url: str, experiment: Experiment
) -> None:
    """SIGSTOP for three seconds: shorter than the supervisor's patience, so the worker goes on where it stood."""
    service = serve(database_url)
    victim = service.workers()[0]

    def stop_and_continue() -> None:
        os.kill(victim, signal.SIGSTOP)
        time.sleep(3)
        os.kill(victim, signal.SIGCONT)

    experiment("worker stopped 3 s (SIGSTOP, SIGCONT)", service, stop_and_continue)
    assert victim in service.workers()


def test_a_worker_that_stands_still_too_long_is_replaced(
    serve: Callable[..., Service], database_url: str, experiment: Experiment
) -> None:
    """SIGSTOP for good: the supervisor kills it and starts another."""
    service = serve(database_url)
    victim = service.workers()[0]

    def stop() -> None:
        before = service.starts()
        os.kill(victim, signal.SIGSTOP)
        service.wait_for_starts(before + 1)

    experiment("worker stopped for good (SIGSTOP)", service, stop)
