"""What clients do to each other, what the next release does to this one, and what an operator does to both."""

import asyncio
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sojourn.storage import engines
from sojourn.storage.schema import revisions
from tests.faults.clients import RecordingClient
from tests.faults.conftest import Experiment
from tests.faults.history import History
from tests.faults.services import Service
from tests.live import API_KEY

Serve = Callable[..., Service]
BODY = b'{"auth_user_id": "usr_impatient"}'
REQUEST = (
    f"POST /internal/session/create HTTP/1.1\r\nHost: sojourn.test\r\nX-API-Key: {API_KEY}\r\n"
    f"X-Tenant-ID: impatient\r\nContent-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n"
).encode() + BODY
RESET = struct.pack("ii", 1, 0)
AT_ONCE = 4
"""So many hang up, then one waits. Nothing slows down those that wait for no answer: without a bound they would be an
overload, in which a request is rightly refused when it has waited for `SOJOURN_BUSY_TIMEOUT`."""
NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{before}"


def upgrade() -> None:
    for table in ("sessions", "session_tokens", "issued_tokens"):
        op.add_column(table, sa.Column("note", sa.String(64)))
    op.create_table("notes", sa.Column("id", sa.Integer(), primary_key=True))
"""


def test_clients_hang_up_in_the_middle(
    serve: Serve, database_url: str, experiment: Experiment, sql: Callable[[str], Any]
) -> None:
    """Connections are reset after some bytes of a request, or before its answer is read, hundreds when quiet."""
    service = serve(database_url, SOJOURN_DATABASE_POOL="2")
    chance = random.Random(1)
    waits = RecordingClient(service.port, "impatient", "usr_waits", History())

    def hang_up() -> None:
        deadline, resets = time.monotonic() + 5, 0
        while time.monotonic() < deadline:
            for _ in range(AT_ONCE):
                with socket.create_connection(("127.0.0.1", service.port), timeout=60) as connection:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                    whole = chance.random() < 0.7
                    connection.sendall(REQUEST if whole else REQUEST[: chance.randrange(1, len(REQUEST))])
                    time.sleep(chance.random() * 0.01)
                resets += 1
            assert waits.create() is not None, "who waits beside them is served"
            waits.close()  # the next one may be another worker's
        print(f"{resets} connections were reset")

    verdict = experiment("clients reset their connections for 5 s", service, hang_up)

    assert (verdict.refused, verdict.unknown) == (0, 0)
    if database_url.startswith("postgresql:"):
        busy = "SELECT count(*)::int FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'"
        assert sql(busy) == [(0,)]


def test_a_migration_runs_meanwhile(serve: Serve, database_url: str, experiment: Experiment, tmp_path: Path) -> None:
    """`sojourn migrate`, then the tables of a release to come: columns and a table more. Nobody notices."""
    service = serve(database_url)
    number = f"{int(revisions.HEAD) + 1:04d}"
    versions = tmp_path / "next" / "versions"
    shutil.copytree(Path(revisions.__file__).parent.parent / "migrations" / "versions", versions)
    (versions / f"{number}_notes.py").write_text(NEXT.format(revision=number, before=revisions.HEAD))

    def migrate() -> None:
        command = [sys.executable, "-m", "sojourn", "migrate"]
        subprocess.run(command, env=service.environ, check=True, capture_output=True)
        asyncio.run(engines.migrate(database_url, folder=versions.parent))
        time.sleep(1)

    verdict = experiment("migration during traffic", service, migrate)

    assert (verdict.refused, verdict.unknown) == (0, 0)


def test_workers_are_replaced_one_by_one(serve: Serve, database_url: str, experiment: Experiment) -> None:
    """SIGTERM to one worker after the other: it ends in good order, and the supervisor starts another in its place."""
    service = serve(database_url, SOJOURN_DRAIN_TIME="1s")
    before = service.workers()

    def replace_each() -> None:
        for worker in before:
            begun = service.starts()
            os.kill(worker, signal.SIGTERM)
            service.wait_for_starts(begun + 1)  # its successor serves before the next one goes

    verdict = experiment("workers replaced one by one (SIGTERM to each)", service, replace_each)

    assert (verdict.refused, verdict.unknown) == (0, 0)
