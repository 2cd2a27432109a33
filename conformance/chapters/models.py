"""Random histories beside a model: users, services and administrators of two tenants act in turn, and every view of
what they did tells, value for value, what the model has.

Each law is a check of its own with a history of its own; what it compares after every step is one kind of view.
"""

import functools
from collections.abc import Callable, Iterator
from typing import Any

from sojourn.conformance.acting import History, Where
from sojourn.conformance.checks import check
from sojourn.conformance.counts import counts_of, moved_by
from sojourn.conformance.instants import instant
from sojourn.conformance.registry import Kept
from sojourn.conformance.world import Tenant, World, expect

STEPS = 18
_LAWS = "the contract: what is written is what is read, in every view"
model = functools.partial(check, source=_LAWS, needs=("second_admin_token",))


Look = Callable[[History, Where], Iterator[str]]


def judge(world: World, look: Look) -> None:
    """Let a history happen and look after every step, at the one it was about and at a bystander, in both tenants."""
    history = History(world)
    done: list[str] = []
    for _ in range(STEPS):
        action, user = history.step()
        done.append(action)
        for tenant in history.tenants:
            for whom in (user, history.random.choice(history.users)):
                found = list(look(history, (tenant, whom)))
                assert not found, f"after {', '.join(done[-3:])} of {user}: {tenant.id}, {whom}: {'; '.join(found[:5])}"


def differs(name: str, rows: list[dict[str, Any]], *, wanted: list[dict[str, Any]]) -> Iterator[str]:
    """What is told otherwise in a list than it should be, member by member."""
    if [row["id"] for row in rows] != [item["id"] for item in wanted]:
        yield f"{name} has {len(rows)} rows, should have {len(wanted)}, or in another order"
        return
    for row, item in zip(rows, wanted, strict=True):
        for member, value in item.items():
            if row.get(member) != value:
                yield f"{name}: {member} is {row.get(member)!r}, should be {value!r}"


def sessions(history: History, where: Where) -> Iterator[str]:
    """The lists of a user's sessions, the count, and the export."""
    tenant, user = where
    shelf = history.shelves[tenant.id]
    active, everything = [kept.row() for kept in shelf.active(user)], [kept.row() for kept in shelf.of(user)]
    seen: dict[str, tuple[str, dict[str, Any]]] = {}
    over = [{**kept.row(), "revoke_reason": kept.reason} for kept in shelf.of(user) if not kept.active]
    for name, call, known, wanted in (
        ("list_user_sessions", tenant.service, {"user_id": user}, active),
        ("list_sessions_of_user", tenant.admin, {"user_id": user}, active),
        ("list_own_sessions", tenant.admin, {"auth_user_id": user}, active),
        ("list_tenant_sessions", tenant.admin, {"user_id": user, "page_size": 100}, everything),
        ("list_tenant_sessions", tenant.admin, {"user_id": user, "status": "active", "page_size": 100}, active),
        ("list_tenant_sessions", tenant.admin, {"user_id": user, "status": "revoked", "page_size": 100}, over),
    ):
        told = expect(call(name, **known), 200).json
        yield from unlike(seen, name, rows=told["items"])
        yield from differs(name, told["items"], wanted=wanted[: told["pagination"]["page_size"]])
        if told["total"] != len(wanted):
            yield f"{name} has a total of {told['total']}, should be {len(wanted)}"
    usable = shelf.usable(user)
    if usable:  # the user's own token tells the user the same
        told = expect(tenant.bearer(usable[-1].made.access, "list_own_sessions", auth_user_id=user), 200).json
        yield from unlike(seen, "list_own_sessions by the user", rows=told["items"])
        yield from differs("list_own_sessions by the user", told["items"], wanted=active[: len(told["items"]) or None])
        if told["total"] != len(active):
            yield f"list_own_sessions by the user has a total of {told['total']}, should be {len(active)}"
    told = expect(tenant.service("check_user_active", user_id=user), 200).json
    if (told["active"], told["session_count"]) != (bool(active), len(active)):
        yield f"check_user_active says {told}, should be {len(active)}"
    many = expect(tenant.service("check_many_active", body={"user_ids": [user, f"{user}.nobody", user]}), 200).json
    if [item["session_count"] for item in many["items"]] != [len(active), 0, len(active)]:
        yield f"check_many_active says {many['items']}, should be {len(active)}, 0 and {len(active)}"
    exported = expect(tenant.service("export_user_data", body={"user_id": user}), 200).json
    yield from unlike(seen, "export_user_data", rows=exported["sessions"])
    yield from differs("export_user_data", by_id(exported["sessions"]), wanted=by_id(everything))
    if exported["total"] != len(everything):
        yield f"export_user_data has a total of {exported['total']}, should be {len(everything)}"


