"""A cluster that is there already, in databases of the tests' own: made on every node, dropped at the end.

`SOJOURN_TEST_CLUSTER_URL` is a superuser's URL of a database on the coordinator in which the extension is made and the
nodes are added. The nodes must answer this machine, and each other for the role of the program, without a password.
`SOJOURN_TEST_CLUSTER_WORKER_STOP` and `…_START` are commands for a shell that stop and start the node `$HOST:$PORT`;
`…_PAUSE` and `…_RESUME` let all of its processes stand still and go on.
"""

import asyncio
import os
import re
import subprocess
from itertools import count
from typing import Any, NamedTuple

import asyncpg

ROLE = "sojourn_test"
SHARDS = 8
"""Few, because every table is made once for each of them."""
_URL = "SOJOURN_TEST_CLUSTER_URL"
_STOP, _START = "SOJOURN_TEST_CLUSTER_WORKER_STOP", "SOJOURN_TEST_CLUSTER_WORKER_START"
_PAUSE, _RESUME = "SOJOURN_TEST_CLUSTER_WORKER_PAUSE", "SOJOURN_TEST_CLUSTER_WORKER_RESUME"
_OF_URL = re.compile(r"(postgres(?:ql)?)://(?P<who>[^@]+)@(?P<host>[^:/]+)(?::(?P<port>\d+))?/(?P<database>[^?]+)")
_numbers = count(1)


class Node(NamedTuple):
    """Where a node of the cluster answers."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"'{self.host}', {self.port}"


class CitusCluster:
    """A coordinator and its workers, two or more."""

    def __init__(self, url: str) -> None:
        found = _OF_URL.match(url)
        assert found is not None, f"{_URL} reads postgresql://postgres@host:5432/database"
        self._who, self._home = found["who"], found["database"]
        self.coordinator = Node(found["host"], int(found["port"] or 5432))
        workers = "SELECT nodename, nodeport FROM pg_dist_node WHERE shouldhaveshards AND isactive ORDER BY 1, 2"
        self.workers = [Node(*row) for row in self.command(workers, self._home)]
        assert len(self.workers) > 1, f"{_URL} names a coordinator with {len(self.workers)} workers, two are needed"

    @classmethod
    def given(cls) -> "CitusCluster":
        """The cluster that the environment names."""
        url = os.environ.get(_URL)
        assert url, f"{_URL} names no cluster: docs/guides/cluster.md tells how to build one"
        return cls(url)

    def url(self, database: str, role: str = ROLE) -> str:
        """Where the program finds a database."""
        return f"postgresql://{role}@{self.coordinator.host}:{self.coordinator.port}/{database}"

    def create(self, workers: int | None = None) -> str:
        """The name of an empty database on every node, which knows the first `workers` of them, or all."""
        name = f"sojourn_test_{os.getpid()}_{next(_numbers)}"
        if not self.command(f"SELECT FROM pg_roles WHERE rolname = '{ROLE}'", self._home):
            self.command(f"CREATE ROLE {ROLE} LOGIN", self._home)  # the workers get it too
        for node in self._nodes():
            self.command(f"CREATE DATABASE {name} OWNER {ROLE} TEMPLATE template0", self._home, node=node)
            self.command("CREATE EXTENSION citus", name, node=node)
        self.command(f"ALTER DATABASE {name} SET citus.shard_count = {SHARDS}", self._home)
        self.command(f"SELECT citus_set_coordinator_host({self.coordinator})", name)
        for node in self.workers[:workers]:
            self.command(f"SELECT citus_add_node({node})", name)
        return name

    def drop(self, name: str) -> None:
        """Remove a database from every node, whoever is still connected."""
        for node in self._nodes():
            self.command(f"DROP DATABASE {name} WITH (FORCE)", self._home, node=node)

    def node_of(self, database: str, tenant: str) -> Node:
        """The worker that has a tenant's rows."""
        found = self.command(
            "SELECT nodename, nodeport FROM pg_dist_placement p JOIN pg_dist_node USING (groupid) WHERE p.shardid ="
            f" get_shard_id_for_distribution_column('sessions', '{tenant}')",
            database,
        )
        return Node(*found[0])

    def tenant_on(self, database: str, node: Node) -> str:
        """The name of a tenant whose rows are, or would be, on a worker."""
        return next(name for name in (f"tenant-{n}" for n in count()) if self.node_of(database, name) == node)

    def command(self, sql: str, database: str, *, node: Node | None = None, role: str | None = None) -> list[Any]:
        """Run a statement as the superuser, on the coordinator or another node."""
        where = node or self.coordinator

        async def run() -> list[Any]:
            connection = await asyncpg.connect(
                f"postgresql://{role or self._who}@{where.host}:{where.port}/{database}", statement_cache_size=0
            )
            try:
                return [tuple(row) for row in await connection.fetch(sql)]
            finally:
                await connection.close()

        return asyncio.run(run())

    def script(self, sql: str, database: str) -> None:
        """Run several statements as the superuser, in one transaction of the coordinator."""

        async def run() -> None:
            connection = await asyncpg.connect(self.url(database, self._who))
            try:
                await connection.execute(sql)
            finally:
                await connection.close()

        asyncio.run(run())

    def stop(self, node: Node) -> None:
        """Stop a worker."""
        _shell(os.environ[_STOP], node)

    def start(self, node: Node) -> None:
        """Start a worker again."""
        _shell(os.environ[_START], node)

    def pause(self, node: Node) -> None:
        """Let a worker stand still: it refuses no connection and answers nothing."""
        _shell(os.environ[_PAUSE], node)

    def resume(self, node: Node) -> None:
        """Let it go on."""
        _shell(os.environ[_RESUME], node)

    def _nodes(self) -> list[Node]:
        return [self.coordinator, *self.workers]


def can_lose_a_node() -> bool:
    """Whether the environment says how to stop and start a worker."""
    return _STOP in os.environ and _START in os.environ


def can_pause_a_node() -> bool:
    """Whether the environment says how a worker stands still and goes on."""
    return _PAUSE in os.environ and _RESUME in os.environ


def _shell(command: str, node: Node) -> None:
    environ = {**os.environ, "HOST": node.host, "PORT": str(node.port)}
    subprocess.run(command, shell=True, env=environ, check=True, timeout=120)
