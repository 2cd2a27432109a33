"""A service on a database that 0.1.0 has filled, at the present schema, before the judge: the seed profile.

`tox -e upgrade` runs the core profile, on a database that a process of 0.1.0 fills at that moment.
"""

import asyncio
from pathlib import Path

import httpx
import pytest

from sojourn.storage import engines
from tests.conformance.serving import FIRST, judge
from tests.live import API_KEY, REFRESH_SECRET, LiveServer
from tests.postgres import Cluster
from tests.upgrade.released import HERE, filled


def sign_in(live: LiveServer) -> None:
    """A session of now: those in the file ended with time, and the profile needs somebody to ask for."""
    httpx.post(
        f"{live.url}/internal/session/create",
        headers={"X-API-Key": API_KEY, "X-Tenant-ID": FIRST},
        json={"auth_user_id": "root", "device_type": "desktop"},
        timeout=60,
    ).raise_for_status()


def test_the_migrated_database_passes_the_seed_profile(
    tmp_path: Path, engine: str, request: pytest.FixtureRequest
) -> None:
    server: Cluster | None = request.getfixturevalue("cluster") if engine == "postgresql" else None
    with filled(HERE / "schema_0001.sql", tmp_path, cluster=server) as (url, _):
        asyncio.run(engines.migrate(url, contract=True))
        live = LiveServer(tmp_path, SOJOURN_DATABASE_URL=url, SOJOURN_REFRESH_SECRET=REFRESH_SECRET)
        try:
            sign_in(live)
            said = judge(live.url, tmp_path / "report", "--profile", "seed")
        finally:
            live.stop()

    assert said.status == 0, said.output
    assert set(said.verdicts.values()) <= {"pass", "not applicable"}
