"""A replica that every COMMIT waits for, and that takes over."""

import os
import signal
import time
from collections.abc import Callable

import pytest

from tests.faults.clusters import replica, server, url_of_both
from tests.faults.conftest import Experiment
from tests.faults.load import Load
from tests.faults.services import Service
from tests.faults.verdicts import judge

Serve = Callable[..., Service]
GIVES_UP_SECONDS = 14
"""Seven times the busy time-out of `Service`."""


def test_the_replica_takes_over(serve: Serve, experiment: Experiment) -> None:
    """The primary dies in the middle of its work; two seconds later the replica is promoted. Nobody restarts ours."""
    with server() as primary:
        name = primary.create()
        with replica(of=primary) as copy:
            service = serve(url_of_both(primary, copy, name))

            def fail_over() -> None:
                primary.kill()
                time.sleep(2)
                copy.promote()

            experiment("failover to a synchronous replica", service, fail_over)
            service.stop()


@pytest.mark.parametrize("seconds", [4, 18])
def test_the_replica_stands_still(serve: Serve, experiment: Experiment, seconds: int) -> None:
    """Nothing reaches the replica: no COMMIT is acknowledged meanwhile, and who has waited too long is refused."""
    with server() as primary:
        name = primary.create()
        with replica(of=primary) as copy:
            service = serve(primary.url(name))

            def stand_still() -> None:
                receiver = copy.receiver()
                os.kill(receiver, signal.SIGSTOP)
                time.sleep(seconds)
                os.kill(receiver, signal.SIGCONT)

            verdict = experiment(f"synchronous replica stopped for {seconds} s", service, stand_still)
            assert verdict.refused > 0 or seconds < GIVES_UP_SECONDS
            service.stop()


def test_without_synchronous_replication_writes_are_lost_and_the_judge_finds_it(serve: Serve) -> None:
    """The counter-example: the replica lags by a second. It shows that the runs above could have failed."""
    with server() as primary:
        name = primary.create()
        with replica(of=primary) as copy:
            primary.settle("synchronous_standby_names", "")
            service = serve(url_of_both(primary, copy, name))

            def fail_over() -> None:
                copy.settle("primary_conninfo", "")
                time.sleep(1)
                primary.kill()
                copy.promote()

            verdict = judge(Load(service.port).run(fail_over))
            service.stop()
    print(f"\nfailover to an asynchronous replica: {verdict.lost} promises broken")
    assert verdict.lost > 0
