"""The snippets of a page, run from top to bottom in one shell, in an empty folder."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.live import free_port

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PRELUDE = (Path(__file__).parent / "prelude.sh").read_text("utf-8")
SECONDS = 900


@dataclass(frozen=True, slots=True)
class Snippet:
    """A fenced block of a page."""

    language: str
    text: str


def snippets(page: Path) -> list[Snippet]:
    """The page's fenced blocks, in order."""
    return [Snippet(language, text) for language, text in FENCE.findall(page.read_text("utf-8"))]


def shell_script(blocks: list[Snippet], replacements: dict[str, str]) -> str:
    """The page as one script: what block N prints goes to the file `N.out`."""
    parts = [PRELUDE]
    for number, block in enumerate(blocks):
        text = block.text
        for shown, real in replacements.items():
            text = text.replace(shown, real)
        if block.language == "sh":
            text = re.sub(r"^sojourn serve( 2>server\.log)?( &)?$", "serve", text, flags=re.MULTILINE)
            parts.append(f"{{\n{text}}} >{number}.out\n")
        elif block.language == "python":
            parts.append(f"python3 - >{number}.out <<'SNIPPET'\n{text}SNIPPET\n")
    return "\n".join(parts)


def run(page: Path, folder: Path, replacements: dict[str, str] | None = None, **environ: str) -> Iterator[str]:
    """Run the page's snippets; for each answer that is shown, what is missing from the one that came."""
    blocks = snippets(page)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SOJOURN_")}
    settings = {"SOJOURN_PORT": str(free_port()), "PYTHON": sys.executable, "PYTHONPATH": str(ROOT), **environ}
    script = subprocess.Popen(
        ["bash", "-c", shell_script(blocks, replacements or {})],
        cwd=folder,
        env=clean | settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        _, errors = script.communicate(timeout=SECONDS)
    finally:
        with suppress(ProcessLookupError):  # what the page has started and not ended: our server, an application
            os.killpg(script.pid, signal.SIGTERM)
    if script.returncode:
        yield f"status {script.returncode}: {errors}"
        return
    for number, block in enumerate(blocks):
        if block.language == "json":
            came = (folder / f"{number - 1}.out").read_text("utf-8")
            yield from missing(json.loads(block.text), last_value(came), f"answer {number}")


def last_value(text: str) -> Any:
    """The last of several JSON values that stand one behind the other, as answers do that `curl` prints."""
    value, rest = None, text.strip()
    while rest:
        value, end = json.JSONDecoder().raw_decode(rest)
        rest = rest[end:].lstrip()
    return value


def missing(shown: Any, came: Any, place: str) -> Iterator[str]:
    """What is shown and did not come. Members that are not shown do not matter; `…` stands for any text."""
    if isinstance(shown, dict) and isinstance(came, dict):
        for name, value in shown.items():
            yield from missing(value, came.get(name), f"{place}.{name}")
    elif isinstance(shown, list) and isinstance(came, list) and len(shown) == len(came):
        for number, value in enumerate(shown):
            yield from missing(value, came[number], f"{place}[{number}]")
    elif not (shown == "…" and isinstance(came, str) and came) and shown != came:
        yield f"{place}: {shown!r} is shown, {came!r} came"
