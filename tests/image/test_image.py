"""The image of `deploy/container`, built on a base made from Debian's packages, and run: `tox -e image`.

Needs root, Debian's packages `buildah` and `mmdebstrap`, and some minutes: the base and all dependencies are fetched.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.live import free_port

HOME = Path(__file__).parents[2]
CONTAINER = HOME / "deploy/container"
TRUST = Path("/etc/ssl/certs/ca-certificates.crt")
PACKAGES = "python3,python3-venv,ca-certificates"
SECONDS = 1800
LIFE = """
set -eu
touch /tmp/start
SOJOURN_PORT={port}; export SOJOURN_PORT
sojourn api-key create --name app >/tmp/key
sojourn serve >/tmp/log 2>&1 & server=$!
tries=0
until {health}; do
    tries=$((tries + 1)); [ $tries -lt 120 ] || {{ cat /tmp/log; exit 9; }}
    sleep 0.5
done 2>/dev/null
kill -TERM $server
wait $server && echo "stopped with 0"
find / -xdev -newer /tmp/start -type f -not -path "/proc/*" -not -path "/sys/*" -not -path "/tmp/*" 2>/dev/null || true
"""


class Image(NamedTuple):
    """What was built, and the command that works with it."""

    buildah: tuple[str, ...]
    config: dict[str, object]

    def run(self, script: str) -> str:
        """What a script prints that is run in a new container, as the image's user."""
        made = run(*self.buildah, "from", "--pull-never", "sojourn").strip()
        try:
            return run(*self.buildah, "run", "--isolation", "chroot", made, "--", "sh", "-c", script)
        finally:
            run(*self.buildah, "rm", made)


def run(*command: str | Path) -> str:
    done = subprocess.run(
        [str(part) for part in command], cwd=HOME, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    """The image, built as its first lines say, with another base."""
    for name in ("buildah", "mmdebstrap"):
        if shutil.which(name) is None or os.getuid() != 0:
            pytest.fail(f"needs root and {name}: apt-get install buildah mmdebstrap")
    folder = tmp_path_factory.mktemp("image")
    buildah = ("buildah", "--root", f"{folder}/root", "--runroot", f"{folder}/run", "--storage-driver", "vfs")
    run("mmdebstrap", "--mode=root", "--variant=minbase", f"--include={PACKAGES}", "bookworm", folder / "base.tar")
    scratch = run(*buildah, "from", "scratch").strip()
    run(*buildah, "add", scratch, folder / "base.tar", "/")
    run(*buildah, "commit", "--rm", scratch, "python-base")
    run(
        *(*buildah, "bud", "--isolation", "chroot", "--pull-never", "--format", "docker"),
        *("--build-arg", "BASE=python-base", "--volume", f"{TRUST}:{TRUST}:ro", "--tag", "sojourn"),
        *("--ignorefile", CONTAINER / "Containerfile.dockerignore", "--file", CONTAINER / "Containerfile", "."),
    )
    found = json.loads(run(*buildah, "inspect", "--type", "image", "sojourn"))
    yield Image(buildah, found["Docker"]["config"])
    shutil.rmtree(folder)


def test_nobody_in_the_image_is_root_and_only_the_volume_can_be_written(image: Image) -> None:
    told = image.run("id -u; id -g; find / -xdev -type d -writable -not -path '/proc/*' 2>/dev/null || true")

    user, group, *folders = told.split()
    assert (user, group) == ("10001", "10001")
    assert {folder for folder in folders if not folder.startswith(("/dev", "/sys"))} == {
        "/tmp",
        "/var/tmp",
        "/run/lock",
        "/var/lib/sojourn",
    }


def test_the_image_serves_is_healthy_and_stops_when_it_is_told(image: Image) -> None:
    port = free_port()
    check = image.config["Healthcheck"]["Test"]  # type: ignore[index]
    assert check[0] == "CMD"
    health = " ".join(f'"{word}"' for word in check[1:]).replace("8080", str(port))

    told = image.run(LIFE.format(port=port, health=health)).splitlines()

    assert told[0] == "stopped with 0"
    assert told[1:]
    assert [file for file in told[1:] if not file.startswith("/var/lib/sojourn/")] == []


def test_the_image_says_how_it_is_run(image: Image) -> None:
    kept = {name: image.config[name] for name in ("User", "Cmd", "StopSignal", "WorkingDir")}

    assert kept == {
        "User": "10001",
        "Cmd": ["sojourn", "serve"],
        "StopSignal": "SIGTERM",
        "WorkingDir": "/var/lib/sojourn",
    }
    assert set(image.config["Volumes"]) == {"/var/lib/sojourn"}  # type: ignore[call-overload]
