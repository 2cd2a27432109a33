"""A file whose file system failed is opened anew by itself; one that was only moved away is used on."""

import asyncio
import shutil
import time
from pathlib import Path

import pytest

from sojourn.domain.errors import Unavailable
from sojourn.storage.queries import sessions
from tests.conftest import on_sqlite
from tests.faults.disks import BrokenDisk
from tests.storage.conftest import T0, Store, new_session

PATIENCE_SECONDS = 15


def count(store: Store) -> int:
    return store.read(lambda unit: sessions.count_active_of_user(unit, "ann", now=T0))


def test_a_file_system_that_broke_and_was_mended_is_written_again(migrated_file: Path, tmp_path: Path) -> None:
    disk = BrokenDisk(tmp_path / "disk")
    try:
        shutil.copy(migrated_file, disk.folder / "sojourn.db")
        store = Store(f"sqlite:///{disk.folder}/sojourn.db")
        store.add(new_session())
        disk.break_it()
        for _ in range(3):
            with pytest.raises(Unavailable):
                store.add(new_session())
            assert count(store) == 1

        async def mend() -> None:
            await asyncio.to_thread(disk.mend)

        store.run(mend())  # the file is let go meanwhile, else it could not be mended
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                store.add(new_session())
                break
            except Unavailable:
                assert time.monotonic() < deadline
        assert count(store) == 2
        store.close()
    finally:
        disk.remove()


def test_nothing_is_valid_while_the_broken_file_is_away(migrated_file: Path, tmp_path: Path) -> None:
    disk = BrokenDisk(tmp_path / "disk")
    try:
        shutil.copy(migrated_file, disk.folder / "sojourn.db")
        store = Store(f"sqlite:///{disk.folder}/sojourn.db")
        store.add(new_session())
        disk.break_it()
        disk.remove()
        with pytest.raises(Unavailable):
            store.add(new_session())
        with pytest.raises(Unavailable):
            count(store)
        assert not store.run(store.database.is_reachable())
        assert list(disk.folder.iterdir()) == [], "no new file is made where it was"
        store.close()
    finally:
        disk.remove()


@on_sqlite
def test_a_file_that_was_moved_away_is_used_on(store: Store, tmp_path: Path) -> None:
    store.path.rename(tmp_path / "elsewhere.db")
    store.add(new_session())
    store.run(asyncio.sleep(1.2))
    store.add(new_session())

    assert count(store) == 2
    assert not store.path.exists()
