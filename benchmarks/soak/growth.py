"""What may grow while a server works: its memory, its open files, its database."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.live import LiveServer
from tests.postgres import Cluster


@dataclass(frozen=True, slots=True)
class Sizes:
    """One look. Bytes; `memory` is the proportional share of all processes of the server together."""

    memory: int
    descriptors: int
    tables: int
    indexes: int
    log: int


def look(server: LiveServer, database: Path | None, cluster: Cluster | None, name: str) -> Sizes:
    """The sizes now. A SQLite file has its indexes in it; they are counted with the tables."""
    processes = {server.process.pid, *server.workers()}
    if cluster is None:
        files = () if database is None else database.parent.glob(f"{database.name}*")
        tables, indexes = sum(file.stat().st_size for file in files), 0
    else:
        tables, indexes = cluster.command(
            "SELECT coalesce(sum(pg_table_size(c.oid)), 0)::bigint, coalesce(sum(pg_indexes_size(c.oid)), 0)::bigint"
            " FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace",
            name,
        )[0]
    return Sizes(
        memory=sum(map(proportional_bytes, processes)),
        descriptors=sum(len(list(Path(f"/proc/{process}/fd").iterdir())) for process in processes),
        tables=int(tables),
        indexes=int(indexes),
        log=server.log.stat().st_size,
    )


def proportional_bytes(process: int) -> int:
    """A process's share of the memory that it uses: what it has with others counts in part.

    Without what is read from files (its program, libraries): that share grows when another process of the machine ends.
    """
    for line in Path(f"/proc/{process}/smaps_rollup").read_text("ascii").splitlines():
        if line.startswith("Pss_Anon:"):
            return int(line.split()[1]) * 1024
    return 0


def growth(values: Iterable[float]) -> float:
    """How much a series has grown from its first tenth to its last: 0.02 is two per cent.

    Of each tenth the median counts, so no single peak does.
    """
    series = list(values)
    tenth = max(1, len(series) // 10)
    first, last = sorted(series[:tenth]), sorted(series[-tenth:])
    return last[len(last) // 2] / first[len(first) // 2] - 1 if first[len(first) // 2] else 0.0
