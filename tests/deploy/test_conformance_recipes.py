"""The recipes that judge a server elsewhere: hadolint takes the image, and the action's script runs the suite."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from tests.deploy.programs import program

FOLDER = Path(__file__).parents[2] / "deploy" / "conformance"
SECONDS = 300


def action() -> dict[str, Any]:
    """The action, read."""
    document: dict[str, Any] = yaml.safe_load((FOLDER / "action.yml").read_text("utf-8"))
    return document


def run_script(folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """The last step of the action, as a runner runs it; `python` is the one of these tests."""
    (folder / "bin").mkdir()
    (folder / "bin" / "python").symlink_to(sys.executable)
    step = action()["runs"]["steps"][-1]
    given = {name: str(action()["inputs"][_input_of(value)].get("default", "")) for name, value in step["env"].items()}
    script = folder / "step.sh"
    script.write_text(step["run"], "utf-8")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
        env={**os.environ, **given, "PATH": path, "GITHUB_STEP_SUMMARY": str(folder / "shown.md"), **environ},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def _input_of(expression: str) -> str:
    """The input that an expression of a step names."""
    return expression.removeprefix("${{ inputs.").removesuffix(" }}")


def test_hadolint_finds_nothing_in_the_image_of_the_suite() -> None:
    done = subprocess.run(
        [program("hadolint"), str(FOLDER / "Containerfile")],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_every_input_of_the_action_reaches_the_script_through_the_environment() -> None:
    step = action()["runs"]["steps"][-1]

    assert {_input_of(value) for value in step["env"].values()} == set(action()["inputs"])
    assert "${{" not in step["run"]
    assert [name for name in step["env"] if f"${name}" not in step["run"]] == []


def test_the_script_of_the_action_ends_with_the_status_of_the_suite(tmp_path: Path) -> None:
    done = run_script(tmp_path, URL="http://127.0.0.1:9", API_KEY="x", ADMIN_TOKEN="x.eyJ0ZW5hbnRfaWQiOiAiYWNtZSJ9.x")

    assert done.returncode == 3, done.stdout + done.stderr
    assert "cannot be reached" in done.stderr
