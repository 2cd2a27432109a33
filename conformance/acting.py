"""A random history: users, services and administrators of two tenants act in turn, and a model records what they
did."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sojourn.conformance.counts import counts_of
from sojourn.conformance.registry import VIEWED, Kept, Shelf
from sojourn.conformance.world import Tenant, World, expect

A_MOMENT = 0.01
"""Seconds after which an instant in milliseconds is another."""
Where = tuple[Tenant, str]
"""A tenant and one of its users."""


class History:
    """Two tenants with the same users, and what the model keeps of them."""

    def __init__(self, world: World) -> None:
        self.world, self.random = world, world.random
        self.tenants = (world.first, world.twin)
        name = world.new_user()
        self.users = (name, f"{name}.A", f"{name}.a", f"{name} b", f"{name}.é|@x")
        self.shelves = {tenant.id: Shelf() for tenant in self.tenants}
        self.counts = {tenant.id: counts_of(tenant) for tenant in self.tenants}
        self.ended = dict.fromkeys(self.shelves, 0)
        self.count = 0
        self.plan: list[Callable[[History, Where], None]] = []
        """What is still to be done before anything is done again."""
        for tenant in self.tenants:
            for user in self.users[:3]:
                self.sign_in(tenant, user)

    def step(self) -> tuple[str, str]:
        """Somebody does something; what, and to whom."""
        tenant, user = self.random.choice(self.tenants), self.random.choice((*self.users[:2], *self.users[:4]))
        if not self.shelves[tenant.id].usable(user):
            self.sign_in(tenant, user)
        if not self.plan:
            self.plan = self.random.sample(ACTIONS, len(ACTIONS))
        action = self.plan.pop()
        action(self, (tenant, user))
        return action.__name__, user

    def sign_in(self, tenant: Tenant, user: str) -> Kept:
        """A new session, with everything that can be said of one."""
        self.count += 1
        facts = {
            "device_id": f"dev_{self.count}.{user[-4:]}",
            "device_type": self.random.choice(("desktop", "mobile", "tablet")),
            "ip": f"192.0.2.{self.count % 250 + 1}",
            "user_agent": f"Conformance/{self.count} (é; x)" if self.count % 5 == 0 else f"Conformance/{self.count}",
        }
        kept = Kept(tenant.sign_in(user, amr=["password"], **facts), {name: facts[name] for name in VIEWED})
        self.shelves[tenant.id].sessions.append(kept)
        return kept

    def one_of(self, tenant: Tenant, user: str) -> Kept:
        """One of the user's two latest active sessions whose tokens are good; the user signs in where there is none."""
        found = self.shelves[tenant.id].usable(user)[:2]
        return self.random.choice(found) if found else self.sign_in(tenant, user)

    def end(self, tenant: Tenant, kept: Kept, *, reason: str | None = None) -> None:
        """Note that a session was ended."""
        self.ended[tenant.id] += kept.active
        self.shelves[tenant.id].end(kept, reason=reason)


def somebody_signs_in(history: History, where: Where) -> None:
    tenant, user = where
    history.sign_in(tenant, user)


def a_user_ends_a_session(history: History, where: Where) -> None:
    tenant, user = where
    kept = history.one_of(tenant, user)
    caller = next(other for other in history.shelves[tenant.id].usable(user) if not other.refused)
    expect(tenant.bearer(caller.made.access, "revoke_session", session_id=kept.made.id, body={"reason": "mine"}), 204)
    history.end(tenant, kept, reason="mine")


def an_administrator_ends_a_session_twice(history: History, where: Where) -> None:
    tenant, user = where
    kept = history.one_of(tenant, user)
    for reason in ("first", "second"):
        expect(tenant.admin("revoke_session", session_id=kept.made.id, body={"reason": reason}), 204)
    history.end(tenant, kept, reason="first")


def a_service_ends_all_of_a_user(history: History, where: Where) -> None:
    tenant, user = where
    expect(tenant.service("revoke_user_sessions", user_id=user), 200)
    for kept in history.shelves[tenant.id].active(user):
        history.end(tenant, kept)


def a_user_ends_all_others(history: History, where: Where) -> None:
    tenant, user = where
    history.one_of(tenant, user)
    current = history.sign_in(tenant, user)
    expect(tenant.bearer(current.made.access, "revoke_other_sessions", **{"except": "current"}), 200)
    for kept in history.shelves[tenant.id].active(user):
        if kept is not current:
            history.end(tenant, kept)


def a_service_ends_a_session_twice(history: History, where: Where) -> None:
    tenant, user = where
    kept = history.one_of(tenant, user)
    reason = history.random.choice((None, "the provider said so"))
    first = tenant.request("revoke_session_as_service", session_id=kept.made.id, body={"reason": reason})
    if reason is None:
        first = first.copy(body=None).without("Content-Type")
    expect(history.world.send(first.with_header("X-API-Key", history.world.target.api_key)), 204)
    expect(tenant.service("revoke_session_as_service", session_id=kept.made.id, body={"reason": "again"}), 204)
    history.end(tenant, kept, reason=reason)


