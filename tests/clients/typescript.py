"""The TypeScript package and the programs that it is built and tried with."""

import os
import subprocess
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "clients/typescript"
TOOLS = PACKAGE / "node_modules/.bin"


def run(*command: str | Path, cwd: Path = PACKAGE, **environ: str) -> str:
    """What a program says. Fails the test when it does not succeed."""
    result = subprocess.run(
        command, cwd=cwd, env=os.environ | environ, capture_output=True, text=True, check=False, timeout=120
    )
    assert result.returncode == 0, f"{command}: {result.stdout[-6000:]}{result.stderr[-3000:]}"
    return result.stdout + result.stderr
