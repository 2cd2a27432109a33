"""What `sojourn dev` prints: credentials that it made itself, and no secret that somebody has set."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.live import API_KEY, JWT_SECRET, free_port


@contextmanager
def printed(**environ: str) -> Iterator[dict[str, str]]:
    """The lines of the welcome by their names; the program ends with the block."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SOJOURN_")}
    command = [sys.executable, "-m", "sojourn", "dev", "--port", str(free_port())]
    with subprocess.Popen(
        command, env=clean | environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, bufsize=1
    ) as process:
        try:
            found: dict[str, str] = {}
            for line in process.stdout or ():
                name, _, value = line.partition("  ")
                found[name] = value.strip()
                if name == "Admin token":
                    break
            yield found
        finally:
            process.terminate()


def test_credentials_that_were_made_for_the_moment_are_printed() -> None:
    with printed() as found:
        assert re.fullmatch(r"dev-[\w-]{40,}", found["API key"])
        assert re.fullmatch(r"eyJ[\w-]+\.[\w-]+\.[\w-]+", found["Admin token"])


def test_what_somebody_has_set_is_not_printed_and_signs_nothing() -> None:
    with printed(SOJOURN_INTERNAL_API_KEYS=API_KEY, SOJOURN_JWT_SECRET=JWT_SECRET) as found:
        assert found["API key"] == "one of those that you have set"
        assert found["Admin token"] == "`sojourn token` prints one"
