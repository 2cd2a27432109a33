"""Time: tokens and sessions end when they should; short time-outs are set by policy, and then waited for."""

import functools
import time
from collections.abc import Iterator
from contextlib import contextmanager

from sojourn.conformance.chapters.lifecycle import assert_every_read_says, assert_its_tokens_are
from sojourn.conformance.checks import check
from sojourn.conformance.counts import moved_by, statistics_of
from sojourn.conformance.endings import Lasting, TooLate, in_time
from sojourn.conformance.instants import instant
from sojourn.conformance.world import SignIn, Tenant, World, expect

_STATUS = "the contract, schema SessionResponse; NIST SP 800-63B-4 section 5.2"
ACCESS_SECONDS, REFRESH_SECONDS = 3, 60
"""Lifetimes that are waited for, and not."""


@contextmanager
def lifetimes(tenant: Tenant, access: str, *, refresh: str) -> Iterator[None]:
    """Tokens of the tenant live so long while the block runs, and clocks are taken to agree."""
    body = {"access_expiry": access, "refresh_expiry": refresh, "leeway": "0s"}
    expect(tenant.admin("set_token_config", body=body), 200)
    try:
        yield
    finally:
        expect(tenant.admin("reset_token_config"), 200)


@check(
    "LIF-011",
    "An access token MUST be valid until it expires and never after.",
    source="the contract, set_token_config; RFC 7519 section 4.1.4",
    waits=True,
)
def test_an_access_token_ends_on_time(world: World) -> None:
    with lifetimes(world.first, f"{ACCESS_SECONDS}s", refresh=f"{REFRESH_SECONDS}s"):
        in_time(lambda: judge_an_access_token(world))


def judge_an_access_token(world: World) -> None:
    """It is good at first, and not after its time."""
    token = Lasting(world.first.sign_in)
    made = token.made
    left = made.tokens["expires_in"]
    assert 0 < left <= ACCESS_SECONDS, f"expires_in is {left}, the policy says {ACCESS_SECONDS} s"
    token.before(ACCESS_SECONDS - 1, lambda: assert_good(world, made))
    token.wait(ACCESS_SECONDS + 1, world.target.patience)
    assert not world.first.is_good(made.access), "it is good after its time"
    expect(world.first.bearer(made.access, "get_session", session_id=made.id), 401)
    told = expect(world.first.admin("introspect_token", body={"token": made.access}), 200).json
    assert told == {"active": False}, f"introspection tells {told}"
    token.before(REFRESH_SECONDS, lambda: expect(world.first.refresh(made.refresh), 200))


def assert_good(world: World, made: SignIn) -> None:
    """The access token is good."""
    assert world.first.is_good(made.access), "it is refused at once"


@check(
    "LIF-012",
    "A refresh token MUST NOT be valid after it expired.",
    source="the contract, set_token_config",
    waits=True,
)
def test_a_refresh_token_ends_on_time(world: World) -> None:
    with lifetimes(world.first, "2s", refresh="2s"):
        in_time(lambda: judge_a_refresh_token(world))


def judge_a_refresh_token(world: World) -> None:
    """One is spent in time; the other is not good after it, and its session goes on."""
    kept = Lasting(world.first.sign_in)
    kept.before(1, lambda: expect(world.first.refresh(kept.made.refresh), 200))
    token = Lasting(world.first.sign_in)
    token.wait(3, world.target.patience)
    expect(world.first.refresh(token.made.refresh), 401)
    assert world.first.status_of(token.made.id) == "active", "the end of a token ended its session"


@check("LIF-013", "No token MUST outlive its session.", source="docs/tokens.md; the contract, revoke_session")
def test_no_token_outlives_its_session(world: World) -> None:
    with lifetimes(world.first, "8760h", refresh="8760h"):
        made = world.first.sign_in()
        left = instant(made.session["expires_at"]) - instant(made.session["created_at"])
        assert made.tokens["expires_in"] <= left.total_seconds() + 1, "the access token lives longer than its session"


