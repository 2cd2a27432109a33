"""The kill table: each liar before the judge, and whether the check that names its defect caught it.

`python -m tests.conformance.kill_table FOLDER` judges all of them in one process, with the suite's own command line,
and writes `kill_table.json` and `kill_table.md`. A liar is judged by the check that must fail and by one that must not:
a server on which everything fails would prove nothing.
"""

import contextlib
import gc
import io
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sojourn.app import create_app
from sojourn.conformance.checks import check_of
from sojourn.conformance.commandline import main as conformance
from sojourn.domain.clock import utc_now
from sojourn.settings import Settings
from tests.conformance.liars import (
    admitting,
    answering,
    changing,
    counting,
    finding,
    granting,
    lawless,
    living,
    policing,
    recording,
    repeating,
    retrying,
    sending,
    serving_one,
    suspending,
    telling,
    writing,
)
from tests.conformance.liars.lying import REGISTRY, Liar, LyingApp
from tests.conformance.serving import FIRST, MANAGER, SECOND, admin_token, receiver_url, served, with_manager
from tests.conformance.test_registry import check_functions
from tests.live import API_KEY, JWT_SECRET

SEED = "20260421"
"""Of what the checks draw: the same lies meet the same requests in every run."""
SAMPLE = ("IDM-003", "TEN-010")
"""Checks that should pass: the first, unless it is the liar's own."""
MODULES = (
    answering, admitting, changing, counting, finding, lawless, living, recording, repeating, retrying, sending,
    serving_one, suspending, telling, granting, policing, writing,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """What became of a liar."""

    defect: str
    caught_by: str
    killed: bool
    alive_elsewhere: bool
    seconds: float
    said: str


class Servers:
    """Our application, started once for all liars that need nothing of their own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0

    @contextlib.contextmanager
    def start(self, liar: Liar | None) -> Iterator[tuple[LyingApp, str]]:
        """An application and its address."""
        self._count += 1
        now = utc_now()
        environ = {
            "SOJOURN_DATABASE_URL": with_manager(f"sqlite:///{self._folder}/{self._count}.db"),
            "SOJOURN_INTERNAL_API_KEYS": API_KEY,
            "SOJOURN_JWT_SECRET": JWT_SECRET,
            "SOJOURN_RESPONSE_VALIDATION": "off",
            "SOJOURN_STREAM_MAX_AGE": "10ms",
            **(liar.settings if liar else {}),
        }
        clock = {"clock": lambda: now} if liar and liar.frozen else {}
        app = LyingApp(create_app(Settings.from_env(environ), **clock))
        with served(app) as url:
            yield app, url


def kill(liars: list[Liar], folder: Path) -> list[Row]:
    """Judge each."""
    rows = []
    servers = Servers(folder)
    with servers.start(None) as (shared, url):
        healthy, said = verdicts_of(url, folder, list(SAMPLE), ())  # leaves sessions, too, for what only reads
        if set(healthy.values()) != {"pass"}:
            raise RuntimeError(f"the healthy server does not pass: {said}")
        gc.collect()
        gc.freeze()  # what is there now stays until the last liar: to look for garbage in it finds none
        for liar in liars:
            if liar.settings or liar.frozen:
                with servers.start(liar) as (own, own_url):
                    rows.append(judged(liar, own, own_url, folder))
            else:
                rows.append(judged(liar, shared, url, folder))
            print(f"{'killed' if rows[-1].killed else 'ALIVE':<8}{liar.caught_by}  {liar.defect}", flush=True)
    return rows


def judged(liar: Liar, app: LyingApp, url: str, folder: Path) -> Row:
    """The row of a liar that serves at `url`."""
    sample = next(name for name in SAMPLE if name != liar.caught_by)
    began = time.monotonic()
    app.believe(liar.lie)
    try:
        verdicts, said = verdicts_of(url, folder, [liar.caught_by, sample], liar.options)
    finally:
        app.believe(None)
    return Row(
        liar.defect,
        liar.caught_by,
        verdicts.get(liar.caught_by) == "fail",
        verdicts.get(sample) == "pass",
        round(time.monotonic() - began, 1),
        said,
    )


def verdicts_of(url: str, folder: Path, checks: list[str], options: tuple[str, ...]) -> tuple[dict[str, str], str]:
    """What the suite says of some checks, run in this process."""
    arguments = [url, "--api-key", API_KEY, "--admin-token", admin_token(FIRST)]
    arguments += ["--second-admin-token", admin_token(SECOND), "--report-dir", str(folder), "--patience", "10"]
    arguments += ["--seed", SEED, "--manage-api-key", MANAGER.text]
    if "short" in options:
        arguments += ["--short-lived-url", url]
    if "receiver" in options:
        arguments += ["--receiver-url", receiver_url()]
    if "stranger" in options:
        arguments += ["--stranger-token", admin_token("nowhere")]
    if "user" in options:
        arguments += ["--user-token", admin_token(FIRST, "somebody", role="member")]
    if "few" in options:
        arguments += ["--examples", "1"]
    report = folder / "report.json"
    report.unlink(missing_ok=True)
    arguments += [part for name in checks for part in ("--check", name)]
    only = next((name.removeprefix("about ") for name in options if name.startswith("about ")), None)
    if only is not None:
        arguments += ["--", "-k", " or ".join((only, *(place_of(name) for name in SAMPLE)))]
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        conformance(arguments)
    document: dict[str, Any] = json.loads(report.read_text()) if report.exists() else {"checks": []}
    failed = [case["message"] for check in document["checks"] for case in check["cases"] if case["verdict"] == "fail"]
    return {check["id"]: check["verdict"] for check in document["checks"]}, (failed or [""])[0][:160]


def place_of(check: str) -> str:
    """The name of a check's function, as pytest selects it."""
    return next(function.__name__ for function in check_functions() if check_of(function).id == check)


def as_markdown(rows: list[Row]) -> str:
    """The table for people."""
    lines = [
        f"# Kill table: {sum(row.killed for row in rows)} of {len(rows)} liars caught by the check that names them",
        "",
    ]
    lines += ["| liar | check | caught | what it said |", "|---|---|---|---|"]
    for row in rows:
        said = row.said.replace("|", "\\|").replace("\n", " ")
        lines.append(f"| {row.defect} | {row.caught_by} | {'yes' if row.killed else '**no**'} | {said} |")
    return "\n".join(lines) + "\n"


def main(folder: Path) -> int:
    """Judge all liars, write the table, leave with 1 when one was not caught."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as passing:
        rows = kill(REGISTRY, Path(passing))
    (folder / "kill_table.json").write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")
    (folder / "kill_table.md").write_text(as_markdown(rows))
    print(as_markdown(rows).splitlines()[0].removeprefix("# "))
    return 0 if all(row.killed for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
