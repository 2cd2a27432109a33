"""The statements that a process of the service has once it has imported storage, whatever a test run has made besides.

`python -m tests.storage.made` writes them as JSON.
"""

import importlib
import json
import pkgutil
import re
import subprocess
import sys
from functools import cache
from typing import NamedTuple, get_args

import sojourn.storage
from sojourn.storage.postgres.one_message import one_message
from sojourn.storage.queries.session_filters import CONDITIONS
from sojourn.storage.queries.session_search import Sort, Way, compiled
from sojourn.storage.statements import Statement, all_statements

OF_MANY = "= ANY ("


class Made(NamedTuple):
    """A statement for PostgreSQL. `in_one_message` is there for one that looks for rows by a list and only reads."""

    text: str
    in_one_message: str | None


@cache
def made() -> list[Made]:
    """All of them, in one order. A process of its own looks: in this one, tests have tables of theirs."""
    run = subprocess.run([sys.executable, "-m", __name__], check=True, capture_output=True, timeout=120)
    return [Made(*one) for one in json.loads(run.stdout)]


def _write() -> None:
    for module in pkgutil.walk_packages(sojourn.storage.__path__, "sojourn.storage."):
        if not re.search(r"\.(migrations|sqlite)\.", module.name):
            importlib.import_module(module.name)
    searches = [
        compiled(frozenset({*CONDITIONS}), way, sort=sort, begun=begun)
        for way in get_args(Way)
        for sort in get_args(Sort)
        for begun in (False, True)
    ]
    json.dump(sorted({_texts(one) for one in all_statements()}, key=str), sys.stdout)
    del searches  # until here: a statement that nobody holds is forgotten


def _texts(statement: Statement) -> Made:
    text = statement.numbered()[0]
    in_one_message = OF_MANY in text and statement.only_reads
    return Made(text, one_message(statement, one=False, of_tenant=True).text if in_one_message else None)


if __name__ == "__main__":
    _write()
