"""Back-ups taken while clients work, restored by the page: what was acknowledged is there, nothing dead lives again.

Each kind is taken in the middle of the work, with the commands of docs/guides/backup-and-restore.md. Sessions of before
are there, and have ended; their tokens and API keys are refused. Sessions of after are not there, nor are their tokens
good. The numbers are what a recount gives: the back-up is of one instant.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.backups.drill import Drill, from_page
from tests.backups.servers import Archiving, archiving, restored


@pytest.fixture(scope="module")
def server() -> Iterator[Archiving]:
    """A PostgreSQL that archives its log."""
    with archiving() as running:
        yield running


def run_python(text: str, folder: Path) -> None:
    subprocess.run([sys.executable, "-c", text], cwd=folder, check=True)


@pytest.mark.parametrize(("words", "name"), [("source.backup(copy)", "backup.db"), ("VACUUM INTO", "smaller.db")])
def test_a_file_is_copied_while_clients_work(tmp_path: Path, migrated_file: Path, words: str, name: str) -> None:
    shutil.copy(migrated_file, tmp_path / "sojourn.db")
    drill = Drill.on(tmp_path, f"sqlite:///{tmp_path}/sojourn.db")

    drill.work(lambda: run_python(from_page("python", words), tmp_path))

    drill.restore(tmp_path / "again", f"sqlite:///{tmp_path}/{name}")


def test_a_dump_is_made_while_clients_work(tmp_path: Path, server: Archiving) -> None:
    name = server.create()
    drill = Drill.on(tmp_path, server.url(name))

    def run(text: str) -> None:
        subprocess.run(["bash", "-e", "-c", text], cwd=tmp_path, env=server.environ, check=True)

    drill.work(lambda: run(from_page("bash", "pg_dump").replace(" sojourn\n", f" {name}\n")))
    server.drop(name)
    run(from_page("bash", "pg_restore"))

    drill.restore(tmp_path / "again", server.url("restored"))
    server.drop("restored")


def test_a_server_is_taken_back_to_a_point_in_time(tmp_path: Path, server: Archiving) -> None:
    """The base back-up is older: clients work on until the instant to which the log is replayed."""
    name = server.create()
    base = from_page("bash", "pg_basebackup")
    subprocess.run(["bash", "-e", "-c", base], cwd=tmp_path, env=server.environ, check=True)
    drill = Drill.on(tmp_path, server.url(name))
    instants: list[str] = []

    drill.work(lambda: instants.append(server.command("SELECT clock_timestamp()::text")[0][0]))
    server.archive_all()

    settings = from_page("ini", "recovery_target_time", **{"/archive/": f"{server.archive}/"})
    settings = settings.replace("2026-11-26 03:15:00+00", instants[0])
    with restored(tmp_path / "base", settings) as again:
        drill.restore(tmp_path / "again", again.url(name))
