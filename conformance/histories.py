"""Rules for a whole run: every response says the same about a session, device or token, and nothing is undone.

Nothing here sends a request: the responses of the run are compared, in whatever order they came.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from sojourn.conformance.instants import instant
from sojourn.conformance.laws import asked_of, document_of, instants_of_now, is_success, name_of, objects
from sojourn.conformance.traffic import Exchange

CLOCK_SLACK = timedelta(seconds=0.5)
"""How far apart two clocks of one service may be."""
_OF_A_SESSION = ("tenant_id", "user_id", "created_at", "expires_at", "device_id", "device_type", "ip", "user_agent")
_END = "expires_at"
_GENERATED = "FUZ"
"""The chapter in which another program makes requests that are not recorded."""
_OF_A_DEVICE = ("tenant_id", "user_id", "device_fingerprint", "created_at")
_OF_A_TOKEN = ("user_id", "token_type", "created_at", "ip", "user_agent")
"""Not `expires_at`: it moves with the idle deadline of the session, and has a law of its own."""
_OF_AN_ENTRY = ("user_id", "created_at", "token_hash", "expires_at", "reason")
KINDS = {"sess_": _OF_A_SESSION, "dev_": _OF_A_DEVICE, "tok_": _OF_A_TOKEN, "bl_": _OF_AN_ENTRY}
_ROW = {"created_at": "created_at", "expires_at": "expires_at", "ip_address": "ip", "user_agent": "user_agent"}
"""Members of a row of the list of all sessions, and what they are called elsewhere."""
ENDED = ("revoked", "expired")
ERASED = "erased"
"""Who a refused token belonged to, once that user was erased."""


@dataclass(frozen=True, slots=True)
class View:
    """What one answer told of one thing."""

    told_by: str
    exchange: Exchange
    members: dict[str, Any]


def views(traffic: Iterable[Exchange]) -> dict[str, list[View]]:
    """What was told of each thing, by its id, in the order of the answers."""
    found: dict[str, list[View]] = {}
    for exchange in traffic:
        if not is_success(exchange) or exchange.operation is None or exchange.operation.scheme is None:
            continue  # what is public tells of examples
        for told in objects(document_of(exchange)):
            for key, members in _seen(told):
                found.setdefault(key, []).append(View(name_of(exchange), exchange, members))
    return found


def _seen(told: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    key = told.get("id")
    if isinstance(key, str) and key.startswith(tuple(KINDS)) and "created_at" in told:
        yield key, told
    elif {"session_id", "auth_method", "username"} <= set(told):
        row = {other: told[name] for name, other in _ROW.items() if told.get(name)}
        if told["auth_method"] != "unknown":
            row["amr"] = told["auth_method"]
        yield (
            f"sess_{told['session_id']}",
            {**row, "last_active_at": told["last_activity"], "status": "active", "row": True},
        )


def what_does_not_change(traffic: Iterable[Exchange]) -> Iterator[str]:
    """Members that no operation changes differ between two answers, or are missing in one.

    Where a policy set an absolute time-out, `expires_at` of sessions may have become an earlier instant.
    """
    exchanges = list(traffic)
    is_any_shortened = any(_shortens(exchange) for exchange in exchanges)
    for key, seen in views(exchanges).items():
        names = next(names for prefix, names in KINDS.items() if key.startswith(prefix))
        if is_any_shortened and names is _OF_A_SESSION:
            yield from (f"{_END} of {key[:13]}… {moved}" for moved in _later(seen))
            names = tuple(name for name in names if name != _END)
        for name in names:
            told = (view for view in seen if name in view.members and view.members[name] != ERASED)
            values = {str(view.members[name]): view.told_by for view in told}
            if len(values) > 1:
                said = "; ".join(f"{value!r} in {by}" for value, by in values.items())
                yield f"{name} of {key[:13]}… is {said}"
            silent = [view.told_by for view in seen if name not in view.members and _tells(view, name)]
            if values and silent:
                yield f"{name} of {key[:13]}… is told by {next(iter(values.values()))} and not by {silent[0]}"


def _shortens(exchange: Exchange) -> bool:
    """Whether a policy was set that may shorten the lives of sessions."""
    return (
        is_success(exchange)
        and name_of(exchange) == "set_session_policy"
        and "absolute_timeout" in document_of(exchange)
    )


def _later(seen: list[View]) -> Iterator[str]:
    """An end that is later than it was in an answer that had arrived before."""
    told = [(view, str(view.members[_END])) for view in seen if _END in view.members]
    for earlier, before in told:
        for view, end in told:
            if end > before and view.exchange.sent > earlier.exchange.received:
                yield f"was {before!r} in {earlier.told_by}, and is {end!r} in {view.told_by}"
                return


def _tells(view: View, name: str) -> bool:
    """Whether a view has a place for a member: a row of the list of all sessions has few, all of them required.

    Whoever asked for some fields is told those.
    """
    if any(asked == "fields" for asked, _ in view.exchange.request.query):
        return False
    return "row" not in view.members or name in _ROW.values()


def what_does_not_go_back(traffic: Iterable[Exchange]) -> Iterator[str]:
    """A session that was over when a request was sent is active in its answer, or its last use is an earlier one."""
    for key, seen in views(traffic).items():
        if not key.startswith("sess_"):
            continue
        over: datetime | None = None
        used, used_at = "", seen[0].exchange.received
        for view in seen:
            sent = view.exchange.sent
            status, last = view.members.get("status"), str(view.members.get("last_active_at", ""))
            if status == "active" and over is not None and sent > over:
                yield f"{key[:13]}… was over and is active in {view.told_by}"
            if status in ENDED and over is None:
                over = view.exchange.received
            if used and last < used and sent > used_at:
                yield f"{key[:13]}… was last used at {used}, and in {view.told_by} at {last}"
            if last > used:
                used, used_at = last, view.exchange.received


def when_it_was_said(traffic: Iterable[Exchange]) -> Iterator[str]:
    """An instant of now is not between the request and the answer, however the two clocks differ.

    The difference of the clocks is what most instants agree about: it is taken from all of them together.
    """
    told = [
        (said + exact - exchange.sent, said - exchange.received, name, name_of(exchange))
        for exchange in traffic
        for name, said, exact in instants_of_now(exchange)
    ]
    if not told:
        return
    middles = sorted((latest + earliest) / 2 for latest, earliest, _, _ in told)
    offset = middles[len(middles) // 2]
    for latest, earliest, name, operation in told:
        if latest < offset - CLOCK_SLACK:
            yield f"{name} of {operation} is {(offset - latest).total_seconds():.1f} s before the request"
        elif earliest > offset + CLOCK_SLACK:
            yield f"{name} of {operation} is {(earliest - offset).total_seconds():.1f} s after the answer"
    if abs(offset) > timedelta(hours=1):
        yield f"the server's clock is {offset.total_seconds() / 3600:.1f} hours from ours"


PAST = (
    *("created_at", "authenticated_at", "last_active_at", "last_activity", "revoked_at", "last_used_at", "trusted_at"),
    *("verified_at", "occurred_at", "ended_at", "started_at", "finished_at", "disabled_at", "delivered_at"),
    *("first_seen_at", "last_seen_at", "as_of", "at"),
)
"""Members that say when something happened, or until when all that happened is told."""
DATE_SLACK = timedelta(minutes=1)
"""How old a `Date` may be: servers make it once a second at most, and later when they are busy."""


def what_has_happened(traffic: Iterable[Exchange]) -> Iterator[str]:
    """Something is told to have happened after the answer was made, by the answer's own `Date`."""
    for exchange in traffic:
        if not is_success(exchange) or exchange.operation is None or exchange.operation.scheme is None:
            continue
        date = exchange.reply.headers.get("date")
        if date is None:
            continue
        latest = parsedate_to_datetime(date) + DATE_SLACK
        for told in objects(document_of(exchange)):
            for name in PAST:
                try:
                    happened = instant(str(told[name]))
                except (KeyError, ValueError):
                    continue
                if happened > latest:
                    yield f"{name} of {name_of(exchange)} is {told[name]}, in an answer of {date}"