def an_administrator_ends_all_of_a_user(history: History, where: Where) -> None:
    tenant, user = where
    expect(tenant.admin("revoke_sessions_of_user", user_id=user, body={"reason": "all"}), 200)
    for kept in history.shelves[tenant.id].active(user):
        history.end(tenant, kept, reason="all")


def an_administrator_ends_several(history: History, where: Where) -> None:
    tenant, user = where
    kept = [history.one_of(tenant, user), history.sign_in(tenant, user)]
    wanted = [item.made.id for item in kept]
    operation = history.random.choice(("revoke_sessions", "revoke_sessions_in_bulk"))
    body = {"session_ids": [*dict.fromkeys(wanted), "sess_nobody"], "reason": "bulk"}
    answer = expect(tenant.admin(operation, body=body), 200).json
    assert sorted(answer["succeeded"]) == sorted(set(wanted)), f"{operation} ended {answer['succeeded']}"
    for item in kept:
        history.end(tenant, item, reason="bulk")


def a_user_is_raised(history: History, where: Where) -> None:
    tenant, user = where
    kept = history.one_of(tenant, user)
    told = expect(tenant.admin("upgrade_session_mfa", session_id=kept.made.id), 200).json
    assert told["session_id"] == kept.made.id, f"asked for {kept.made.id}, {told['session_id']} was raised"
    kept.amr = tuple(dict.fromkeys((*kept.amr, "mfa")))
    assert not tenant.is_good(kept.made.access), "a token from before a session was raised is still good"
    kept.old.append(kept.made.access)
    renew(tenant, kept)


def renew(tenant: Tenant, kept: Kept) -> None:
    """Spend a session's refresh token."""
    kept.spent.append(kept.made.refresh)
    kept.made = replace(kept.made, tokens=expect(tenant.refresh(kept.made.refresh), 200).json)


def tokens_are_renewed(history: History, where: Where) -> None:
    tenant, user = where
    kept = history.one_of(tenant, user)
    for _ in range(history.random.choice((1, 2, 2))):
        renew(tenant, kept)


def all_tokens_of_a_user_are_refused(history: History, where: Where) -> None:
    """Their sessions go on, and what begins later has good tokens."""
    tenant, user = where
    history.one_of(tenant, user)
    expect(tenant.admin("revoke_all_tokens", body={"user_id": user}), 200)
    for kept in history.shelves[tenant.id].active(user):
        kept.cut = True
    history.sign_in(tenant, user)


def a_session_is_used(history: History, where: Where) -> None:
    tenant, user = where
    kept = history.one_of(tenant, user)
    history.sign_in(tenant, user)  # a later one, which is not used
    for _ in range(history.random.choice((1, 2, 5))):
        expect(tenant.service("record_session_usage", session_id=kept.made.id), 200)
        kept.uses += 1
    for call, operation in ((tenant.admin, "touch_session"), (tenant.service, "touch_session_as_service")):
        before = expect(tenant.admin("get_session", session_id=kept.made.id), 200).json["session"]
        ends = _ends_of_tokens(tenant, kept)
        time.sleep(A_MOMENT)
        expect(call(operation, session_id=kept.made.id), 200)
        after = expect(tenant.admin("get_session", session_id=kept.made.id), 200).json["session"]
        assert after["last_active_at"] > before["last_active_at"], f"{operation} does not count as a use"
        for key, end in _ends_of_tokens(tenant, kept).items():
            stays = before["idle_expires_at"] == after["idle_expires_at"] or ends.get(key) != before["idle_expires_at"]
            assert stays or end > ends[key], f"{key} ended with its session, which goes on by {operation}: still {end}"


def _ends_of_tokens(tenant: Tenant, kept: Kept) -> dict[str, str]:
    """When each refresh token of a session expires, as the inventory tells it."""
    listed = expect(tenant.admin("list_tokens", session_id=kept.made.id, type="refresh", page_size=100), 200).json
    return {row["id"]: row["expires_at"] for row in listed["items"]}


def a_device_is_trusted(history: History, where: Where) -> None:
    tenant, user = where
    history.count += 1
    shelf = history.shelves[tenant.id]
    known = [fingerprint for owner, fingerprint in shelf.devices if owner == user]
    others = [fingerprint for owner, fingerprint in shelf.devices if owner != user]
    fingerprint = history.random.choice([f"SHA256:Ab{history.count}", *known, *others[-3:]])
    body = {"user_id": user, "device_fingerprint": fingerprint, "device_type": "mobile", "browser": "Firefox 140"}
    body |= {"ip": "192.0.2.77", "os": "Plan 9"}
    told = expect(tenant.service("trust_device", body=body), 200).json
    before = shelf.devices.get((user, fingerprint))
    assert before is None or before["id"] == told["id"], "trusted again, a device has another id"
    shelf.devices[user, fingerprint] = {**body, "id": told["id"]}


