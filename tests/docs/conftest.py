"""The static site, built once for all its tests."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.snippets import ROOT


def build(source: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Build the pages of `source` as `tox -e docs` does; a warning is an error."""
    options = ["-q", "-W", "-b", "html", "-c", str(ROOT / "docs"), "-d", str(folder / "doctrees")]
    command = [sys.executable, "-m", "sphinx", *options, str(source), str(folder / "html")]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built anew."""
    folder = tmp_path_factory.mktemp("site")
    done = build(ROOT / "docs", folder)
    assert done.returncode == 0, done.stderr
    return folder / "html"
