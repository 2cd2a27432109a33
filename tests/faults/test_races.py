"""Requests that meet in one session, hundreds of times, on two workers."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from tests.faults.clients import Held, RecordingClient
from tests.faults.history import History
from tests.faults.services import Service
from tests.faults.verdicts import judge

Serve = Callable[..., Service]
RACERS = 4
ROUNDS = 300


def race(port: int, history: History, steps: Callable[[RecordingClient, int, Held], None]) -> list[Held]:
    """In each round a fresh session, and every racer's step at the same moment; the sessions."""
    clients = [RecordingClient(port, "acme", "usr_abc123", history) for _ in range(RACERS)]
    held: list[Held] = []
    start = threading.Barrier(RACERS)

    def one(number: int, session: Held) -> None:
        start.wait(30)
        steps(clients[number], number, replace(session))

    with ThreadPoolExecutor(RACERS) as pool:
        for _ in range(ROUNDS):
            session = clients[0].create()
            assert session is not None
            held.append(session)
            list(pool.map(one, range(RACERS), [session] * RACERS))
    for client in clients:
        client.close()
    return held


def look_at_each(port: int, history: History, held: list[Held]) -> list[str]:
    """What every session has become."""
    history.healed_at = time.monotonic()
    client = RecordingClient(port, "acme", "usr_abc123", history)
    statuses = [client.check(session) for session in held]
    client.close()
    return statuses


def broken(history: History, *kinds: str) -> list[str]:
    verdict = judge(history)
    return [sentence for kind in kinds for sentence in verdict.broken[kind]]


def test_one_token_shown_many_times_at_once_has_one_successor(serve: Serve, database_url: str) -> None:
    service, history = serve(database_url), History()

    held = race(service.port, history, lambda client, _, session: client.refresh(session))
    statuses = look_at_each(service.port, history, held)

    refreshes = [call for call in history.calls if call.action == "refresh"]
    assert {call.status for call in refreshes} == {200}
    assert len(refreshes) == RACERS * ROUNDS
    assert len({(call.spent, call.gained) for call in refreshes}) == ROUNDS
    assert set(statuses) == {"active"}
    assert broken(history, "lost", "forked", "wrongly refused") == []
    print(f"{len(refreshes)} refreshes of {ROUNDS} tokens: {ROUNDS} successors, nobody signed out")


def test_once_a_revocation_is_acknowledged_nothing_that_was_issued_is_good(serve: Serve, database_url: str) -> None:
    """Three refresh while one revokes. Whatever they were given is shown again after the acknowledgement."""
    service, history = serve(database_url), History()
    given: list[Held] = []

    def steps(client: RecordingClient, number: int, session: Held) -> None:
        if number == 0:
            client.revoke(session)
        else:
            client.refresh(session)
            given.append(session)

    held = race(service.port, history, steps)
    statuses = look_at_each(service.port, history, held)
    client = RecordingClient(service.port, "acme", "usr_abc123", history)
    for session in given:
        client.validate(session)
        client.refresh(session)
    client.close()

    raced = [call for call in history.calls if call.action == "refresh" and call.ended < history.healed_at]
    won = sum(call.outcome == "acknowledged" for call in raced)
    assert set(statuses) == {"revoked"}
    assert broken(history, "lost", "revived", "forked", "wrongly refused") == []
    assert 0 < won < len(raced), "the race was always decided the same way"
    print(f"{won} of {len(raced)} refreshes came before the revocation; nothing they gave was good after it")
