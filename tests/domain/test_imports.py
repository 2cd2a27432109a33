"""Which instants a line of an import may name, and the deadlines that follow."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.domain.clock import to_text
from sojourn.domain.errors import ValidationFailed
from sojourn.domain.imports import identity_of, moments_of
from sojourn.domain.sessions import Timeouts

NOW = datetime(2026, 4, 15, 8, tzinfo=UTC)
HOURS = st.integers(-50, 50).map(lambda hours: to_text(NOW + timedelta(hours=hours)))
LINES = st.fixed_dictionaries(
    {"created_at": HOURS}, optional={"last_active_at": HOURS, "expires_at": HOURS, "auth_time": HOURS}
)
SPANS = st.tuples(st.integers(1, 40), st.integers(0, 40)).map(
    lambda pair: Timeouts(timedelta(hours=pair[0]), timedelta(hours=sum(pair)))
)


@given(LINES, SPANS)
def test_a_line_is_refused_or_its_session_lives_no_longer_than_its_own_end_and_the_timeouts(
    line: dict[str, Any], timeouts: Timeouts
) -> None:
    at = {name: datetime.fromisoformat(text) for name, text in line.items()}
    used = at.get("last_active_at", at["created_at"])
    is_wrong = (
        max(at["created_at"], used, at.get("auth_time", NOW)) > NOW
        or used < at["created_at"]
        or at.get("expires_at", NOW + timedelta(days=999)) <= at["created_at"]
    )
    if is_wrong:
        with pytest.raises(ValidationFailed):
            moments_of(line, NOW, timeouts=timeouts)
        return

    found = moments_of(line, NOW, timeouts=timeouts)

    ends = [at["created_at"] + timeouts.absolute, *([at["expires_at"]] if "expires_at" in at else [])]
    assert found.deadlines.expires_at == min(ends)
    assert found.deadlines.idle_expires_at == min(*ends, used + timeouts.idle)
    assert (found.created_at, found.last_active_at) == (at["created_at"], used)
    assert found.authenticated_at == at.get("auth_time", at["created_at"])


@given(st.lists(st.tuples(st.text(), st.text()), min_size=2, max_size=2, unique=True))
def test_two_sessions_are_never_taken_for_one(pairs: list[tuple[str, str]]) -> None:
    one, other = pairs

    assert identity_of(*one) != identity_of(*other)
