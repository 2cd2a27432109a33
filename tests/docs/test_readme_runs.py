"""The README's blocks, in order and as written, in a shell without settings and an empty folder.

Only the address to clone from and the port are others: a copy of this checkout, and a free one.
"""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from tests.docs.snippets import ROOT, Snippet, snippets
from tests.live import free_port

SOURCE = "https://sojourn.example/source"
FOREGROUND = ".venv/bin/sojourn demo\n"
SECONDS = 900


def environment(home: Path) -> dict[str, str]:
    """What a new terminal has: a home, and programs on its path."""
    return {"HOME": str(home), "PATH": f"{Path(sys.executable).resolve().parent}:/usr/local/bin:/usr/bin:/bin"}


def copy_of_the_checkout(folder: Path) -> Path:
    """A repository with the files of this one as they are now, committed or not."""
    made = folder / "source"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split("\0")  # fmt: skip
    for name in filter(None, listed):
        if (ROOT / name).is_symlink() or (ROOT / name).exists():
            (made / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, made / name, follow_symlinks=False)
    who = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    for words in (("init", "-q"), ("add", "-A"), (*who, "commit", "-qm", "as it is")):
        subprocess.run(["git", *words], cwd=made, check=True)
    return made


def shell(script: str, folder: Path) -> str:
    """What a script prints; it must not fail."""
    done = subprocess.run(
        ["bash", "-ec", script], cwd=folder, env=environment(folder), capture_output=True, text=True, timeout=SECONDS,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def blocks() -> list[Snippet]:
    return [block for block in snippets(ROOT / "README.md") if block.language in ("sh", "json")]


def test_the_readme_runs_from_the_clone_to_the_end_of_a_session(tmp_path: Path) -> None:
    first, demo, *rest = blocks()
    assert demo.text == FOREGROUND
    shell(first.text.replace(SOURCE, str(copy_of_the_checkout(tmp_path))), tmp_path)
    checkout = tmp_path / "sojourn"
    see_the_demo(checkout)

    port, parts = str(free_port()), []
    for number, block in enumerate(rest):
        if block.language == "sh":
            text = block.text.replace("8080", port)
            parts.append(f"{{\n{text}}} >../{number}.out 2>../{number}.err\n")
    script = "trap 'kill $(jobs -p)' EXIT\n" + "".join(parts)
    check = "/internal/session/sessions/usr_abc123/active -H \"X-API-Key: $API_KEY\" -H 'X-Tenant-ID: acme'"
    last = f"curl -s localhost:{port}{check}"
    after = json.loads(shell(script + last, checkout))

    assert after == {"active": False, "session_count": 0}
    answers = [json.loads(text) for number in range(len(rest)) if (text := printed(tmp_path, number)).startswith("{")]
    assert answers[0]["data"]["session"]["user_id"] == "usr_abc123"
    for number, block in enumerate(rest):
        if block.language == "json":
            shown, real = json.loads(block.text), json.loads(printed(tmp_path, number - 1))
            assert {name: real[name] for name in shown} == shown


def printed(folder: Path, number: int) -> str:
    """What block `number` printed, nothing if it was no block of commands."""
    file = folder / f"{number}.out"
    return file.read_text("utf-8") if file.exists() else ""


def see_the_demo(checkout: Path) -> None:
    """The demo says where to look first, and ends when it is interrupted."""
    command = [str(checkout / ".venv/bin/sojourn"), "demo", "--port", str(free_port())]
    process = subprocess.Popen(command, cwd=checkout, env=environment(checkout), stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        lines: list[str] = []
        while "Ctrl-C" not in "".join(lines[-1:]):
            lines.append(process.stdout.readline())
            assert lines[-1] or process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=120) == 0
    finally:
        process.kill()
        process.communicate()
    assert any(line.startswith("Open http://") for line in lines)
