"""A process of the earlier release and one of the present serve one database while it is migrated, and clients work.

`sojourn migrate` is killed after its first step, again and again, until nothing is left. Clients take either process
for any call. Afterwards every promise made to them is held against what they were told, and a tenant in which nothing
happened says what it said before, in its answers and in its rows.
"""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.serving import judge as run_conformance
from tests.faults.load import Load
from tests.faults.verdicts import judge
from tests.live import LiveServer
from tests.upgrade.beside.conftest import LINES
from tests.upgrade.beside.databases import Subject, subject
from tests.upgrade.beside.earlier import FIRST_RELEASE, Earlier, before_newest_schema, earlier
from tests.upgrade.questions import Caller, Question, contradictions

RELEASES = {"0.1.0": lambda: FIRST_RELEASE, "before the newest schema": before_newest_schema}
SIDE_BY_SIDE = 400
"""So many calls are acknowledged while both processes serve the new schema."""
WAIT_SECONDS = 180
RECOVERY_SECONDS = 60
"""Longer than under faults: two programs and a migration share the machine."""


@pytest.fixture(params=RELEASES)
def release(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Earlier]]:
    """An earlier release, by name."""
    with earlier(RELEASES[request.param](), tmp_path / "earlier") as found:
        yield request.param, found


@pytest.fixture
def database(request: pytest.FixtureRequest, tmp_path: Path, engine: str) -> Iterator[Subject]:
    """A database without tables."""
    yield from subject(engine, tmp_path, lambda: request.getfixturevalue("cluster"))


def test_old_and_new_processes_serve_one_database_while_it_is_migrated(
    release: tuple[str, Earlier], database: Subject, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    name, old = release
    old.run("migrate", **database.settings)
    before = old.serve(made(tmp_path / "old"), **database.settings)
    asked = fill(before)
    before.stop()  # what it had in mind is in the database now
    before.restart()
    answers(before, asked)
    wait_until_spent_tokens_are_dead(before)
    said = answers(before, asked)
    rows = database.rows()
    if old.commit == FIRST_RELEASE:
        miscount(database)
    ports = [before.port]
    load = Load(ports)
    seen: list[list[str]] = []
    killed: list[str] = []
    servers = [before]

    def upgrade() -> None:
        killed.extend(migrate_killed_after_every_step(database))
        servers.append(LiveServer(made(tmp_path / "new"), **database.settings))
        ports.append(servers[1].port)
        wait_for(load, SIDE_BY_SIDE)
        seen.extend(compare(server, asked, said) for server in servers)
        ports.remove(before.port)
        before.stop()
        done = database.sojourn("migrate", "--contract")
        assert done.returncode == 0, done.stderr
        seen.append(compare(servers[1], asked, said))

    try:
        history = load.run(upgrade)
    finally:
        for server in servers:
            server.stop()
    verdict = judge(history, RECOVERY_SECONDS)
    after = database.rows(like=rows)
    changed = {select: (rows[select], after[select]) for select in rows if rows[select] != after[select]}
    wrong = [line for lines in (*seen, *verdict.broken.values()) for line in lines]
    compared = sum(len(found) for found in rows.values())
    line = (
        f"| {name} | {database.engine} | {verdict.acknowledged} | {verdict.refused} | {verdict.unknown} |"
        f" {len(wrong)} | {compared} | {len(changed)} | {len(killed)} | {verdict.longest_gap:.1f} s |"
    )
    request.config.stash[LINES].append(line)
    print("\n" + line)

    assert not wrong, "\n".join(wrong[:40])
    assert not changed, changed
    assert killed
    assert compared > 50
    assert database.sojourn("check").returncode == 0
    assert "unexpected error" not in "".join(server.log.read_text() for server in servers)


def test_the_migrated_database_passes_the_core_profile(
    release: tuple[str, Earlier], database: Subject, tmp_path: Path
) -> None:
    """Also with what the earlier release has left in it."""
    _, old = release
    old.run("migrate", **database.settings)
    before = old.serve(made(tmp_path / "old"), **database.settings)
    fill(before)
    before.stop()
    assert database.sojourn("migrate", "--contract").returncode == 0

    server = LiveServer(made(tmp_path / "new"), SOJOURN_BODY_TIMEOUT="2s", **database.settings)
    said = run_conformance(server.url, tmp_path / "report", "--profile", "core")
    server.stop()

    print(said.output)
    assert said.status == 0, said.output
    assert set(said.verdicts.values()) <= {"pass", "not applicable"}


def made(folder: Path) -> Path:
    """The folder, made."""
    folder.mkdir()
    return folder


def fill(server: LiveServer) -> list[Question]:
    """Fill the quiet tenant; what can be asked of it."""
    caller = Caller(server.port)
    try:
        return caller.fill()
    except BaseException:
        server.stop()
        raise
    finally:
        caller.close()


def answers(server: LiveServer, asked: list[Question]) -> list[tuple[int, object]]:
    """What a server says of the quiet tenant."""
    caller = Caller(server.port)
    try:
        return [caller.ask(question) for question in asked]
    finally:
        caller.close()


def wait_until_spent_tokens_are_dead(server: LiveServer) -> None:
    """Or an answer would depend on when it is given."""
    caller = Caller(server.port)
    try:
        caller.wait_until_spent_tokens_are_dead()
    finally:
        caller.close()


def compare(server: LiveServer, asked: list[Question], said: list[tuple[int, object]]) -> list[str]:
    """Where a server contradicts what was said before."""
    says = answers(server, asked)
    return [
        line for one, was, now in zip(asked, said, says, strict=True) for line in contradictions(was, now, question=one)
    ]


def miscount(database: Subject) -> None:
    """What 0.1.0 left where clocks of hosts differed: sessions of a tenant counted twice."""
    database.sql(
        "INSERT INTO session_counters (tenant_id, kind, device_type, shard, value) VALUES ('acme', 'expired', '', 0, 3)"
        " ON CONFLICT (tenant_id, kind, device_type, shard) DO UPDATE SET value = session_counters.value + 3"
        " RETURNING value"
    )


def wait_for(load: Load, calls: int) -> None:
    """Until so many more calls are acknowledged."""
    wanted = acknowledged(load) + calls
    deadline = time.monotonic() + WAIT_SECONDS
    while acknowledged(load) < wanted:
        assert time.monotonic() < deadline, "too little happens to tell anything"
        time.sleep(0.1)


def acknowledged(load: Load) -> int:
    """How many calls have been."""
    return sum(call.outcome == "acknowledged" for call in load.calls())


def migrate_killed_after_every_step(database: Subject) -> list[str]:
    """Run the migration until it ends by itself; the step after which each run before was killed."""
    killed: list[str] = []
    while True:
        run = database.start("migrate")
        step = first_step(run)
        if step is None:
            stdout, stderr = run.communicate()
            assert run.returncode == 0, stderr
            assert "up to date" in stdout
            return killed
        run.kill()
        run.communicate()
        killed.append(step)


def first_step(run: subprocess.Popen[str]) -> str | None:
    """The first step that a migration tells; None when it has none."""
    assert run.stderr is not None
    for line in run.stderr:
        if line[:4].isdigit():
            return line.strip()
    return None
