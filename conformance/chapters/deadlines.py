"""Time: tokens and sessions end when they should; short time-outs are set by policy, and then waited for."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from sojourn.conformance.chapters.lifecycle import assert_every_read_says, assert_its_tokens_are, moved_by, statistics
from sojourn.conformance.checks import check
from sojourn.conformance.instants import instant, now, sleep_past
from sojourn.conformance.world import Tenant, World, expect

_STATUS = "the contract, schema SessionResponse; NIST SP 800-63B-4 section 5.2"


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
    "An access token MUST be good until its time is over and never after.",
    source="the contract, set_token_config; RFC 7519 section 4.1.4",
)
def test_an_access_token_ends_on_time(world: World) -> None:
    with lifetimes(world.first, "3s", refresh="60s"):
        made = world.first.sign_in()
        began = time.monotonic()
        assert world.first.is_good(made.access), "it is refused at once"
        assert 0 < made.tokens["expires_in"] <= 3, f"expires_in is {made.tokens['expires_in']}, the policy says 3 s"
        _wait_until(began, 4.2)
        assert not world.first.is_good(made.access), "it is good after its time"
        expect(world.first.bearer(made.access, "get_session", session_id=made.id), 401)
        told = expect(world.first.admin("introspect_token", body={"token": made.access}), 200).json
        assert told == {"active": False}, f"introspection tells {told}"
        expect(world.first.refresh(made.refresh), 200)


@check("LIF-012", "A refresh token MUST NOT be good after its time.", source="the contract, set_token_config")
def test_a_refresh_token_ends_on_time(world: World) -> None:
    with lifetimes(world.first, "2s", refresh="2s"):
        made, kept = world.first.sign_in(), world.first.sign_in()
        began = time.monotonic()
        expect(world.first.refresh(kept.refresh), 200)
        _wait_until(began, 3.2)
        expect(world.first.refresh(made.refresh), 401)
        assert world.first.status_of(made.id) == "active", "the end of a token ended its session"


@check("LIF-013", "No token MUST outlive its session.", source="docs/tokens.md; the contract, revoke_session")
def test_no_token_outlives_its_session(world: World) -> None:
    with lifetimes(world.first, "8760h", refresh="8760h"):
        made = world.first.sign_in()
        left = instant(made.session["expires_at"]) - instant(made.session["created_at"])
        assert made.tokens["expires_in"] <= left.total_seconds() + 1, "the access token lives longer than its session"


@check(
    "LIF-014",
    "A session that nobody used MUST expire at its idle deadline in every read, tokens and all.",
    source=_STATUS,
    profile="full",
    feature="short-lived",
    needs=("short_lived_url",),
)
def test_an_idle_session_expires(world: World) -> None:
    short = world.elsewhere(world.target.short_lived_url or "")
    made = short.first.sign_in()
    assert_every_read_says(short.first, made, status="active")
    sleep_past(made.session["idle_expires_at"], world.target.patience)
    assert_every_read_says(short.first, made, status="expired")
    assert_its_tokens_are(short.first, made, good=False)
    assert short.first.admin("touch_session", session_id=made.id).status >= 400, "an expired session was kept alive"
    assert short.first.status_of(made.id) == "expired", "it was revived"


@check(
    "LIF-015",
    "A session that is used MUST outlive its first idle deadline and still end at its end.",
    source=_STATUS,
    profile="full",
    feature="short-lived",
    needs=("short_lived_url",),
)
def test_a_session_in_use_ends_at_its_end(world: World) -> None:
    short = world.elsewhere(world.target.short_lived_url or "")
    made = short.first.sign_in()
    idle, end = (instant(made.session[name]) for name in ("idle_expires_at", "expires_at"))
    pause = (idle - instant(made.session["created_at"])).total_seconds() / 4
    outlived = False
    while now() < end and pause * 4 < world.target.patience:
        touched = short.first.admin("touch_session", session_id=made.id)
        if now() < end:
            expect(touched, 200)
            assert short.first.status_of(made.id) == "active" or now() > end, "it is over before its end"
            outlived = outlived or now() > idle
        time.sleep(pause)
    assert outlived, "it did not outlive its first idle deadline"
    sleep_past(made.session["expires_at"], world.target.patience)
    assert_every_read_says(short.first, made, status="expired")


@check(
    "LIF-016",
    "A session that expired MUST be counted as expired and not as active or revoked.",
    source=_STATUS,
    profile="full",
    feature="short-lived",
    needs=("short_lived_url",),
)
def test_an_expired_session_is_counted_as_expired(world: World) -> None:
    short = world.elsewhere(world.target.short_lived_url or "")
    sleep_past(short.first.sign_in().session["idle_expires_at"], world.target.patience)
    before = statistics(short.first)
    made = short.first.sign_in()
    sleep_past(made.session["idle_expires_at"], world.target.patience)
    moved = moved_by(before, statistics(short.first))
    assert moved.get("total_sessions") == 1, f"the statistics moved by {moved}"
    assert moved.get("expired_sessions") == 1, f"the statistics moved by {moved}"
    assert not moved.get("active_sessions"), f"the statistics moved by {moved}"
    assert not moved.get("revoked_sessions"), f"the statistics moved by {moved}"


def _wait_until(began: float, seconds: float) -> None:
    time.sleep(max(0.0, began + seconds - time.monotonic()))