def how_versions_grow(traffic: Iterable[Exchange]) -> Iterator[str]:
    """A version went back, or by more than the changes that were made since it was told before.

    What was told before generated requests is not compared with what comes after: nobody records what those change.
    """
    told: dict[tuple[int, tuple[str, str]], list[tuple[Exchange, int]]] = {}
    changes: dict[tuple[str, str], list[Exchange]] = {}
    part = 0
    for exchange in traffic:
        part += exchange.chapter == _GENERATED
        if not is_success(exchange) or exchange.operation is None or not exchange.operation.roles:
            continue
        key = (exchange.request.path, asked_of(exchange).get("tenant_id", ""))
        if exchange.request.method != "GET":
            changes.setdefault(key, []).append(exchange)
        version = document_of(exchange).get("version")
        if isinstance(version, int):
            told.setdefault((part, key), []).append((exchange, version))
    for (_, key), seen in told.items():
        for exchange, version in seen:
            before = [(one.received, number, one) for one, number in seen if one.received < exchange.sent]
            if not before:
                continue
            _, known, last = max(before, key=lambda one: one[0])
            made = [one for one in changes.get(key, ()) if one is not last and one.received > last.sent]
            most = known + sum(one.sent < exchange.received for one in made)
            if not known <= version <= most:
                yield f"version of {name_of(exchange)} is {version}, was {known}, and there were {most - known} changes"


def what_names_an_exchange(traffic: Iterable[Exchange]) -> Iterator[str]:
    """A request id that was given does not come back, or one was minted twice."""
    seen: set[str] = set()
    for exchange in traffic:
        header = exchange.reply.headers.get("x-request-id")
        given = next((value for name, value in exchange.request.headers if name.lower() == "x-request-id"), None)
        if header is None or not exchange.reply.status:
            continue
        if given is not None and given.isalnum() and len(given) < 100:
            if given != header:
                yield f"{name_of(exchange)}: X-Request-ID {given!r} was answered with {header!r}"
        elif given is None and header in seen:
            yield f"{name_of(exchange)}: the request id {header!r} was minted before"
        seen.add(header)


def which_problem_it_is(traffic: Iterable[Exchange]) -> Iterator[str]:
    """A `type` of problem with two statuses, codes, or titles in one language (RFC 9457 section 3.1)."""
    seen: dict[tuple[str, str, str], Any] = {}
    for exchange in traffic:
        problem = document_of(exchange)
        if exchange.reply.status < 400 or not isinstance(problem.get("type"), str):
            continue
        language = exchange.reply.headers.get("content-language", "")
        for name in ("status", "code", "i18n_key", "title"):
            if name in problem:
                key = (problem["type"], name, language if name == "title" else "")
                if seen.setdefault(key, problem[name]) != problem[name]:
                    yield f"{name} of {problem['type']} is {problem[name]!r} and was {seen[key]!r}"


def latest_first(found: Iterable[str], most: int = 8) -> list[str]:
    """At most so many complaints, each once."""
    return list(dict.fromkeys(found))[:most]
