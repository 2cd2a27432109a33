"""What only an operator can put right is refused as unavailable, and the log says what to do."""

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from sojourn.domain.clock import from_text
from sojourn.domain.errors import Unavailable
from sojourn.storage.queries import sessions, statistics
from sojourn.storage.upkeep.housekeeping import run_housekeeping
from tests.postgres import ROLE, Cluster
from tests.storage.conftest import T0, T2, Store, new_session


@pytest.fixture
def engine() -> str:
    return "postgresql"


END_CONNECTIONS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}' AND pid <> pg_backend_pid()"
)
Superuser = Callable[[str], list[tuple[str, ...]]]


@pytest.fixture
def superuser(store: Store, cluster: Cluster) -> Superuser:
    """Runs a statement in the store's database as somebody who may."""
    return lambda sql: cluster.command(sql, name_of(store))


def name_of(store: Store) -> str:
    """The name of the store's database."""
    return store.url.partition("@/")[2].partition("?")[0]


@contextmanager
def meanwhile(superuser: Superuser, take: str, give: str) -> Iterator[None]:
    """`take` is in force inside, `give` after it."""
    superuser(take)
    try:
        yield
    finally:
        superuser(give)


def create(store: Store) -> None:
    store.add(new_session())


def read(store: Store) -> None:
    store.read(lambda unit: sessions.count_active_of_user(unit, "ann", now=T0))


def use(store: Store) -> None:
    """Read, write and change rows of both tables that lose a grant."""
    create(store)
    store.write(lambda unit: statistics.settle(unit, T2, limit=10))
    read(store)
    store.read(lambda unit: statistics.session_stats(unit, T0))


@pytest.mark.parametrize("privilege", ["SELECT", "INSERT", "UPDATE"])
@pytest.mark.parametrize("table", ["sessions", "session_counters"])
def test_a_missing_grant_is_unavailable_and_the_log_names_it(
    store: Store, superuser: Superuser, caplog: pytest.LogCaptureFixture, privilege: str, table: str
) -> None:
    with (
        meanwhile(superuser, f"REVOKE {privilege} ON {table} FROM {ROLE}", f"GRANT {privilege} ON {table} TO {ROLE}"),
        pytest.raises(Unavailable),
    ):
        use(store)

    [line] = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert f"permission denied for table {table}" in line
    assert f"GRANT {privilege} ON {table} TO {ROLE}" in line
    assert line.count("GRANT") == 1
    create(store)


@pytest.mark.parametrize(
    ("take", "give", "words"),
    [
        pytest.param(
            "REVOKE USAGE ON SCHEMA public FROM PUBLIC, pg_database_owner",
            "GRANT USAGE ON SCHEMA public TO PUBLIC, pg_database_owner",
            rf'relation "\w+" does not exist; .*GRANT USAGE ON SCHEMA public TO {ROLE}',
            id="schema",
        ),
        pytest.param(
            "ALTER TABLE sessions RENAME TO away",
            "ALTER TABLE away RENAME TO sessions",
            r'relation "sessions" does not exist$',
            id="table",
        ),
    ],
)
def test_a_table_out_of_the_way_is_unavailable_and_comes_back(
    store: Store, superuser: Superuser, caplog: pytest.LogCaptureFixture, take: str, give: str, words: str
) -> None:
    create(store)
    with meanwhile(superuser, take, give):
        superuser(END_CONNECTIONS.format(name=name_of(store)))  # prepared statements know the table without its name
        for ask in (create, read):
            with pytest.raises(Unavailable):
                ask(store)
    create(store)
    read(store)

    lines = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert any(re.search(words, line) for line in lines), lines


@pytest.mark.parametrize(
    ("take", "give"),
    [
        pytest.param(f"ALTER ROLE {ROLE} NOLOGIN", f"ALTER ROLE {ROLE} LOGIN", id="role"),
        pytest.param(
            "ALTER DATABASE {name} ALLOW_CONNECTIONS false", "ALTER DATABASE {name} ALLOW_CONNECTIONS true", id="closed"
        ),
        pytest.param("ALTER DATABASE {name} RENAME TO away", "ALTER DATABASE away RENAME TO {name}", id="renamed"),
    ],
)
def test_a_connection_that_an_operator_forbids_is_unavailable(
    store: Store, cluster: Cluster, caplog: pytest.LogCaptureFixture, take: str, give: str
) -> None:
    create(store)
    name = name_of(store)
    end = END_CONNECTIONS.format(name=name)
    cluster.command(end)
    cluster.command(take.format(name=name))
    try:
        cluster.command(end)
        for ask in (create, read):
            with pytest.raises(Unavailable):
                ask(store)
    finally:
        cluster.command(give.format(name=name))
    create(store)
    read(store)

    assert any(record.levelno == logging.ERROR for record in caplog.records)


RETENTION = timedelta(days=30)


def housekeeping_round(store: Store, weeks: int) -> int:
    """A round of housekeeping so many weeks after the sessions of the store; how many it purged."""
    now = from_text(T0) + timedelta(weeks=weeks)
    done = store.run(run_housekeeping(store.database, "one", now=now, retention=RETENTION))
    assert done is not None
    return done.purged


def test_housekeeping_without_a_grant_is_unavailable_and_goes_on_with_it(
    store: Store, superuser: Superuser, caplog: pytest.LogCaptureFixture
) -> None:
    create(store)
    take, give = f"REVOKE UPDATE ON leases FROM {ROLE}", f"GRANT UPDATE ON leases TO {ROLE}"
    with meanwhile(superuser, take, give), pytest.raises(Unavailable):
        housekeeping_round(store, 30)

    assert f"GRANT UPDATE ON leases TO {ROLE}" in caplog.text
    assert housekeeping_round(store, 30) == 3


def test_a_role_that_does_not_own_the_tables_purges_by_row(
    store: Store, superuser: Superuser, caplog: pytest.LogCaptureFixture
) -> None:
    week = from_text(T0) + timedelta(weeks=1)
    store.run(store.database.create_partitions(week, week))
    create(store)
    for (table,) in superuser("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
        superuser(f"ALTER TABLE {table} OWNER TO postgres")
    superuser(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {ROLE}")
    with caplog.at_level(logging.WARNING):
        assert housekeeping_round(store, 30) == 3

    assert "run the server as the owner of the tables" in caplog.text


def test_a_refusal_is_logged_once_and_not_with_every_request(
    store: Store, superuser: Superuser, caplog: pytest.LogCaptureFixture
) -> None:
    with meanwhile(superuser, f"REVOKE INSERT ON sessions FROM {ROLE}", f"GRANT INSERT ON sessions TO {ROLE}"):
        for _ in range(20):
            with pytest.raises(Unavailable):
                create(store)

    assert sum(record.levelno == logging.ERROR for record in caplog.records) == 1
