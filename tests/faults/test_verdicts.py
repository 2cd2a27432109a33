"""The judge finds what it is there to find: forged histories, each with one broken promise."""

from dataclasses import replace
from typing import Any

import pytest

from tests.faults.history import Call, History
from tests.faults.verdicts import judge

A, B = "sess_a", "sess_b"


def call(action: Any, at: float, session: str | None = A, **facts: Any) -> Call:
    """An acknowledged call that took a tenth of a second."""
    given = {"tenant": "acme", "outcome": "acknowledged", "status": 200, "ended": at + 0.1, **facts}
    return Call(action=action, session=session, started=at, **given)


GOOD = [
    call("create", 1),
    call("create", 2, B, tenant="globex"),
    call("list", 3, None, rows=(("acme", A),)),
    call("touch", 4),
    call("refresh", 5, spent="one", gained="two"),
    call("refresh", 6, spent="one", gained="two"),
    call("check", 7, says="active"),
    call("create", 8, None, outcome="unknown", status=0),
    call("create", 9, None, outcome="refused", status=503, problem=True),
    # the fault is over at 10
    call("create", 11, "sess_c"),
    call("refresh", 12, spent="two", gained="three"),
    call("touch", 12.5),
    call("revoke", 13),
    call("check", 14, says="revoked"),
    call("touch", 14.5, outcome="refused", status=404, problem=True),
    call("check", 15, B, tenant="globex", says="active"),
    call("check", 16, "sess_c", says="active"),
]


def broken(*more: Call, without: tuple[int, ...] = ()) -> list[str]:
    """The kinds of promises that the good history breaks with these calls added."""
    kept = [one for number, one in enumerate(GOOD) if number not in without]
    verdict = judge(History([*kept, *more], healed_at=10), recovery_seconds=5)
    return [kind for kind, sentences in verdict.broken.items() if sentences]


def test_a_history_without_fault_breaks_nothing_and_is_summed_up() -> None:
    verdict = judge(History(list(GOOD), healed_at=10))

    assert not any(verdict.broken.values()), verdict.broken
    assert (verdict.acknowledged, verdict.refused, verdict.unknown, verdict.lost) == (14, 1, 1, 0)
    assert verdict.longest_gap == pytest.approx(4)


@pytest.mark.parametrize("says", ["absent", "expired"])
def test_an_acknowledged_session_that_is_gone_is_lost(says: str) -> None:
    assert broken(call("check", 17, B, tenant="globex", says=says)) == ["lost"]


@pytest.mark.parametrize(
    "told",
    [
        call("check", 17, B, says="revoked"),
        call("refresh", 17, B, outcome="refused", status=401, problem=True),
        call("touch", 17, B, outcome="refused", status=404, problem=True),
    ],
)
def test_a_session_that_ended_by_itself_is_lost(told: Call) -> None:
    assert broken(told) == ["lost"]


@pytest.mark.parametrize(
    "told",
    [
        call("check", 17, says="active"),
        call("refresh", 17, spent="three", gained="four"),
        call("touch", 17),
    ],
)
def test_a_revoked_session_that_is_good_again_is_revived(told: Call) -> None:
    assert broken(told) == ["revived"]


def test_what_started_before_the_acknowledgement_may_still_find_it_good() -> None:
    assert broken(call("check", 13.05, says="active", ended=13.2)) == []


def test_a_revocation_of_unknown_outcome_that_was_seen_once_must_stay() -> None:
    unknown = call("revoke", 17, B, outcome="unknown", status=0)
    seen, unseen = call("check", 18, B, says="revoked"), call("check", 19, B, says="active")

    assert broken(unknown, unseen) == []
    assert broken(unknown, seen) == []
    assert broken(unknown, seen, unseen) == ["revived"]


@pytest.mark.parametrize("row", [("globex", B), ("acme", B), ("globex", "sess_never_heard_of")])
def test_another_tenants_session_in_a_list_is_leaked(row: tuple[str, str]) -> None:
    assert broken(call("list", 17, None, rows=(("acme", A), row))) == ["leaked"]


def test_two_successors_of_one_refresh_token_are_a_fork() -> None:
    assert broken(call("refresh", 12, spent="two", gained="another")) == ["forked"]


def test_a_refusal_without_a_problem_document_is_found() -> None:
    assert broken(replace(GOOD[8], problem=False)) == ["no problem document"]


@pytest.mark.parametrize("status", [400, 404, 409, 500])
def test_a_good_request_that_is_refused_with_anything_but_503_is_found(status: int) -> None:
    assert broken(call("create", 17, None, outcome="refused", status=status, problem=True)) == ["wrongly refused"]


@pytest.mark.parametrize("number", [9, 10, 11, 12])
def test_a_kind_of_write_that_does_not_come_back_is_found(number: int) -> None:
    found = broken(without=(number,))

    assert "not recovered" in found


def test_a_write_that_comes_back_late_is_found() -> None:
    assert "not recovered" in broken(replace(GOOD[9], started=16, ended=16.5), without=(9, 16))


def test_a_session_that_nobody_looked_at_afterwards_is_found() -> None:
    assert broken(without=(15,)) == ["not looked at"]
