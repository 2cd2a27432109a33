"""Time series of sessions: sums, splits and counters agree, and nothing of another tenant is in them."""

import asyncio
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from sojourn.domain.clock import to_text
from sojourn.storage.engines import open_database
from sojourn.storage.upkeep.housekeeping import run_housekeeping
from tests.http.conftest import START, Client

SERIES = "/admin/sessions/series"
BY = ("app_id", "device_type", "country", "reason_code")
STEPS = {"1m": 60, "1h": 3600, "24h": 86400}
DAY = "2026-04-15T00:00:00.000Z"


def housekeeping(client: Client) -> None:
    """A round of another process."""

    async def run() -> None:
        database = await open_database(client.url, timedelta(seconds=30))
        try:
            now = client.clock.now
            assert await run_housekeeping(database, "housekeeper", now=now, retention=timedelta(days=30)) is not None
        finally:
            await database.close()

    asyncio.run(run())


def series(client: Client, tenant: str = "acme", **asked: str) -> Any:
    """A series; from the beginning of the day unless it says otherwise."""
    wanted = {"since": DAY, **asked}
    query = "&".join(f"{name}={quote(value)}" for name, value in wanted.items() if value)
    answer = client.as_admin("GET", f"{SERIES}?{query}", tenant)
    assert answer.status_code == 200, answer.text
    return answer.json()


def counts(found: Any) -> list[int]:
    """The numbers of the points."""
    return [point["count"] for point in found["points"]]


def active(client: Client) -> int:
    """How many are active now, as the counters have it."""
    return int(client.as_admin("GET", "/admin/sessions/active-count").json()["count"])


def days_work(client: Client) -> None:
    """Sessions of some applications and devices begin, end and expire in the course of a day."""
    housekeeping(client)
    for number in range(6):
        facts = {"app_id": f"app_{number % 2}"} if number % 3 else {}
        first, _ = (client.create(f"user_{number}", device_type=device, **facts) for device in ("mobile", "desktop"))
        client.clock.advance(minutes=25)
        if number % 2:
            path = f"/internal/session/{first['id']}"
            assert client.internal("DELETE", path, json={"reason_code": "signed_out"}).status_code == 204
        if number == 3:
            housekeeping(client)
            assert client.as_admin("POST", f"/admin/sessions/{first['id']}/suspend", json={}).status_code in (200, 404)
    assert client.internal("POST", "/internal/session/erase-user-data", json={"user_id": "user_2"}).status_code == 200
    client.clock.advance(hours=5)  # those that are left expire
    last = client.create("user_9", device_type="mobile")
    assert client.as_admin("POST", f"/admin/sessions/{last['id']}/suspend", json={}).status_code == 200
    client.create("user_9", device_type="mobile")
    client.clock.advance(minutes=2)
    housekeeping(client)


def test_the_numbers_agree_with_events_counters_and_each_other(client: Client) -> None:
    days_work(client)
    events = client.internal("GET", "/internal/events?limit=500").json()["items"]
    told = {kind: sum(event["type"] == f"session.{kind}" for event in events) for kind in ("created", "ended")}
    found = {(metric, step): series(client, metric=metric, step=step) for metric in told for step in STEPS}

    for (metric, _), one in found.items():
        assert sum(counts(one)) == told[metric] > 5
        assert "peak" not in one
    for metric in told:
        hours, minutes = (counts(found[metric, step]) for step in ("1h", "1m"))
        assert [sum(minutes[begin : begin + 60]) for begin in range(0, len(minutes), 60)] == hours
        assert [sum(hours[begin : begin + 24]) for begin in range(0, len(hours), 24)] == counts(found[metric, "24h"])
    for metric in ("active", *told):
        for by in BY:
            whole = series(client, metric=metric, by=by)
            parts = [part["counts"] for part in whole["split"]]
            assert [sum(numbers) for numbers in zip(*parts, strict=True)] == counts(whole)
    assert counts(series(client, step="1m"))[-1] == active(client) == 1
    peaks = [series(client, step=step)["peak"]["count"] for step in STEPS]
    assert peaks == [max(counts(series(client, step="1m")))] * 3
    apps = {part.get("value"): sum(part["counts"]) for part in series(client, metric="created", by="app_id")["split"]}
    assert apps == {"app_0": 4, "app_1": 4, None: 6}
    reasons = series(client, metric="ended", by="reason_code")["split"]
    assert {part["value"]: sum(part["counts"]) for part in reasons} == {
        "signed_out": 3,
        "erased": 2,
        "idle_timeout": 7,
    }


def test_a_point_is_as_many_as_were_active_at_its_end(client: Client) -> None:
    housekeeping(client)
    seen = []
    for number in range(4):
        for _ in range(number + 1):
            client.create(f"user_{number}")
        client.clock.advance(minutes=1)
        seen.append(active(client))
    client.clock.advance(minutes=3)
    housekeeping(client)

    one = series(client, step="1m", since=to_text(START), until=to_text(START + timedelta(minutes=4)))
    assert counts(one) == seen
    assert one["as_of"] >= to_text(START + timedelta(minutes=4))
    assert [point["at"] for point in one["points"]] == [to_text(START + timedelta(minutes=n)) for n in range(4)]


def test_events_of_another_tenant_change_nothing(client: Client) -> None:
    client.create()
    housekeeping(client)
    asked = [{"metric": metric, "by": by} for metric in ("active", "created", "ended") for by in ("", *BY)]
    before = [series(client, **one) for one in asked]

    for number in range(3):
        client.create(f"user_{number}", "globex", app_id="theirs", device_type="tablet")
    client.internal("DELETE", "/internal/session/session/user/user_0", "globex")
    housekeeping(client)

    assert [series(client, **one) for one in asked] == before
    assert counts(series(client, "globex", metric="created", step="24h")) == [3]


def test_what_cannot_be_shown_is_refused_with_what_to_change(client: Client) -> None:
    assert client.as_admin("GET", SERIES, "nobody").status_code == 404
    assert client.as_user("GET", SERIES, "usr_abc123").status_code == 403
    client.create()
    found = series(client, by="app_id")
    assert found["points"] == found["split"] == []  # nothing was counted yet
    assert found.keys().isdisjoint({"as_of", "peak"})
    for query, code in (
        ("since=2026-04-15T08:00:00Z&until=2026-04-15T08:00:00Z", "before"),
        ("since=2026-04-15T08:00:00Z&until=2026-04-15T09:00:00%2B02:00", "before"),
        ("step=1m&since=2026-04-12T08:00:00Z", "too_many_points"),
        ("step=1m&by=app_id&since=2026-04-14T08:00:00Z", "too_many_points"),
    ):
        for language in ("en", "zh-CN"):
            answer = client.as_admin("GET", f"{SERIES}?{query}", headers={"Accept-Language": language})
            assert answer.status_code == 400
            assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [("since", code)]
