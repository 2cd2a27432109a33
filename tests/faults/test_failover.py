"""A replica that every COMMIT waits for, and that takes over."""

import os
import signal
import time
from collections.abc import Callable

from tests.faults.clusters import replica, server, url_of_both
from tests.faults.conftest import Experiment
from tests.faults.services import Service

Serve = Callable[..., Service]


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


def test_the_replica_stands_still(serve: Serve, experiment: Experiment) -> None:
    """For four seconds nothing reaches the replica: no COMMIT is acknowledged meanwhile, and then all are."""
    with server() as primary:
        name = primary.create()
        with replica(of=primary) as copy:
            service = serve(primary.url(name))

            def stand_still() -> None:
                receiver = copy.receiver()
                os.kill(receiver, signal.SIGSTOP)
                time.sleep(4)
                os.kill(receiver, signal.SIGCONT)

            experiment("synchronous replica stopped for 4 s", service, stand_still)
            service.stop()
