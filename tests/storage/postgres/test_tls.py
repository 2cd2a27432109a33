"""With `sslmode=verify-full` only the right server is spoken to; every other is refused in words, or with 503 later."""

import asyncio
import time

import pytest

from sojourn.domain.errors import Unavailable
from sojourn.storage.database import Database
from sojourn.storage.engines import Unreachable, with_open_database
from sojourn.storage.queries import sessions
from tests.certificates import WRONG, Certificate, Secured, name, right, secured
from tests.storage.conftest import T0, Store, new_session

__all__ = ["name", "secured"]

EACH_WRONG = pytest.mark.parametrize(("certificate", "words"), WRONG)


async def look(database: Database) -> bool:
    return await database.is_reachable()


def end_connections(secured: Secured, name: str) -> None:
    """End every connection to a database, and wait until they are gone."""
    secured.command(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
    deadline = time.monotonic() + 60
    while secured.command(f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}'") != [(0,)]:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_right_certificate_is_accepted(secured: Secured, name: str) -> None:
    assert asyncio.run(with_open_database(secured.verified(name), look))
    [(encrypted,)] = secured.command("SELECT count(*) FROM pg_stat_ssl WHERE ssl")
    assert encrypted == 0, "all of them are closed"


@EACH_WRONG
def test_a_server_with_a_wrong_certificate_is_refused_at_the_start_and_the_words_say_why(
    secured: Secured, name: str, certificate: Certificate, words: str
) -> None:
    secured.show(certificate(secured))

    with pytest.raises(Unreachable, match=words):
        asyncio.run(with_open_database(secured.verified(name), look))


@EACH_WRONG
def test_a_certificate_that_is_wrong_later_is_unavailable_until_it_is_right_and_the_log_says_why(
    secured: Secured, name: str, certificate: Certificate, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store(secured.verified(name))
    store.add(new_session())
    secured.show(certificate(secured))
    end_connections(secured, name)
    for _ in range(2):
        with pytest.raises(Unavailable):
            store.add(new_session())
        with pytest.raises(Unavailable):
            store.read(lambda unit: sessions.count_active_of_user(unit, "ann", now=T0))
    lines = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert lines
    assert all(line.startswith("the certificate of PostgreSQL is refused ") and words in line for line in lines)

    secured.show(right(secured))
    store.add(new_session())
    store.close()


def test_a_certificate_that_was_renewed_is_accepted_by_each_new_connection(secured: Secured, name: str) -> None:
    """Those that are open stay: nobody is refused for a renewal."""
    store = Store(secured.verified(name))
    store.add(new_session())
    secured.show(right(secured))
    store.add(new_session())
    end_connections(secured, name)
    store.add(new_session())
    assert store.read(lambda unit: sessions.count_active_of_user(unit, "ann", now=T0)) == 3
    store.close()