def unlike(seen: dict[str, tuple[str, dict[str, Any]]], name: str, *, rows: list[dict[str, Any]]) -> Iterator[str]:
    """What a view tells otherwise than the first one that showed the same thing: nothing happened between them."""
    for row in rows:
        before, first = seen.setdefault(str(row.get("id")), (name, row))
        for member in first.keys() & row.keys():
            if first[member] != row[member]:
                yield f"{member} is {row[member]!r} in {name}, and {first[member]!r} in {before}"


def by_id(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows in the order of their ids."""
    return sorted(rows, key=lambda row: str(row["id"]))


def single_sessions(history: History, where: Where) -> Iterator[str]:
    """A user's latest sessions and the used ones, one by one: shown, validated, counted, their tokens good or not."""
    tenant, user = where
    twin = next(other for other in history.tenants if other is not tenant)
    shelf = history.shelves[tenant.id]
    latest = shelf.of(user)[:2] + [kept for kept in shelf.active(user)[:2] if kept not in shelf.of(user)[:2]]
    latest += [kept for kept in shelf.of(user) if kept.uses and kept not in latest][:2]
    for kept in latest:
        key, access = kept.made.id, kept.made.access
        shown = expect(tenant.admin("get_session", session_id=key), 200).json["session"]
        listed = expect(tenant.admin("list_tenant_sessions", user_id=user, page_size=100), 200).json["items"]
        row = next((row for row in listed if row["id"] == key), {"id": key})
        yield from unlike({key: ("list_tenant_sessions", row)}, "get_session", rows=[shown])
        told_services = expect(tenant.service("get_session_as_service", session_id=key), 200).json["session"]
        yield from unlike({key: ("get_session", shown)}, "get_session_as_service", rows=[told_services])
        yield from differs("get_session", [shown], wanted=[kept.row()])
        good = kept.good
        told = {
            "validate_session": expect(tenant.admin("validate_session", session_id=key), 200).json["valid"],
            "validate_access_token": tenant.is_good(access),
            "introspect_token": expect(tenant.admin("introspect_token", body={"token": access}), 200).json["active"],
            "get_session": tenant.bearer(access, "get_session", session_id=key).status == 200,
            "blacklisted": expect(tenant.admin("check_blacklisted_token", body={"token": access}), 200).json[
                "blacklisted"
            ],
            "elsewhere": twin.is_good(access) or twin.admin("get_session", session_id=key).status != 404,
        }
        wanted = dict.fromkeys(told, good) | {"validate_session": kept.active, "elsewhere": False}
        wanted["blacklisted"] = access in kept.refused
        for name, text, is_good in _tokens(kept):
            told[name] = expect(tenant.admin("introspect_token", body={"token": text}), 200).json["active"]
            wanted[name] = is_good
            told[f"{name} elsewhere"] = expect(twin.admin("introspect_token", body={"token": text}), 200).json["active"]
            wanted[f"{name} elsewhere"] = False
        yield from (
            f"{name} says {said} of {key}, should be {wanted[name]}"
            for name, said in told.items()
            if said != wanted[name]
        )
        yield from tokens_beside(tenant, kept, session=shown)
        usage = expect(tenant.service("get_session_usage", session_id=key), 200).json["usage"]
        if sum(day["count"] for day in usage) != kept.uses:
            yield f"{kept.uses} uses of {key} are told as {usage}"
        known = expect(tenant.admin("get_device_fingerprint", session_id=key), 200).json
        for name in ("ip", "device_type"):
            if known.get(name) != kept.facts[name]:
                yield f"get_device_fingerprint: {name} is {known.get(name)!r}, should be {kept.facts[name]!r}"


def tokens_beside(tenant: Tenant, kept: Kept, *, session: dict[str, Any]) -> Iterator[str]:
    """A session's refresh token ends with it, and the inventory tells of a token what is told of it alone."""
    told = expect(tenant.admin("introspect_token", body={"token": kept.made.refresh}), 200).json
    if told["active"] and told.get("exp", 0) > instant(session["expires_at"]).timestamp() + 1:
        yield f"its refresh token ends at {told['exp']}, the session itself at {session['expires_at']}"
    listed = expect(tenant.admin("list_tokens", user_id=kept.made.user, page_size=100), 200).json["items"]
    for row in listed[:1] + listed[-1:]:
        alone = expect(tenant.admin("get_token", token_id=row["id"]), 200).json["data"]
        yield from unlike({row["id"]: ("list_tokens", row)}, "get_token", rows=[alone])


def _tokens(kept: Kept) -> Iterator[tuple[str, str, bool]]:
    """A session's other tokens, and whether they are good: those that were replaced are not.

    The last one that was spent may be answered again: of it nothing is said.
    """
    yield "the refresh token", kept.made.refresh, kept.active and not kept.cut
    yield from ((f"spent refresh token {number}", text, False) for number, text in enumerate(kept.spent[-3:-1]))
    yield from ((f"access token from before {number}", text, False) for number, text in enumerate(kept.old[-2:]))


def devices(history: History, where: Where) -> Iterator[str]:
    """Both lists of a user's trusted devices."""
    tenant, user = where
    wanted = history.shelves[tenant.id].trusted(user)
    seen: dict[str, tuple[str, dict[str, Any]]] = {}
    for name, call in (("list_trusted_devices", tenant.service), ("list_user_trusted_devices", tenant.admin)):
        told = expect(call(name, user_id=user, page_size=100), 200).json
        yield from unlike(seen, name, rows=told["items"])
        yield from differs(name, by_id(told["items"]), wanted=by_id(wanted))
        if told["total"] != len(wanted):
            yield f"{name} has a total of {told['total']}, should be {len(wanted)}"


def refusals(history: History, where: Where) -> Iterator[str]:
    """The list of a user's refused tokens, and each of them asked about in both ways."""
    tenant, user = where
    shelf = history.shelves[tenant.id]
    wanted = shelf.entries(user)
    told = expect(tenant.admin("list_blacklisted_tokens", user_id=user, page_size=100), 200).json
    if sorted(row.get("reason", "") for row in told["items"]) != sorted(facts["reason"] for facts in wanted):
        yield f"list_blacklisted_tokens has {len(told['items'])} rows, should have {len(wanted)}"
    twin = next(other for other in history.tenants if other is not tenant)
    for (owner, text), facts in list(shelf.refused.items())[-4:]:
        body, asked = {"token": text}, tenant.request("check_blacklist", token=text)
        by_query = history.world.send(asked.with_header("Authorization", f"Bearer {tenant.admin_token}"))
        for told in (
            expect(tenant.admin("check_blacklisted_token", body=body), 200).json,
            expect(by_query, 200).json,
        ):
            if (told["blacklisted"], told.get("reason")) != (True, facts["reason"]):
                yield f"a refused token of {owner} is told as {told}"
        if expect(twin.admin("check_blacklisted_token", body=body), 200).json["blacklisted"]:
            yield "it is refused in the other tenant, too"
        for other in (text.swapcase(), text.lower(), text[:-1], f"{text}x"):
            known = any(other == entry for _, entry in shelf.refused)
            said = expect(tenant.admin("check_blacklisted_token", body={"token": other}), 200).json["blacklisted"]
            if said is not known:
                yield f"a text that differs from a refused one is told as {said}"


def numbers(history: History, where: Where) -> Iterator[str]:
    """The tenant's counts: they moved by what was done in it, and by nothing else."""
    tenant, _ = where
    shelf = history.shelves[tenant.id]
    moved = moved_by(history.counts[tenant.id], counts_of(tenant))
    begun, ended = len(shelf.sessions), history.ended[tenant.id]
    wanted = {"total": begun, "revoked": ended}
    wanted |= dict.fromkeys(("active", "counted", "listed", "rows"), begun - ended)
    for kept in shelf.sessions:
        kind = f"on {kept.facts['device_type']}"
        wanted[kind] = wanted.get(kind, 0) + 1
    for name in wanted | moved:
        if moved.get(name, 0) != wanted.get(name, 0):
            yield f"{name} moved by {moved.get(name, 0)}, should be {wanted.get(name, 0)}"


@model("MOD-001", "Every list of a user's sessions, the count and the export MUST tell what was done.")
def test_every_list_of_sessions_tells_what_was_done(world: World) -> None:
    judge(world, sessions)


@model("MOD-002", "A session, its tokens, its device and its uses MUST be shown as what was done.")
def test_a_session_alone_tells_what_was_done(world: World) -> None:
    judge(world, single_sessions)


@model("MOD-003", "Every list of trusted devices MUST tell what was trusted and what was taken back.")
def test_every_list_of_devices_tells_what_was_done(world: World) -> None:
    judge(world, devices)


@model("MOD-004", "Refused tokens MUST be in the list and be found by the check until their entries are removed.")
def test_refused_tokens_are_told_until_they_are_lifted(world: World) -> None:
    judge(world, refusals)


@model("MOD-005", "The counts of a tenant MUST move by what was done in it, and by nothing else.")
def test_the_counts_move_by_what_was_done(world: World) -> None:
    judge(world, numbers)
