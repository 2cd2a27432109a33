"""What a handler does inside its unit of work changes nothing outside, so it may run twice.

Each operation that may write is asked three times: once so that later answers find the same state, once undisturbed,
once with every transaction undone at its first attempt. The last two must have changed the same.
"""

import pytest

from sojourn.conformance.contract import Operation
from tests.strictness import requests
from tests.strictness.requests import valid_request
from tests.twice.conftest import REFRESHES_A_MINUTE, OnPostgres, OnSqlite, Outcome, Watched
from tests.twice.interruptions import COUNTED, WAYS

OPERATIONS = {operation.id: operation for operation in requests.OPERATIONS if operation.method != "GET"}
WRITES_AFTER_ITS_ANSWER = {"touch_session", "touch_session_as_service"}
"""What these write may wait, so that a full disk is nothing to their answer."""


def is_safe(operation: Operation) -> bool:
    return bool(operation.definition.get("x-safe", False))


def settled_request(operation: Operation, server: Watched) -> requests.Raw:
    """A request that succeeds, once nothing is left to be written of what it needs."""
    request = valid_request(operation, server.credentials, server.fresh(operation.id))
    server.settled()
    return request


def undisturbed(operation: Operation, server: OnPostgres, place: str) -> tuple[Outcome, int]:
    """What an operation does when nothing is in its way, and its transactions that come to `place`; asked once."""
    if (operation.id, place) not in server.undisturbed:
        server.ask(settled_request(operation, server))
        request = settled_request(operation, server)
        server.interrupts.begin(place, COUNTED)
        server.undisturbed[operation.id, place] = server.ask(request), server.interrupts.end()
    return server.undisturbed[operation.id, place]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", OPERATIONS)
def test_work_that_postgresql_undoes_runs_again_as_if_it_ran_once(name: str, way: str, on_postgres: OnPostgres) -> None:
    operation, (place, what) = OPERATIONS[name], WAYS[way]
    expected, transactions = undisturbed(operation, on_postgres, place)

    request = settled_request(operation, on_postgres)
    on_postgres.interrupts.begin(place, what)
    found = on_postgres.ask(request)
    attempts = on_postgres.interrupts.end()

    assert found == expected
    assert found.status == operation.success
    assert transactions > 0 or is_safe(operation)
    assert attempts == 2 * transactions


@pytest.mark.parametrize("name", OPERATIONS)
def test_work_whose_commit_failed_on_sqlite_has_left_nothing_and_may_be_asked_for_again(
    name: str, on_sqlite: OnSqlite
) -> None:
    operation = OPERATIONS[name]
    on_sqlite.ask(settled_request(operation, on_sqlite))
    expected = on_sqlite.ask(settled_request(operation, on_sqlite))

    request = settled_request(operation, on_sqlite)
    with on_sqlite.full_disk():
        refused = on_sqlite.ask(request)

    assert expected.status == operation.success
    assert refused.changes == {}
    if is_safe(operation) or name in WRITES_AFTER_ITS_ANSWER:
        assert refused.status == operation.success
    else:
        assert (refused.status, refused.events) == (503, {})
        assert on_sqlite.ask(request) == expected


def test_an_attempt_that_is_undone_is_not_charged_against_the_limit_of_refreshes(on_postgres: OnPostgres) -> None:
    operation, known, answers = OPERATIONS["refresh_tokens"], on_postgres.fresh(), []
    on_postgres.settled()
    on_postgres.interrupts.begin(*WAYS["a deadlock found at the commit"])
    while len(answers) <= 2 * REFRESHES_A_MINUTE and 429 not in answers:  # two minutes may be touched
        reply = requests.exchange(on_postgres.server.port, valid_request(operation, on_postgres.credentials, known))
        answers.append(reply.status)
        known |= {"refresh_token": reply.json.get("refresh_token")}
    attempts = on_postgres.interrupts.end()

    assert answers[:-1] == [200] * (len(answers) - 1)
    assert answers[-1] == 429
    assert len(answers) > REFRESHES_A_MINUTE
    assert attempts >= 2 * (len(answers) - 1)
