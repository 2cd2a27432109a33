"""TLS to PostgreSQL with `sslmode=verify-full`: certificates that become wrong, and those that are renewed."""

import os
import signal
import time
from collections.abc import Callable

import pytest

from tests.certificates import WRONG, Certificate, Secured, expired, name, right, secured
from tests.faults.conftest import Experiment
from tests.faults.services import Service
from tests.faults.test_postgresql import status_of

__all__ = ["name", "secured"]
Serve = Callable[..., Service]


@pytest.mark.parametrize(("certificate", "words"), WRONG)
def test_the_certificate_is_wrong_for_a_while(
    serve: Serve, secured: Secured, name: str, experiment: Experiment, certificate: Certificate, words: str
) -> None:
    """Connections end meanwhile, and no new one is made: requests are refused, and the log says why."""
    service = serve(secured.verified(name))

    def show_it() -> None:
        secured.show(certificate(secured))
        secured.command(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        time.sleep(4)
        secured.show(right(secured))

    kind = certificate.__name__.replace("_", " ")
    verdict = experiment(f"PostgreSQL's certificate is {kind} for 4 s", service, show_it)

    assert verdict.refused > 0
    assert f"the certificate of PostgreSQL is refused until an operator helps: {words}" in told(service)


def test_workers_that_start_while_the_certificate_is_wrong_wait_for_the_right_one(
    serve: Serve, secured: Secured, name: str, experiment: Experiment
) -> None:
    """They live, refuse, and recover with it."""
    service = serve(secured.verified(name))

    def kill_meanwhile() -> None:
        secured.show(expired(secured))
        service.kill_workers()
        assert status_of(service, "/health/live") == 200
        assert status_of(service, "/health/ready") == 503
        secured.show(right(secured))

    verdict = experiment("all workers killed while PostgreSQL's certificate is expired", service, kill_meanwhile)

    assert verdict.refused > 0


def test_the_certificate_is_renewed_while_the_service_runs(
    serve: Serve, secured: Secured, name: str, experiment: Experiment
) -> None:
    """Open connections stay; workers that are replaced find the new one. Nobody is refused."""
    service = serve(secured.verified(name), SOJOURN_DRAIN_TIME="1s")

    def renew() -> None:
        for worker in service.workers():
            secured.show(right(secured))
            begun = service.starts()
            os.kill(worker, signal.SIGTERM)
            service.wait_for_starts(begun + 1)

    verdict = experiment("PostgreSQL's certificate renewed, workers replaced one by one", service, renew)

    assert (verdict.refused, verdict.unknown) == (0, 0)


def told(service: Service) -> str:
    """The service's log, without what the library of TLS writes before its words."""
    return service.log.read_text().replace("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: ", "")
