"""Wrong API keys are counted for an address, by all workers together."""

import collections
import http.client
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.authentication.guess_limit import GuessLimit, network_of
from sojourn.authentication.shared_counts import SharedCounts
from sojourn.domain.errors import RateLimited
from tests.live import LiveServer

NOW = datetime(2026, 4, 15, 8, 0, 18, tzinfo=UTC)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_a_host_cannot_take_another_address_to_guess_on(address: str, network: str) -> None:
    assert network_of(address) == network


@given(st.lists(st.sampled_from(["a", "b", "c"]), max_size=50))
def test_each_key_is_counted_for_itself(keys: list[str]) -> None:
    counts, seen = SharedCounts(), collections.Counter[str]()

    for key in keys:
        seen[key] += 1
        assert counts.count(key, NOW) == seen[key]


def test_the_next_minute_begins_at_nothing() -> None:
    limit = GuessLimit(1, SharedCounts())
    limit.wrong("192.0.2.7", NOW)

    with pytest.raises(RateLimited) as caught:
        limit.wrong("192.0.2.7", NOW)

    assert caught.value.params == {"retry_after": 42}
    limit.wrong("192.0.2.8", NOW)
    limit.wrong("192.0.2.7", NOW.replace(minute=1))


def test_the_limit_holds_across_workers(tmp_path: Path) -> None:
    server = LiveServer(tmp_path, "--workers", "3", SOJOURN_API_KEY_GUESSES="10")
    statuses = collections.Counter[int]()
    for _ in range(60):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        headers = {"X-API-Key": "no-such-key", "X-Tenant-ID": "acme"}
        connection.request("GET", "/internal/session/sessions/usr_abc123/active", headers=headers)
        statuses[connection.getresponse().status] += 1
        connection.close()
    server.stop()

    assert 10 <= statuses[401] <= 20  # the minute may change meanwhile
    assert statuses[401] + statuses[429] == 60
