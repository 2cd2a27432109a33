"""The judge: what a history must not show, whatever happened to the service meanwhile.

A refusal or a missing answer is no offence; a broken promise is. An unknown outcome may have happened or not, but what
was seen of it once must stay so.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from tests.faults.history import Call, History

WRITES = ("create", "touch", "refresh", "revoke")
_UNAVAILABLE = 503


@dataclass(frozen=True, slots=True)
class Verdict:
    """The sums of a history, and a sentence for each broken promise, by kind.

    That what was ended is refused is no refusal: `refused` counts what might have been served.
    """

    acknowledged: int
    refused: int
    unknown: int
    longest_gap: float
    broken: dict[str, list[str]]

    @property
    def lost(self) -> int:
        """How many promises about sessions were broken."""
        return sum(len(self.broken[kind]) for kind in ("lost", "revived", "leaked"))


def judge(history: History, recovery_seconds: float = 15) -> Verdict:
    """Hold a history against every promise. `recovery_seconds` is how soon writes must work after the fault."""
    calls = sorted(history.calls, key=lambda call: call.started)
    of_session = _by_session(calls)
    return Verdict(
        acknowledged=sum(call.outcome == "acknowledged" for call in calls),
        refused=sum(call.outcome == "refused" and not _says_ended(call) for call in calls),
        unknown=sum(call.outcome == "unknown" for call in calls),
        longest_gap=_longest_gap(calls),
        broken={
            "lost": _each(of_session, _lost),
            "revived": _each(of_session, _revived),
            "leaked": list(_leaked(calls)),
            "forked": list(_forked(calls)),
            "no problem document": [f"{call} is refused without one" for call in calls if _is_no_problem(call)],
            "wrongly refused": _each(of_session, _wrongly_refused),
            "not recovered": list(_not_recovered(calls, history.healed_at, recovery_seconds)),
            "not looked at": _each(of_session, lambda own: _unseen(own, history.healed_at)),
        },
    )


def _by_session(calls: list[Call]) -> dict[str | None, list[Call]]:
    found: dict[str | None, list[Call]] = defaultdict(list)
    for call in calls:
        found[call.session].append(call)
    return found


def _each(of_session: dict[str | None, list[Call]], rule: Callable[[list[Call]], Iterator[str]]) -> list[str]:
    return [sentence for own in of_session.values() for sentence in rule(own)]


def _end_was_asked(own: list[Call], before: float) -> bool:
    """Whether somebody had begun to revoke the session: from then on it may be found ended."""
    return any(call.action == "revoke" and call.started < before for call in own)


def _created_at(own: list[Call]) -> float | None:
    """When the creation of a session was acknowledged."""
    return next((call.ended for call in own if call.action == "create" and call.outcome == "acknowledged"), None)


def _lost(own: list[Call]) -> Iterator[str]:
    """An acknowledged session is there; nobody ended it who was not asked to; its last refresh token is good."""
    created = _created_at(own)
    if created is None:
        return
    for call in own:
        if call.started < created:
            continue
        if call.action == "check" and call.says not in ("", "active", "revoked"):
            yield f"{call.session} was acknowledged, and is {call.says}"
        elif _says_ended(call) and not _end_was_asked(own, call.ended):
            yield f"{call.session} has ended ({call.action} told {call.status} {call.says}), and nobody asked for it"


def _says_ended(call: Call) -> bool:
    if call.action == "check":
        return call.says == "revoked"
    return call.action in ("touch", "refresh") and call.status in (401, 404)


def _revived(own: list[Call]) -> Iterator[str]:
    """What ended, by an acknowledgement or by what anybody saw, is never good for a call that started later."""
    ends = [
        call.ended
        for call in own
        if (call.action == "revoke" and call.outcome == "acknowledged")
        or (call.action == "check" and _says_ended(call))
    ]
    if not ends:
        return
    for call in own:
        if call.started < min(ends) or call.outcome != "acknowledged":
            continue
        if call.action in ("touch", "refresh") or call.says == "active":
            yield f"{call.session} was revoked, and a later {call.action} found it good"


def _leaked(calls: list[Call]) -> Iterator[str]:
    """No list shows another tenant's session, under whatever tenant's name."""
    owners = {call.session: call.tenant for call in calls if call.action == "create" and call.outcome == "acknowledged"}
    for call in calls:
        for tenant, session in call.rows:
            if tenant != call.tenant or owners.get(session, call.tenant) != call.tenant:
                yield f"{call.tenant} was shown {session} of {owners.get(session, tenant)}"


def _forked(calls: list[Call]) -> Iterator[str]:
    """A refresh token has one successor, however often it is shown."""
    successors: dict[str, str] = {}
    for call in calls:
        if call.action == "refresh" and call.outcome == "acknowledged":
            first = successors.setdefault(call.spent, call.gained)
            if first != call.gained:
                yield f"a refresh token of {call.session} has two successors"


def _is_no_problem(call: Call) -> bool:
    return call.outcome == "refused" and not call.problem


def _wrongly_refused(own: list[Call]) -> Iterator[str]:
    """A good request is refused with 503 only. (404 and 401 about what was ended are `_lost`'s to judge.)"""
    for call in own:
        if call.outcome == "refused" and call.status != _UNAVAILABLE and not _says_ended(call):
            yield f"{call.action} of {call.session} was answered {call.status}"


def _not_recovered(calls: list[Call], healed_at: float, recovery_seconds: float) -> Iterator[str]:
    """Soon after the fault each kind of write is acknowledged again."""
    for action in WRITES:
        ends = [call.ended for call in calls if call.action == action and call.outcome == "acknowledged"]
        after = [end for end in ends if end >= healed_at]
        if not after or min(after) > healed_at + recovery_seconds:
            yield f"no {action} within {recovery_seconds} s of the end of the fault"


def _unseen(own: list[Call], healed_at: float) -> Iterator[str]:
    """Every acknowledged session was looked at after the fault, else nobody can say that it was kept."""
    created = _created_at(own)
    if created is None:
        return
    if not any(call.action == "check" and call.outcome == "acknowledged" and call.started > healed_at for call in own):
        yield f"{own[0].session} was acknowledged, and never looked at after the fault"


def _longest_gap(calls: list[Call]) -> float:
    """The longest time, in seconds, in which nobody was acknowledged anything."""
    ends = sorted(call.ended for call in calls if call.outcome == "acknowledged")
    return max((later - earlier for earlier, later in pairwise(ends)), default=0.0)
