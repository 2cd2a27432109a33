"""Work beside the requests goes on after every failure."""

import asyncio
import logging
from collections.abc import Callable

import pytest

from sojourn.domain.errors import Unavailable
from sojourn.serving.recurring import recur

FAILURES = (Unavailable, ValueError, KeyError, RuntimeError, TimeoutError, asyncio.InvalidStateError)


@pytest.mark.parametrize("failure", FAILURES)
def test_no_failure_ends_work_that_recurs(failure: Callable[[], Exception], caplog: pytest.LogCaptureFixture) -> None:
    rounds = 0

    async def work() -> None:
        nonlocal rounds
        rounds += 1
        if rounds < 3:
            raise failure()
        asyncio.current_task().cancel()  # type: ignore[union-attr]  # there is one
        await asyncio.sleep(0)

    with caplog.at_level(logging.WARNING), pytest.raises(asyncio.CancelledError):
        asyncio.run(recur("sweeping", work, seconds=0.001))

    assert rounds == 3
    levels = [record.levelno for record in caplog.records]
    assert levels == [logging.WARNING if failure is Unavailable else logging.ERROR] * 2
    assert "sweeping" in caplog.text
