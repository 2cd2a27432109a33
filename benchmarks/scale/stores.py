"""The databases of each size: made by `sojourn seed`, measured on disk."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from sojourn.domain.clock import to_text
from tests import postgres

TENANTS = 20
SESSIONS_PER_USER = 10


@contextmanager
def urls(engine: str, folder: Path) -> Iterator["Store"]:
    """Where databases of an engine are made; a PostgreSQL server of its own runs meanwhile, writing durably."""
    if engine == "sqlite":
        yield Store(folder, None)
        return
    with postgres.cluster(postgres.Cluster, "fsync=on", "max_wal_size=4GB") as cluster:
        yield Store(folder, cluster)


class Store:
    """One engine's databases."""

    def __init__(self, folder: Path, cluster: postgres.Cluster | None) -> None:
        self._folder = folder
        self._cluster = cluster
        self._names: dict[int, str] = {}

    def fill(self, size: int, until: datetime) -> str:
        """The URL of a new database with `size` sessions that end at `until`."""
        if self._cluster is None:
            url = f"sqlite:///{self._folder}/scale-{size}.db"
        else:
            self._names[size] = self._cluster.create()
            url = self._cluster.url(self._names[size])
        users = max(TENANTS, size // SESSIONS_PER_USER)
        command = [sys.executable, "-m", "sojourn", "seed", "--database-url", url, "--until", to_text(until)]
        command += ["--tenants", str(TENANTS), "--users", str(users), "--sessions", str(size)]
        subprocess.run(
            command,
            check=True,
            env={**os.environ, "SOJOURN_REFRESH_SECRET": "benchmark-secret-0123456789abcdef0123456789abcdef"},
        )
        if self._cluster is not None:
            self._cluster.command("VACUUM (FREEZE, ANALYZE)", self._names[size])
            self._cluster.command("CHECKPOINT")
        return url

    def bytes(self, size: int) -> int:
        """What the sessions take on disk, indexes included; of a SQLite file, everything."""
        if self._cluster is None:
            return (self._folder / f"scale-{size}.db").stat().st_size
        found = self._cluster.command(
            "SELECT sum(pg_total_relation_size(inhrelid))::bigint FROM pg_inherits"
            " WHERE inhparent = 'sessions'::regclass",
            self._names[size],
        )
        return int(found[0][0])
