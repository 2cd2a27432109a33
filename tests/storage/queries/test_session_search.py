"""One grammar of filters: lists, counts and walks agree with a model that knows no index, whatever the filters are."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from sojourn.domain.clock import from_text, to_text
from sojourn.domain.paging import Page
from sojourn.domain.session_cursors import Place
from sojourn.domain.sessions import status_of
from sojourn.storage.queries import session_revocation, sessions, statistics
from sojourn.storage.queries.session_filters import SessionFilter, names_of
from sojourn.storage.queries.session_rows import NewSession
from sojourn.storage.queries.session_search import Found, Sort, compiled, page_of, step_of
from sojourn.storage.statements import SQLITE
from sojourn.storage.unit_of_work import UnitOfWork
from tests.storage.conftest import BULK, NOISE, T0, Store, new_session

SORTS: tuple[Sort, ...] = ("-created_at", "created_at", "-last_active_at")
AGENTS = ("Mozilla/5.0 Firefox", "curl/8.5 É", None)
ADDRESSES = ("192.0.2.1", "192.0.2.77", "198.51.100.9", "2001:db8::1", "2001:DB8:0:0::2", None)
NETWORKS = ("192.0.2.1", "192.0.2.0/24", "192.0.2.5/25", "0.0.0.0/0", "2001:db8::/32", "2001:db8::2", "::/0")
PLACES = ("Turku, FI", "Washington, D.C., US", "FI, SE", None)
METHODS = ("pwd", "pwd,otp", "otp,mfa", "mfa2", None)


def at(minutes: float) -> Any:
    return to_text(from_text(T0) + timedelta(minutes=minutes))


def any_session(chance: random.Random, minutes: float) -> NewSession:
    """A session that differs from others in everything a filter looks at."""
    began = at(minutes)
    last = at(minutes + chance.choice((0, 0, 1, 5)))
    return NewSession(
        new_session(at=began).id,
        chance.choice(("ann", "bob", "eve")),
        began,
        at(minutes - chance.choice((0, 3))),
        last,
        at(minutes + chance.choice((10, 100))),
        at(minutes + chance.choice((8, 80))),
        amr=chance.choice(METHODS),
        app_id=chance.choice(("web", "shop", None)),
        device_id=chance.choice(("d1", "d2", None)),
        device_fingerprint=chance.choice(("f1", "f2", None)),
        device_type=chance.choice(("desktop", "mobile", None)),
        ip=chance.choice(ADDRESSES),
        user_agent=chance.choice(AGENTS),
        geoip=chance.choice(PLACES),
        asn=chance.choice((64500, 2**32 - 1, None)),
    )


FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "user_id": st.sampled_from(("ann", "bob", "nobody")),
        "status": st.sampled_from(("active", "revoked", "expired")),
        "app_id": st.sampled_from(("web", "shop", "none")),
        "device_id": st.sampled_from(("d1", "d2")),
        "device_type": st.sampled_from(("desktop", "mobile")),
        "device_fingerprint": st.sampled_from(("f1", "f2")),
        "ip": st.sampled_from(NETWORKS),
        "country": st.sampled_from(("FI", "US", "SE", "NO")),
        "asn": st.sampled_from((64500, 2**32 - 1, 1)),
        "user_agent_contains": st.sampled_from(("FIREFOX", "firefox", "curl/8.5 É", "é", "%", "_")),
        "amr": st.sampled_from(("pwd", "otp", "mfa", "p")),
        "auth_time_before": st.integers(-5, 60).map(at),
        "created_after": st.integers(-5, 60).map(at),
        "created_before": st.integers(-5, 60).map(at),
        "active_after": st.integers(-5, 60).map(at),
        "active_before": st.integers(-5, 60).map(at),
    },
)


def fits(session: NewSession, revoked: bool, wanted: dict[str, Any], *, now: str) -> bool:
    """The same rules in plain words."""
    status = "revoked" if revoked else status_of(_Stands(session), now)  # type: ignore[arg-type]
    agent, asked = session.user_agent or "", wanted.get("user_agent_contains", "")
    same = ("user_id", "app_id", "device_id", "device_type", "device_fingerprint", "asn")
    network = ip_network(wanted.get("ip", "0.0.0.0/0"), strict=False)
    return (
        all(getattr(session, name) == wanted[name] for name in same if name in wanted)
        and wanted.get("status", status) == status
        and ("ip" not in wanted or (session.ip is not None and ip_address(session.ip) in network))
        and (not asked or small(asked) in small(agent))
        and wanted.get("country") in (None, (session.geoip or "").rpartition(", ")[2])
        and ("amr" not in wanted or wanted["amr"] in (session.amr or "").split(","))
        and session.authenticated_at < wanted.get("auth_time_before", "~")
        and wanted.get("created_after", "") <= session.created_at < wanted.get("created_before", "~")
        and wanted.get("active_after", "") <= session.last_active_at < wanted.get("active_before", "~")
    )


class _Stands:
    """A session as `status_of` looks at it, not revoked."""

    revoked_at = suspended_until = suspended_then = None

    def __init__(self, session: NewSession) -> None:
        self.expires_at, self.idle_expires_at = session.expires_at, session.idle_expires_at


def small(text: str) -> str:
    return "".join(letter.lower() if letter.isascii() else letter for letter in text)


def key_of(sort: Sort, session: NewSession) -> tuple[str, str]:
    return (session.last_active_at if sort == "-last_active_at" else "", session.id)


def in_order(sort: Sort, found: list[NewSession]) -> list[str]:
    ordered = sorted(found, key=lambda session: key_of(sort, session), reverse=sort != "created_at")
    return [session.id for session in ordered]


@pytest.fixture
def lived(store: Store) -> tuple[Store, list[NewSession], set[str]]:
    """A store with 150 sessions that began within an hour, some revoked, some settled, and which were revoked."""
    chance = random.Random(7)
    made = [any_session(chance, minutes) for minutes in range(60)] + [
        any_session(chance, 20 + n / 9) for n in range(90)
    ]

    async def fill(unit: UnitOfWork) -> None:
        for session in made:
            await sessions.add(unit, session)

    store.write(fill)
    revoked = {session.id for session in made if chance.random() < 0.2}
    ended = store.write(lambda unit: session_revocation.revoke_many(unit, sorted(revoked), now=T0, ending=BULK))
    store.write(lambda unit: statistics.settle(unit, at(30), limit=5))
    return store, made, set(ended)


def walked(
    store: Store, wanted: SessionFilter, sort: Sort, *, now: str, limit: int, window: int, counts: bool = False
) -> Iterator[Found]:
    """Every step of a walk."""
    behind: Place | None = None
    while True:
        found = store.read(
            lambda unit, b=behind: step_of(
                unit, wanted, now=now, limit=limit, behind=b, sort=sort, counts=counts, window=window
            )
        )
        yield found
        if found.next is None:
            return
        behind = found.next


@seed(31)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted=FILTERS, sort=st.sampled_from(SORTS), limit=st.integers(1, 30), now=st.sampled_from((at(30), at(60))))
def test_list_count_and_walk_are_what_the_model_finds(
    lived: tuple[Store, list[NewSession], set[str]], wanted: dict[str, Any], sort: Sort, limit: int, now: str
) -> None:
    store, made, revoked = lived
    expected = in_order(sort, [one for one in made if fits(one, one.id in revoked, wanted, now=now)])
    asked = SessionFilter(**wanted)

    pages: list[str] = []
    for number in range(1, len(expected) // limit + 2):
        found = store.read(
            lambda unit, n=number: page_of(unit, asked, now=now, page=Page(n, limit), sort=sort)  # type: ignore[arg-type]
        )
        assert (found.total, found.window) == (len(expected), None)
        pages += [row.id for row in found.rows]
    steps = list(walked(store, asked, sort, now=now, limit=limit, window=1000, counts=True))

    assert pages == expected
    assert [row.id for step in steps for row in step.rows] == expected
    assert {step.total for step in steps} == {len(expected)}
    assert [step.next.shown for step in steps[:-1] if step.next] == [limit * (n + 1) for n in range(len(steps) - 1)]


@seed(31)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    wanted=FILTERS,
    sort=st.sampled_from(SORTS[:2]),
    limit=st.integers(1, 9),
    window=st.integers(3, 40),
    now=st.sampled_from((at(30), at(60))),
)
def test_a_walk_finds_everything_through_any_window_and_says_that_it_looked_at_one(
    lived: tuple[Store, list[NewSession], set[str]],
    wanted: dict[str, Any],
    sort: Sort,
    limit: int,
    window: int,
    now: str,
) -> None:
    store, made, revoked = lived
    expected = in_order(sort, [one for one in made if fits(one, one.id in revoked, wanted, now=now)])

    steps = list(walked(store, SessionFilter(**wanted), sort, now=now, limit=limit, window=window, counts=True))

    assert [row.id for step in steps for row in step.rows] == expected
    for step in steps:
        assert len(step.rows) <= limit
        assert step.window in (None, window)
        assert step.window is not None or len(step.rows) == limit or step.next is None
        if step.window is None:
            assert step.total == len(expected)


@pytest.mark.parametrize("sort", SORTS)
def test_a_walk_shows_whatever_stood_throughout_exactly_once_while_others_come_and_go(
    lived: tuple[Store, list[NewSession], set[str]], sort: Sort
) -> None:
    store, made, ended = lived
    wanted, now = SessionFilter(app_id="web", status="active"), at(30)
    for trial in range(3):
        chance = random.Random(trial)
        standing = {
            one.id for one in made if fits(one, one.id in ended, {"app_id": "web", "status": "active"}, now=now)
        }
        before, come, seen = set(standing), set[str](), list[str]()
        for step in walked(store, wanted, sort, now=now, limit=2, window=1000 if sort == "-last_active_at" else 7):
            seen += [row.id for row in step.rows]
            come.add(store.add(any_session(chance, chance.randrange(-5, 65))).id)
            victim = chance.choice(sorted(before)) if len(standing) > 4 else new_session().id
            store.write(lambda unit, v=victim: session_revocation.revoke(unit, v, now=now, ending=BULK))
            standing.discard(victim)
        ended |= before - standing

        assert len(seen) == len(set(seen))
        assert standing <= set(seen) <= before | come
        newly = sorted(come)
        store.write(lambda unit, keys=newly: session_revocation.revoke_many(unit, keys, now=now, ending=BULK))


@pytest.mark.parametrize("limit", [1, 2, 7])
def test_a_walk_by_activity_looks_at_the_same_sessions_to_its_end_however_many_become_active(
    store: Store, limit: int
) -> None:
    """It begins where few are active, and goes on where many are: by another index, the newest would be all it sees."""
    chance, began = random.Random(limit), 28.0
    old = {store.add(_living(chance, minutes=25)).id for _ in range(20)}
    ended = sorted(store.add(any_session(chance, minutes=26)).id for _ in range(100))
    store.write(lambda unit: session_revocation.revoke_many(unit, ended, now=at(27), ending=BULK))
    seen: list[str] = []
    for step in walked(store, SessionFilter(status="active"), "-last_active_at", now=at(30), limit=limit, window=20):
        assert step.window is None
        seen += [row.id for row in step.rows if row.id in old]
        for _ in range(5):
            began += 0.01
            store.add(_living(chance, minutes=began))

    assert sorted(seen) == sorted(old)


def _living(chance: random.Random, minutes: float) -> NewSession:
    return replace(any_session(chance, minutes), expires_at=at(200), idle_expires_at=at(200))


def test_a_search_by_filters_finds_nothing_of_another_tenant(store: Store) -> None:
    store.add(new_session(app_id="web", ip="192.0.2.1"))

    for wanted in (SessionFilter(app_id="web"), SessionFilter(ip="0.0.0.0/0"), SessionFilter(device_id="d")):
        found = store.read(lambda unit, w=wanted: step_of(unit, w, now=T0, limit=5, behind=None), NOISE)
        assert (found.rows, found.total, found.next) == ([], 0, None)


@pytest.mark.parametrize("name", ["created_after", "created_before"])
@pytest.mark.parametrize("when", ["0001-01-01T00:00:00.000Z", "1969-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"])
def test_an_instant_before_or_after_every_session_is_no_mistake(store: Store, name: str, when: str) -> None:
    store.add(new_session())

    found = store.read(lambda unit: page_of(unit, SessionFilter(**{name: when}), now=T0, page=Page(1, 5)))  # type: ignore[arg-type]

    assert found.total == int((when > T0) == (name == "created_before"))


NUMBERS = st.sampled_from((0xC0000201, 0xC000024D, 0, 0xFFFFFFFF, 0xFFFF_C000_0201, 0x2001_0DB8 << 96, 1))
SPELLINGS = (
    lambda number: str(IPv4Address(number & 0xFFFFFFFF)),
    lambda number: str(IPv6Address(number)),
    lambda number: IPv6Address(number).exploded.upper(),
    lambda number: f"::ffff:{IPv4Address(number & 0xFFFFFFFF)}",
    lambda number: f"::{IPv4Address(number & 0xFFFFFFFF)}",
)
ADDRESS = st.builds(lambda number, spell: spell(number), NUMBERS, st.sampled_from(SPELLINGS))


@seed(31)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stored=st.lists(ADDRESS, min_size=1, max_size=8), asked=ADDRESS)
def test_an_address_is_found_however_it_is_written_as_the_network_that_holds_it_alone(
    store: Store, stored: list[str], asked: str
) -> None:
    app = new_session().id  # the sessions of this example
    made = [new_session(ip=ip, app_id=app) for ip in stored]
    for one in made:
        store.add(one)
    expected = in_order("-created_at", [one for one in made if ip_address(one.ip or "") == ip_address(asked)])

    for ip in (asked, f"{asked}/{ip_address(asked).max_prefixlen}"):
        found = store.read(
            lambda unit, ip=ip: page_of(unit, SessionFilter(app_id=app, ip=ip), now=T0, page=Page(1, 20))  # type: ignore[misc]
        )
        assert [row.id for row in found.rows] == expected, ip
        assert found.total == len(expected), ip


@pytest.mark.parametrize(("ip", "is_compared"), [("192.0.2.1", True), ("192.0.2.1/32", False), ("2001:db8::1", False)])
def test_an_address_that_is_written_in_one_way_only_is_compared_as_text(ip: str, is_compared: bool) -> None:
    search = compiled(names_of(SessionFilter(ip=ip)), "all", begun=False)

    for statement in (search.rows, search.numbers):
        asked = {"address": is_compared, "ip": not is_compared}
        words = statement.text(SQLITE).replace(")", " ").split()
        assert {name: f":{name}" in words for name in asked} == asked
        assert {name: name in statement.numbered()[1] for name in asked} == asked
