"""Write down what an earlier release says: `python -m tests.upgrade.record COMMIT NAME`, in a clone with its history.

`NAME.sql` is the SQLite file of a service of that commit with a tenant full of everything, `NAME.json` what it
answered about it, and when. `test_answers` asks the present program the same, at the same instant.
"""

import json
import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from sojourn.domain.clock import to_text, utc_now
from tests.live import REFRESH_SECRET
from tests.upgrade.beside.earlier import earlier
from tests.upgrade.questions import Caller
from tests.upgrade.released import HERE


def record(commit: str, name: str) -> None:
    """Run the service of a commit, fill it, ask it, and write both files."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sojourn.db"
        with earlier(commit, Path(folder) / "tree") as old:
            where = {"SOJOURN_DATABASE_URL": f"sqlite:///{path}", "SOJOURN_REFRESH_SECRET": REFRESH_SECRET}
            server = old.serve(Path(folder), **where)
            caller = Caller(server.port)
            asked = caller.fill()
            caller.close()
            server.stop()  # what it had in mind is in the file now
            full = sqlite3.connect(":memory:")
            with closing(sqlite3.connect(path)) as file:
                file.backup(full)
            server.restart()
            at = to_text(utc_now())
            said = [[*question, *caller.ask(question)] for question in asked]
            caller.close()
            server.stop()
    with closing(full):
        (HERE / f"{name}.sql").write_text("\n".join(full.iterdump()) + "\n")
    lines = ",\n".join(json.dumps(one) for one in said)
    (HERE / f"{name}.json").write_text(f'{{"at": "{at}", "answers": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    record(*sys.argv[1:])