short_lived = functools.partial(
    check, source=_STATUS, profile="full", feature="short-lived", needs=("short_lived_url",), waits=True
)


def of_short_life(tenant: Tenant) -> tuple[Lasting, float, float]:
    """A session that ends soon, and after how many seconds: where nobody uses it, and at the latest."""
    session = Lasting(tenant.sign_in)
    told = session.made.session
    begun = instant(told["created_at"])
    idle, end = ((instant(told[name]) - begun).total_seconds() for name in ("idle_expires_at", "expires_at"))
    return session, idle, end


@short_lived("LIF-014", "A session that nobody used MUST expire at its idle deadline in every read, tokens and all.")
def test_an_idle_session_expires(world: World) -> None:
    short = world.elsewhere(world.target.short_lived_url or "").first
    in_time(lambda: judge_an_idle_session(short))


def judge_an_idle_session(tenant: Tenant) -> None:
    """It is active everywhere, and then nowhere, and it is not revived."""
    session, idle, _ = of_short_life(tenant)
    made: SignIn = session.made
    session.before(idle, lambda: assert_every_read_says(tenant, made, status="active"))
    session.wait(idle, tenant.world.target.patience)
    assert_every_read_says(tenant, made, status="expired")
    assert_its_tokens_are(tenant, made, good=False)
    assert tenant.admin("touch_session", session_id=made.id).status >= 400, "an expired session was kept alive"
    assert tenant.status_of(made.id) == "expired", "it was revived"


@short_lived("LIF-015", "A session that is used MUST outlive its first idle deadline and still end at its end.")
def test_a_session_in_use_ends_at_its_end(world: World) -> None:
    short = world.elsewhere(world.target.short_lived_url or "").first
    in_time(lambda: judge_a_session_in_use(short))


def judge_a_session_in_use(tenant: Tenant) -> None:
    """Used four times in each idle time, it is active past the first of these, and over at its end."""
    session, idle, end = of_short_life(tenant)
    made: SignIn = session.made
    assert end <= tenant.world.target.patience, f"it ends after {end:.0f} s, --patience is less"
    last_use, outlived = session, False
    while session.is_surely_on(end):
        use = Lasting(lambda: is_used(tenant, made))
        if not use.made:
            too_early = last_use.is_surely_on(idle) and session.is_surely_on(end)
            assert not too_early, "it is over before its end although it is used"
            break
        outlived = outlived or use.began_after(session, seconds=idle)
        last_use = use
        time.sleep(idle / 4)
    if not outlived:
        raise TooLate("the machine was too slow to use it again and again")
    session.wait(end, tenant.world.target.patience)
    assert_every_read_says(tenant, made, status="expired")


def is_used(tenant: Tenant, made: SignIn) -> bool:
    """Use a session: whether that was done and it is active."""
    touched = tenant.admin("touch_session", session_id=made.id)
    return touched.status == 200 and tenant.status_of(made.id) == "active"


@check(
    "LIF-016",
    "A session that expired MUST be counted as expired and not as active or revoked.",
    source=_STATUS,
    profile="full",
    feature="short-lived",
    needs=("short_lived_url",),
)
def test_an_expired_session_is_counted_as_expired(world: World) -> None:
    short = world.elsewhere(world.target.short_lived_url or "").first
    wait_for_the_end(short)
    before = statistics_of(short)
    wait_for_the_end(short)
    moved = moved_by(before, statistics_of(short))
    assert moved.get("total_sessions") == 1, f"the statistics moved by {moved}"
    others = -moved.get("active_sessions", 0)  # that expired meanwhile
    assert others >= 0, f"the statistics moved by {moved}"
    assert moved.get("expired_sessions") == 1 + others, f"the statistics moved by {moved}"
    assert not moved.get("revoked_sessions"), f"the statistics moved by {moved}"


def wait_for_the_end(tenant: Tenant) -> None:
    """A session that nobody uses, from its beginning to its end."""
    session, idle, _ = of_short_life(tenant)
    session.wait(idle, tenant.world.target.patience)
