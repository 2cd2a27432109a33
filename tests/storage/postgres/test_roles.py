"""A role that row security does not hold is refused: nothing would keep its statements to one tenant."""

import asyncio
import logging

import pytest

from sojourn.storage.database import RowSecurityBypassed
from sojourn.storage.engines import open_database
from tests.postgres import ROLE, Cluster


async def opened(url: str, *, allow_bypass: bool = False) -> bool:
    """Whether the database opens."""
    try:
        database = await open_database(url, allow_bypass=allow_bypass)
    except RowSecurityBypassed:
        return False
    await database.close()
    return True


def test_a_role_that_steps_over_row_security_is_refused_unless_allowed(
    cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    name = cluster.create()
    cluster.command("CREATE ROLE steps_over LOGIN BYPASSRLS")
    try:
        cluster.command(f"GRANT {ROLE} TO steps_over")
        for role in ("postgres", "steps_over"):
            assert not asyncio.run(opened(cluster.url(name, role)))
            with caplog.at_level(logging.WARNING):
                assert asyncio.run(opened(cluster.url(name, role), allow_bypass=True))
            assert "steps over row security" in caplog.text
            caplog.clear()
        assert asyncio.run(opened(cluster.url(name)))
    finally:
        cluster.drop(name)
        cluster.command("DROP ROLE steps_over")
