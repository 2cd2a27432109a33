"""A database of uneven tenants, filled by the server itself: one tenant has half, one user a hundredth of all sessions.

Sessions of the oldest weeks have ended and are settled, those of the last two are active or were revoked. Each session
has a refresh state and a token in the inventory.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from sojourn.domain.ids import first_uuid7
from sojourn.storage.postgres.partitions import WEEK

WEEKS = 12
BIG, SMALL = "big", "t3"
CROWD, SOMEBODY = "crowd", "u4711"
"""The user of a hundredth of all sessions, and one of the others: both are in the big tenant."""

_LIFE = timedelta(weeks=2)
_IN_ONE = 200_000
"""Rows of one statement."""

_SESSIONS = """
    WITH numbered AS (
        SELECT n, CASE WHEN n % 2 = 0 THEN '{big}' ELSE 't' || (n / 2) % 19 END AS tenant,
            CASE WHEN n % 100 = 0 THEN '{crowd}' ELSE 'u' || (n::bigint * 7919) % {users} END AS person,
            '{monday}'::timestamptz + (n - {first}) * interval '{step} milliseconds' AS begun
        FROM generate_series({since}, {until}) n
    ), made AS (
        SELECT *, begun + interval '{life} seconds' AS over, (n / 7) % 10 < 3 AS is_revoked,
            (lpad(to_hex((extract(epoch FROM begun) * 1000)::bigint), 12, '0') || '7' || substr(md5(n::text), 1, 3)
                || '8' || substr(md5(n::text), 4, 15))::uuid AS key
        FROM numbered
    ), written AS (
        INSERT INTO sessions (tenant_id, id, user_id, created_at, authenticated_at, last_active_at, expires_at,
            idle_expires_at, due_at, revoked_at, revoked_by, revoke_reason, amr, device_id, device_type, ip, user_agent)
        SELECT tenant, key, person, begun, begun, begun, over, over,
            CASE WHEN is_revoked OR over <= '{now}' THEN NULL ELSE over END,
            CASE WHEN is_revoked THEN least(begun + interval '1 hour', '{now}') END,
            CASE WHEN is_revoked THEN person END, CASE WHEN is_revoked THEN 'unspecified' END,
            'password', CASE WHEN n % 5 = 0 THEN 'dev' || n % 1000000 END,
            (ARRAY['desktop', 'mobile', 'tablet'])[1 + n % 3], '192.0.2.' || n % 256,
            'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'
        FROM made
    ), refreshed AS (
        INSERT INTO session_tokens (tenant_id, session_id, first_generation, generation, nonce, token_hash,
            rotated_at, expires_at, successor_used)
        SELECT tenant, key, 0, 0, 'n', md5('r' || n), begun, over, false FROM made
    )
    INSERT INTO issued_tokens (tenant_id, id, session_id, user_id, token_type, token_hash, created_at, expires_at,
        cut_offs, elevations)
    SELECT tenant, 'tok_' || key, key, person, 'access', md5('a' || n), begun, begun + interval '15 minutes', 0, 0
    FROM made
"""
_INDEXES = "SELECT indexdef, indexname FROM pg_indexes WHERE tablename = 'issued_tokens' AND indexname LIKE '%x\\_%'"
INDEXES_OF_TOKENS = _INDEXES
"""The definition and the name of each: they are made once the rows are there."""


def weeks(now: datetime) -> list[datetime]:
    """The Mondays of the weeks that are filled, the present one last."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    monday = midnight - timedelta(days=midnight.weekday())
    return [monday - WEEK * number for number in reversed(range(WEEKS))]


def statements(sessions: int, now: datetime) -> Iterator[str]:
    """What fills the tables, in turn."""
    tenants = [BIG, *(f"t{number}" for number in range(19))]
    values = ", ".join(f"('{name}', '{now.isoformat()}')" for name in tenants)
    yield f"INSERT INTO tenants (id, created_at) VALUES {values}"
    each, users = sessions // WEEKS, max(sessions // 20, 1)
    for number, monday in enumerate(weeks(now)):
        first = number * each
        last_of_all = min(monday + WEEK, now)
        step = (last_of_all - monday) / timedelta(milliseconds=1) / each
        for since in range(first, first + each, _IN_ONE):
            yield _SESSIONS.format(
                big=BIG,
                crowd=CROWD,
                users=users,
                monday=monday.isoformat(),
                first=first,
                step=f"{step:.6f}",
                since=since,
                until=min(since + _IN_ONE, first + each) - 1,
                life=int(_LIFE.total_seconds()),
                now=now.isoformat(),
            )
    yield (
        "INSERT INTO users (tenant_id, user_id, key, created_at) SELECT tenant_id, user_id,"
        " hashtextextended(user_id, 0), min(created_at) FROM sessions GROUP BY tenant_id, user_id"
        " ON CONFLICT DO NOTHING"
    )
    yield (
        "INSERT INTO session_counters (tenant_id, kind, device_type, shard, value) SELECT tenant_id, 'created',"
        " device_type, 0, count(*) FROM sessions GROUP BY tenant_id, device_type"
    )
    yield (
        "INSERT INTO session_counters (tenant_id, kind, device_type, shard, value) SELECT tenant_id, 'revoked',"
        " '', 0, count(revoked_at) FROM sessions GROUP BY tenant_id"
    )


def newest_id(now: datetime) -> str:
    """An id later than those of all sessions."""
    return first_uuid7((now + WEEK).isoformat())