def trust_is_taken_back(history: History, where: Where) -> None:
    tenant, user = where
    shelf = history.shelves[tenant.id]
    a_device_is_trusted(history, where)
    a_device_is_trusted(history, (tenant, next(name for name in history.users if name != user)))
    device = history.random.choice(shelf.trusted(user))
    fingerprint = device["device_fingerprint"]
    if history.random.random() < 0.5:
        expect(tenant.admin("remove_trusted_device", device_id=device["id"]), 200)
    else:
        expect(tenant.service("untrust_device", device_fingerprint=fingerprint, user_id=user), 200)
    shelf.devices.pop((user, fingerprint))


def a_text_is_refused(history: History, where: Where) -> None:
    tenant, user = where
    history.count += 1
    text = f"Token-{history.count}-of-{tenant.id}-{history.users[0]}"
    body = {"token": text, "token_type": "refresh", "user_id": user}
    body["reason"] = f"reason {history.count}"
    for _ in range(2):
        expect(tenant.service("blacklist_token", body=body), 200)
    history.shelves[tenant.id].refused[user, body["token"]] = {"reason": body["reason"], "user_id": user}


def a_refusal_is_lifted(history: History, where: Where) -> None:
    tenant, user = where
    for _ in range(history.random.randint(1, 3)):
        a_text_is_refused(history, where)
    shelf = history.shelves[tenant.id]
    items = expect(tenant.admin("list_blacklisted_tokens", user_id=user), 200).json["items"]
    entry = history.random.choice(items)
    expect(tenant.admin("remove_blacklist_entry", entry_id=entry["id"]), 200)
    for key, facts in list(shelf.refused.items()):
        if key[0] == user and facts["reason"] == entry["reason"]:
            del shelf.refused[key]
            for kept in shelf.sessions:
                kept.refused.discard(key[1])


def an_access_token_is_refused(history: History, where: Where) -> None:
    tenant, user = where
    kept = history.sign_in(tenant, user)
    reason = f"stolen {history.count}"
    body = {"token": kept.made.access, "token_type": "access", "user_id": user, "reason": reason}
    expect(tenant.admin("add_to_blacklist", body=body), 200)
    kept.refused.add(kept.made.access)
    history.shelves[tenant.id].refused[user, kept.made.access] = {"reason": reason, "user_id": user}


def strangers_are_refused(history: History, where: Where) -> None:
    """Whoever may not do it is refused, and nothing happens; the views are compared after it."""
    tenant, user = where
    kept, twin = history.one_of(tenant, user), next(other for other in history.tenants if other is not tenant)
    other = history.sign_in(tenant, next(name for name in history.users if name != user))
    for operation in ("revoke_session", "touch_session", "upgrade_session_mfa"):
        expect(tenant.anyone(operation, session_id=kept.made.id), 401)
        expect(twin.admin(operation, session_id=kept.made.id), 404)
        expect(tenant.bearer(other.made.access, operation, session_id=kept.made.id), 403, 404)
    bulk: dict[str, Any] = {"session_ids": [kept.made.id], "reason": "bulk"}
    for operation, body in (("revoke_sessions", bulk), ("revoke_sessions_in_bulk", bulk), ("revoke_all_tokens", {})):
        expect(tenant.anyone(operation, body=body), 401)
        expect(tenant.bearer(other.made.access, operation, body=body), 403)
    for operation in ("revoke_sessions_of_user", "purge_expired_sessions", "reset_token_config"):
        known = {"user_id": user} if operation == "revoke_sessions_of_user" else {}
        expect(tenant.anyone(operation, **known), 401)
        expect(tenant.bearer(other.made.access, operation, **known), 403)
    expect(tenant.anyone("revoke_user_sessions", user_id=user), 401)
    wrong = tenant.request("revoke_user_sessions", user_id=user).with_header("X-API-Key", history.world.target.api_key)
    expect(history.world.send(wrong.with_query("colour", "red")), 400)
    for body in ({"user_id": user, "device_fingerprint": "x"},):
        expect(tenant.anyone("trust_device", body=body), 401)
        expect(tenant.service("trust_device", body={**body, "colour": "red"}), 400)


ACTIONS: tuple[Callable[[History, Where], None], ...] = (
    somebody_signs_in,
    a_user_ends_a_session,
    an_administrator_ends_a_session_twice,
    a_service_ends_all_of_a_user,
    a_user_ends_all_others,
    a_service_ends_a_session_twice,
    an_administrator_ends_all_of_a_user,
    an_administrator_ends_several,
    a_user_is_raised,
    tokens_are_renewed,
    all_tokens_of_a_user_are_refused,
    a_session_is_used,
    a_device_is_trusted,
    trust_is_taken_back,
    a_text_is_refused,
    a_refusal_is_lifted,
    an_access_token_is_refused,
    strangers_are_refused,
)
